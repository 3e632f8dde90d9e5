"""The secrets of one data folder: made on the first start, kept in a file that only its owner can read."""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from infrastructure.local.settings import LocalError, folder_errors_named


@dataclass(frozen=True)
class Credentials:
    access_key: str
    secret_key: str
    samples_token: str  # of the writer that the sample images belong to

    @staticmethod
    def are_in(data: Path) -> bool:
        """Tell whether a folder of data has credentials. Raises LocalError where it cannot be looked into."""
        with folder_errors_named(data):
            return _file(data).exists()

    @classmethod
    def of(cls, data: Path) -> "Credentials":
        """Return the credentials of a data folder; make them if it has none. Raises LocalError."""
        file = _file(data)
        with folder_errors_named(data):
            if not file.exists():
                cls(secrets.token_hex(10), secrets.token_urlsafe(30), secrets.token_urlsafe(32))._write(file)
            kept = file.read_bytes()
        try:
            return cls(**json.loads(kept))
        except (ValueError, TypeError):
            raise LocalError(
                f"{file} holds no credentials. Delete it: the next start makes new ones."
            ) from None

    def _write(self, file: Path) -> None:
        """Write a file that is whole from its beginning. Its owner alone can read it."""
        with NamedTemporaryFile("w", dir=file.parent, delete=False) as unfinished:
            try:
                json.dump(asdict(self), unfinished)
                unfinished.flush()
            except OSError:  # a full disk
                Path(unfinished.name).unlink()
                raise
        Path(unfinished.name).replace(file)


def _file(data: Path) -> Path:
    return data / "credentials.json"
