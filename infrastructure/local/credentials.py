"""The secrets of one data folder: made on the first start, kept in a file that only its owner can read."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Credentials:
    access_key: str
    secret_key: str
    samples_token: str  # of the writer that the sample images belong to

    @classmethod
    def of(cls, data: Path) -> "Credentials":
        """Return the credentials of a data folder; make them if it has none."""
        file = data / "credentials.json"
        if not file.exists():
            made = cls(secrets.token_hex(10), secrets.token_urlsafe(30), secrets.token_urlsafe(32))
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
                json.dump(asdict(made), opened)
        return cls(**json.loads(file.read_text()))
