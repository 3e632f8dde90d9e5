"""Decoding and preprocessing under a fuzzer that looks for new branches: `make fuzz-guided`.

    python -m tests.fuzz.guided FOLDER [-max_total_time=SECONDS] [-runs=N] …

FOLDER keeps what led to new branches; an empty one begins with a file of each format, mode and compression.
A file that provokes anything else than a picture for the network or a refusal, or takes 120 s or 4 GB, is
written down as crash-…, timeout-… or oom-…, and ends the run with an error. The options are libFuzzer's.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["PIL", "inference_image"], enable_loader_override=False):
    from PIL import (  # noqa: F401  Pillow imports its formats when they are used: too late to be watched
        BmpImagePlugin,
        ExifTags,
        GifImagePlugin,
        ImageFile,
        JpegImagePlugin,
        MpoImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    from inference_image.bounds import bounded_time
    from inference_image.decoding import ImageError
    from inference_image.limits import Limits
    from inference_image.preprocessing import preprocess

from tests.fuzz.bodies import files

LIMITS = Limits(pixels=2_000_000, decoding_bytes=16_000_000)  # so that thousands are read while one would be
OUTCOMES = {(28, 28), 413, 415, 422}


def read(data: bytes) -> None:
    """Read an upload as a worker does; any other outcome than what is promised is an error."""
    outcome: object
    try:
        with bounded_time(2):
            outcome = preprocess(data, LIMITS)[0].pixels.shape
    except ImageError as error:
        outcome = error.status
    assert outcome in OUTCOMES


def main() -> None:
    """Fuzz until the options, a finding or ctrl-C end it."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.iterdir()):
        for number, data in enumerate(files()):
            (folder / f"file-{number}").write_bytes(data)
    bounds = ["-timeout=120", "-rss_limit_mb=4096", "-max_len=20000", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *bounds, *sys.argv[1:]], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
