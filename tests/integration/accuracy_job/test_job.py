from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parents[3]
SECONDS = 60


class Bucket(Protocol):
    """What conftest.py's fixture gives."""

    name: str
    url: str
    environment: dict[str, str]
