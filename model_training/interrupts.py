"""What ends work that takes minutes: ctrl-C, SIGTERM, data or a model that cannot be used."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper

from inference_image.model import ModelError
from model_training.data import DataError


@contextmanager
def interruptible(what_is_left: str) -> Iterator[None]:
    """Let each end the program with one line, after all inside has cleaned up.

    The status is 130 if it was interrupted, else 1. What the terminal cannot show is a "?" there.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # closed, it is None
            stream.reconfigure(errors="replace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        print(f"Interrupted. {what_is_left}", file=sys.stderr)  # noqa: T201 - the program's last word
        sys.exit(130)
    except (DataError, ModelError) as error:
        sys.exit(str(error))
