"""Files of pairs as checked batches, a part of a file in memory at a time."""

import csv
import io
from collections.abc import Iterator
from glob import escape, glob
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from accuracy_job.checks import Fault, Names, path_day, rejections
from accuracy_job.columns import check_columns
from accuracy_job.kernel import Batch
from accuracy_job.records import Text, check_texts

LINES_PER_BATCH = 2**14
ROWS_PER_BATCH = 2**18  # of Parquet: the fastest of 2**16 to 2**20
COMPRESSED = {".gz", ".zst", ".bz2"}
DELIMITERS = "\t,; "  # the first of them that occurs in the first line


class InputError(Exception):
    """The input cannot be read as pairs. The message says what is wrong, and where."""


def find(pattern: str) -> list[Path]:
    """Return the files that a path, folder or glob names, sorted. Raises InputError where there is none.

    In a folder, at any depth, names that start with "." or "_" are passed over, as Hadoop does.
    """
    paths = glob(escape(pattern)) or glob(pattern, recursive=True)  # noqa: PTH207 -- Path.glob takes no absolute ones
    files = {file for path in paths for file in _files(Path(path))}
    if not files:
        raise InputError(f"{pattern}: no such file, and no file in such a folder")
    return sorted(files)


def read(path: Path, names: Names) -> Iterator[Batch]:
    """Return the pairs of one file; its name says what it holds. Raises InputError."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in COMPRESSED]
    reader = READERS.get(suffixes[-1] if suffixes else "")
    if reader is None:
        raise InputError(f"{path}: the name must end in {', '.join(filter(None, READERS))} or have no ending")
    try:
        yield from reader(path, names)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: {error}") from error


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    inside = [file for file in path.rglob("*") if file.is_file()]
    return [file for file in inside if not any(part[0] in "._" for part in file.relative_to(path).parts)]


def _read_parquet(path: Path, names: Names) -> Iterator[Batch]:
    models = {names.model} & set(pq.read_schema(path).names)
    with pq.ParquetFile(path, read_dictionary=list(models)) as file:  # each model is decoded once
        columns = _present(file.schema_arrow.names, names, path)
        for batch in file.iter_batches(ROWS_PER_BATCH, columns=columns):
            yield check_columns(batch, names, str(path))


def _read_csv(path: Path, names: Names) -> Iterator[Batch]:
    delimiter, header = _first_line(path)
    yield from _read_text(path, names, delimiter, _present(header, names, path), None)


def _read_headerless(path: Path, names: Names) -> Iterator[Batch]:
    delimiter, cells = _first_line(path)
    if cells:  # Hadoop leaves empty parts.
        if len(cells) != 2:
            raise InputError(f"{path}: a file without a header must have two columns, it has {len(cells)}")
        columns = [names.true, names.predicted]
        yield from _read_text(path, names, delimiter, columns, columns)


def _read_text(
    path: Path, names: Names, delimiter: str, columns: list[str], header: list[str] | None
) -> Iterator[Batch]:
    """Read cells as bytes: nothing is guessed from the first rows, and what is no number stops nothing."""
    short: list[Fault] = []  # rows with too few or too many cells, emptied after every batch

    def skip(row: pa_csv.InvalidRow) -> str:
        short.append(Fault("not as many cells as columns", str(path), row.text.encode()))
        return "skip"

    with pa.input_stream(path) as stream:
        batches = pa_csv.open_csv(
            stream,
            pa_csv.ReadOptions(column_names=header),
            pa_csv.ParseOptions(delimiter=delimiter, invalid_row_handler=skip),
            pa_csv.ConvertOptions(include_columns=columns, column_types=dict.fromkeys(columns, pa.binary())),
        )
        for batch in batches:
            yield check_columns(batch, names, str(path))
    yield Batch(rejected=rejections(short))


def _read_json_lines(path: Path, names: Names) -> Iterator[Batch]:
    day = path_day(str(path))
    with pa.input_stream(path) as stream, io.BufferedReader(stream) as lines:
        numbered = ((number, line.strip()) for number, line in enumerate(lines, 1))
        texts = (Text(f"{path}:{number}", line, day) for number, line in numbered if line)
        while part := list(islice(texts, LINES_PER_BATCH)):
            yield check_texts(part, names)


def _first_line(path: Path) -> tuple[str, list[str]]:
    """Return the delimiter, and the cells of the first line that is not blank; none in an empty file."""
    with pa.input_stream(path) as stream:
        lines = stream.read(2**16).decode("utf-8-sig", errors="replace").splitlines()
    line = next(filter(str.strip, lines), "")
    delimiter = next((mark for mark in DELIMITERS if mark in line), ",")
    return delimiter, next(csv.reader([line], delimiter=delimiter), [])


def _present(columns: list[str], names: Names, path: Path) -> list[str]:
    """Return the columns to read. Raises InputError where one is missing that must be there."""
    parts = names.of_parts()
    missing = [parts[part] for part in sorted(names.required) if parts[part] not in columns]
    if missing:
        there = ", ".join(columns) or "none"
        raise InputError(
            f"{path}: there is no column {' and no column '.join(missing)}; its columns: {there}"
        )
    return [name for name in parts.values() if name in columns]


READERS = {
    ".parquet": _read_parquet,
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".json": _read_json_lines,
    ".txt": _read_headerless,
    "": _read_headerless,
}
