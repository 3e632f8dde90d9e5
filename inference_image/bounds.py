"""What reading one image may take of a worker, whatever its file makes the decoders do.

A header does not tell what its file costs: 400 kB of JPEG took 35 s, and 1 kB of BMP asks for 12.8 GB with
each of its jumps. So the kernel watches beside the limits that are checked before anything is decoded.
"""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inference_image.decoding import ImageError

SPARE_BYTES = 64 * 2**20  # what the allocator keeps: see KEEP_MEMORY in `supervisor`

AGAIN_SECONDS = 0.5  # later it raises again: Pillow takes whatever is raised in some metadata for a warning


def bound_memory(further_bytes: int) -> None:
    """Let this process take so much more than it has now; what asks for more gets a MemoryError (Linux)."""
    status = Path("/proc/self/status")
    if status.exists():
        sizes = dict(line.split(":", 1) for line in status.read_text().splitlines())
        now = int(sizes["VmData"].split()[0]) * 1024
        bound, hard = now + further_bytes + SPARE_BYTES, resource.getrlimit(resource.RLIMIT_DATA)[1]
        soft = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@contextmanager
def bounded_time(seconds: float) -> Iterator[None]:
    """Raise ImageError 413 inside once the process has computed for so long. For the main thread.

    Processor time, not the clock's: a machine with other work to do refuses nothing for that.
    """

    def end(*_: object) -> None:
        raise ImageError(413, f"the image takes more than {seconds} s to read")

    signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds, AGAIN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
