"""What a Spark cluster is given of this package: its modules, as a zip for `spark-submit --py-files`."""

from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

PACKAGE = Path(__file__).parent
ENTRY = PACKAGE / "__main__.py"


def write_zip(path: Path) -> None:
    """Write the package, so that it can be imported from the zip."""
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for file in sorted(PACKAGE.rglob("*")):
            if file.suffix in {".py", ".html"}:
                archive.write(file, file.relative_to(PACKAGE.parent))
