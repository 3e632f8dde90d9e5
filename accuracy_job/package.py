"""What a Spark cluster is given of this package: its modules, as a zip for `spark-submit --py-files`."""

import hashlib
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile, ZipInfo

PACKAGE = Path(__file__).parent
ENTRY = PACKAGE / "__main__.py"
LOCK = PACKAGE / "requirements.lock"


def files() -> dict[str, bytes]:
    """Return what follows from this folder alone, so that a package can be told from one of other code."""
    return {
        "main.py": ENTRY.read_bytes(),
        "job.zip": zipped(),
        "requirements.sha256": hashlib.sha256(LOCK.read_bytes()).hexdigest().encode(),
    }


def zipped(package: Path = PACKAGE) -> bytes:
    """Return a package, so that it can be imported from the zip.

    The same files give the same bytes: without times and modes, and not compressed, because versions of zlib
    differ.
    """
    content = BytesIO()
    with ZipFile(content, "w") as archive:
        for file in sorted(package.rglob("*")):
            if file.suffix in {".py", ".html"}:
                archive.writestr(ZipInfo(str(file.relative_to(package.parent))), file.read_bytes())
    return content.getvalue()
