"""The contract as it is served."""

import json
from functools import cache
from pathlib import Path
from typing import Any


def served_at(path: str) -> dict[str, Any]:
    """Return the document as asked for at a path. What stands before it, on AWS a stage, always does."""
    return _document() | {"servers": [{"url": path.removesuffix("/openapi.json") or "/"}]}


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Path(__file__).with_name("openapi.json").read_bytes())
    return document
