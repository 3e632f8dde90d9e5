"""Where the programs write to: a terminal, a file, or nothing."""

import sys
from io import TextIOWrapper


def be_lenient() -> None:
    """Write a "?" for what a terminal cannot show, rather than fail. Closed, a stream is None."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
