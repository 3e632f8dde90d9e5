"""What an upload may be at most."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What is refused with 413."""

    image_bytes: int = 10 * 2**20
    pixels: int = 50_000_000
    decoding_bytes: int = 200 * 2**20  # of memory, as its size, format and mode tell: see `decoding`
