"""Files of pairs, on this machine or in S3: splits that are read a part of a file at a time."""

import csv
import io
import os
import re
from codecs import getincrementaldecoder
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from glob import escape, glob, has_magic
from itertools import chain
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from pyarrow import fs

from accuracy_job.checks import MAX_SHOWN, Fault, Names, path_day, rejections
from accuracy_job.columns import check_columns
from accuracy_job.engines import MapReduce
from accuracy_job.kernel import Batch, Counts, Rejections, added, merge
from accuracy_job.records import NOT_JSON, Text, check_texts
from accuracy_job.splits import Seen, Split, count_all, unseen

S3 = "s3://"
ADDRESS = re.compile(r"https?://([\w.-]+|\[[\da-f:.]+\])(:\d+)?(/\S*)?", re.IGNORECASE)
LINES_PER_BATCH, BYTES_PER_BATCH = 2**14, 2**23
ROWS_PER_BATCH = 2**18  # of Parquet: the fastest of 2**16 to 2**20
SPLITS_PER_FILE = 16  # of Parquet, at most
MAX_LINE = 2**20  # bytes of JSON
MAX_GROUPS = 100_000  # of models and days: 1.4 kB each
MAX_COLUMNS = 500  # characters of them in a message
BLOCK = pa_csv.ReadOptions().block_size  # bytes of CSV
COMPRESSED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
END = "\0end"  # a row behind the last: of one cell, in whatever the delimiter is
# A byte order mark and blank lines, which both may lie before the first row; or a file of nothing else.
BEFORE_FIRST_ROW = re.compile(rb"\A(?:\xef\xbb\xbf)?(?:(?:\s|\xc2\xa0)*(?:[\r\n]|\Z))?")
DELIMITERS = "\t,; "  # the first of them that parts the first row
csv.field_size_limit(BLOCK)  # as Arrow's


class InputError(Exception):
    """The input cannot be read as pairs. The message says what is wrong, and where."""


class StoreError(Exception):
    """The store does not do what it is asked for. The message says which store, and what it answers."""


@dataclass(frozen=True)
class FileSplit:
    """A file of pairs, or some row groups of a Parquet file. Raises InputError where it cannot be read."""

    url: str  # a path, or s3://bucket/key
    names: Names
    row_groups: tuple[int, ...] = ()

    def batches(self) -> Iterator[Batch]:
        reader = READERS.get(_ending(self.url))
        if reader is None:
            raise InputError(
                f"{self.url}: the name must end in {', '.join(filter(None, READERS))} or have no ending"
            )
        with _errors_named(self.url):
            yield from reader(self)

    def counts(self, seen: Seen = unseen) -> Counts:
        return count_all(self.batches(), seen, merge_few)


def merge_few(one: Counts, other: Counts) -> Counts:
    """Reduce, as `merge` does. Raises InputError of more groups than any report has: they fill the memory."""
    counts = merge(one, other)
    if len(counts.matrices) > MAX_GROUPS:
        found = f"there are more than {MAX_GROUPS:,} models and days"
        raise InputError(f"{found}: does --model or --time name the wrong column?")
    return counts


COUNTING: MapReduce[Split, Counts] = MapReduce(lambda split, seen: split.counts(seen), merge_few, Counts())


def are_files(url: str) -> bool:
    """Tell whether a URL names files. `s3://bucket/prefix` without an ending or a glob names a store."""
    return not url.startswith(S3) or has_magic(url) or _ending(url) in READERS.keys() - {""}


def splits(pattern: str, names: Names) -> list[FileSplit]:
    """Return the parts of all files that a path, folder or glob names. Raises InputError."""
    return [split for url in find(pattern) for split in _splits(url, names)]


def find(pattern: str) -> list[str]:
    """Return the files that a path, folder or glob names, sorted. Raises InputError where there is none.

    In a folder, at any depth, names that start with "." or "_" are passed over, as Hadoop does.
    """
    with _errors_named(pattern):
        files = _find_s3(pattern) if pattern.startswith(S3) else _find_here(pattern)
    if not files:
        raise InputError(f"{pattern}: no such file, and no file in such a folder")
    return sorted(files)


def would_find(pattern: str, file: str) -> bool:
    """Tell whether `find` would return a file that is not there yet."""
    in_s3 = pattern.startswith(S3)
    if in_s3 != file.startswith(S3) or Path(pattern).is_file():
        return False
    path, named = (PurePosixPath(each if in_s3 else os.path.realpath(each)) for each in (file, pattern))
    places = (path, *path.parents)
    return any(
        fnmatchcase(str(place), str(named)) if in_s3 else place.match(str(named)) for place in places
    ) and not _hidden(path.relative_to(_folder(str(named))).parts)


@contextmanager
def _errors_named(url: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeError) as error:  # the last of a name that is no UTF-8
        is_of_the_store = url.startswith(S3) and "AWS Error" in str(error)  # Arrow's words
        message = " ".join(str(error).split())  # of Arrow's several lines one, all of which Spark hands on
        raise (StoreError if is_of_the_store else InputError)(f"{url}: {message}") from error


def _find_here(pattern: str) -> Iterable[str]:
    """Return each file once, by its path of the fewest links: another may lack the folder of its day."""
    paths = [Path(path) for path in glob(escape(pattern))]  # noqa: PTH207 -- Path.glob takes no absolute ones
    if not paths:
        folder = Path(_folder(pattern))
        matches = map(Path, _matches(pattern))
        paths = [path for path in matches if not _hidden(path.relative_to(folder).parts)]
    files = sorted({file for path in paths for file in _files(path)}, key=_links, reverse=True)
    return {os.path.realpath(file): str(file) for file in files}.values()


def _matches(pattern: str) -> list[str]:
    """Do as glob does, but enter no folder twice below `**`: links may lead round in circles."""
    above, *below = re.split(r"(?<![^/])\*\*(?:/|$)", pattern, maxsplit=1)
    if not below:
        return glob(pattern)  # noqa: PTH207
    folders = [folder for top in glob(above or ".") for folder, _ in _walk(Path(top))]  # noqa: PTH207
    return [path for folder in folders for path in _matches(f"{escape(str(folder))}/{below[0]}")]


def _files(path: Path) -> list[Path]:
    if path.is_fifo():  # or what <(…) of a shell is
        raise InputError(f"{path}: a pipe can be read once only, write it to a file first")
    if not path.is_dir():
        return [path]
    files = (folder / name for folder, names in _walk(path) for name in names if not _hidden((name,)))
    # A link that leads nowhere is one that cannot be read: the report would be of the rest alone.
    return [file for file in files if file.is_file() or not file.exists()]


def _walk(top: Path) -> Iterator[tuple[Path, list[str]]]:
    """Return a folder and those below it, with the names of their files: each once, by links at last."""
    tops, entered = [top], set[str]()
    for start in tops:
        for path, folders, names in os.walk(start, onerror=_raised):
            folder, real = Path(path), os.path.realpath(path)
            folders[:] = [] if real in entered else sorted(name for name in folders if not _hidden((name,)))
            tops += [link for name in folders if (link := folder / name).is_symlink()]
            if real not in entered:
                entered.add(real)
                yield folder, names


def _raised(error: OSError) -> None:
    """Do not pass over a folder that may not be read: the report would be of the rest alone."""
    raise error


def _links(path: Path) -> tuple[int, Path]:
    return sum(part.is_symlink() for part in (path, *path.parents)), path


def _find_s3(pattern: str) -> Iterable[str]:
    """Return the objects that match. As S3 knows no folders, `*` matches a slash, too."""
    filesystem, path = _place(pattern)
    if (there := filesystem.get_file_info(path)).is_file:
        return {pattern}
    if there.type == fs.FileType.Directory:  # as Spark writes, also with an ending
        path = f"{path.rstrip('/')}/*"
    elif not has_magic(path):
        return set()
    folder = _folder(path)
    found = filesystem.get_file_info(fs.FileSelector(folder.rstrip("/"), recursive=True))
    names = {item.path.removeprefix(folder) for item in found if item.is_file}
    return {
        f"{S3}{folder}{name}"
        for name in names
        if fnmatchcase(f"{folder}{name}", path) and not _hidden(PurePosixPath(name).parts)
    }


def _folder(pattern: str) -> str:
    """Return the folder that all matches of a glob lie in, with its slash."""
    return re.split(r"[^/]*[*?[]", pattern)[0]


def _hidden(parts: tuple[str, ...]) -> bool:
    return any(part[0] in "._" for part in parts)


def forget_empty(variables: MutableMapping[str, str]) -> None:
    """Unset the AWS_ variables that are empty: so AWS's own programs read them, and obstore does not."""
    for name in [name for name, value in variables.items() if name.startswith("AWS_") and not value]:
        del variables[name]


def endpoint(service: str, variables: Mapping[str, str] = os.environ) -> str | None:
    """Return the address that the AWS_ variables give a service. Raises InputError where it is none."""
    for name in (f"AWS_ENDPOINT_URL_{service}", "AWS_ENDPOINT_URL"):
        if url := variables.get(name):
            if not ADDRESS.fullmatch(url):
                raise InputError(f"{name} is {url}: it must be like http://localhost:8333 or https://host")
            return url
    return None


def _place(url: str) -> tuple[fs.FileSystem, str]:
    """Return the file system of a URL, and the path in it."""
    if not url.startswith(S3):
        return fs.LocalFileSystem(), url
    return _s3(endpoint("S3")), url.removeprefix(S3)


@cache
def _s3(address: str | None) -> fs.S3FileSystem:
    return fs.S3FileSystem(endpoint_override=address, connect_timeout=3, request_timeout=10)


def _stream(url: str) -> pa.NativeFile:
    """Open a file of text, decompressed as its ending says."""
    filesystem, path = _place(url)
    compression = COMPRESSED.get(PurePosixPath(url).suffix.lower())
    if compression and filesystem.get_file_info(path).size == 0:
        raise InputError(f"{url}: the file is empty, and so no {compression}: did its upload fail?")
    return filesystem.open_input_stream(path, compression=compression)


def _ending(url: str) -> str:
    """Return the last ending that names no compression."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(url).suffixes]
    return next((suffix for suffix in reversed(suffixes) if suffix not in COMPRESSED), "")


def _splits(url: str, names: Names) -> list[FileSplit]:
    if not url.startswith(S3):
        url = str(Path(url).absolute())  # an executor is in another folder
    if _ending(url) != ".parquet":
        return [FileSplit(url, names)]
    filesystem, path = _place(url)
    with _errors_named(url):
        groups = range(pq.read_metadata(path, filesystem=filesystem).num_row_groups)
    step = -(-len(groups) // SPLITS_PER_FILE) or 1
    parts = [FileSplit(url, names, tuple(groups[i : i + step])) for i in groups[::step]]
    return parts or [FileSplit(url, names)]  # of no row groups: its columns are looked at all the same


def _read_parquet(split: FileSplit) -> Iterator[Batch]:
    filesystem, path = _place(split.url)
    schema = pq.read_schema(path, filesystem=filesystem)
    columns = _present(schema.names, split)
    for name in columns:
        if pa.types.is_nested(kind := schema.field(name).type):
            raise InputError(f"{split.url}: the column {name} is nested: {kind}")
    models = [name for name in columns if name == split.names.model]
    # Reading a row group ahead of its decoding would hold it twice; each of few models is decoded once.
    with pq.ParquetFile(path, filesystem=filesystem, read_dictionary=models, pre_buffer=False) as file:
        batches = file.iter_batches(ROWS_PER_BATCH, split.row_groups, columns, use_threads=False)
        for batch in batches:
            yield check_columns(batch, split.names, split.url)


def _read_csv(split: FileSplit) -> Iterator[Batch]:
    delimiter, header = _first_row(split.url)
    if header:  # Hadoop leaves empty parts.
        yield from _read_text(split, delimiter, _present(header, split), None)


def _read_headerless(split: FileSplit) -> Iterator[Batch]:
    delimiter, cells = _first_row(split.url)
    if cells:
        if len(cells) != 2:
            raise InputError(
                f"{split.url}: a file without a header must have two columns, it has {len(cells)}"
            )
        columns = [split.names.true, split.names.predicted]
        _present(columns, split)
        yield from _read_text(split, delimiter, columns, columns)


def _read_text(
    split: FileSplit, delimiter: str, columns: list[str], header: list[str] | None
) -> Iterator[Batch]:
    """Read cells as bytes: nothing is guessed from the first rows, and what is no number stops nothing."""
    short: list[Fault] = []  # rows with too few or too many cells
    rejected: Rejections = {}  # such rows of before
    is_whole = False

    def skip(row: pa_csv.InvalidRow) -> str:
        nonlocal rejected, is_whole
        if row.text == END:
            is_whole = True
            return "skip"
        short.append(wrong_width(row, split.url))
        if len(short) == LINES_PER_BATCH:  # here, as a file may have no others, and so no batch
            rejected = added(rejected, rejections(short))
            short.clear()
        return "skip"

    with _stream(split.url) as stream:
        batches = pa_csv.open_csv(
            _Unicode(stream),
            pa_csv.ReadOptions(column_names=header),
            pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip),
            pa_csv.ConvertOptions(include_columns=columns, column_types=dict.fromkeys(columns, pa.binary())),
        )
        try:
            for batch in batches:
                yield check_columns(batch, split.names, split.url)
        except pa.ArrowInvalid:  # a cell that is larger than a block, as the rest of a file would be
            if _ends_in_quotes(split.url, delimiter):
                raise _open_quotes(split.url) from None
            raise
    if not is_whole:
        raise _open_quotes(split.url)
    yield Batch(rejected=added(rejected, rejections(short)))


def wrong_width(row: pa_csv.InvalidRow, url: str) -> Fault:
    """Say of a row that it has too few or too many cells. Many may wait, so no more is kept than is shown."""
    return Fault("not as many cells as columns", url, row.text[:MAX_SHOWN].encode())


def _open_quotes(url: str) -> InputError:
    return InputError(f'{url}: the " that opens a cell is missing its end: all that follows is lost')


def _ends_in_quotes(url: str, delimiter: str) -> bool:
    """Tell whether a row behind the last would be a part of it."""
    with _stream(url) as stream, io.TextIOWrapper(stream, "utf-8-sig", "replace", newline="") as lines:
        try:
            rows = deque(csv.reader(chain(lines, ["\n", END]), delimiter=delimiter), maxlen=1)
        except csv.Error:  # a cell of more than a block
            return True
        return rows.pop() != [END]


class _Unicode(io.RawIOBase):
    """Text without what is no UTF-8 and without blank lines before it, and with END behind its last line.

    Arrow gives up at a row of too few cells that is no UTF-8, and takes a line of blanks for a header. Of
    END it tells as of any row of too few cells, but where a cell in quotes without an end has swallowed it.
    """

    def __init__(self, stream: pa.NativeFile) -> None:
        self._stream = stream
        self._next = BEFORE_FIRST_ROW.sub(b"", stream.read(BLOCK))
        self._decoder = getincrementaldecoder("utf-8")("replace")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        while part := self._next:
            self._next = self._stream.read(size)
            end = "" if self._next else f"\n{END}\n"  # in the block of the last line
            if text := self._decoder.decode(part, final=not self._next) + end:
                return text.encode()
        return b""


def _read_json_lines(split: FileSplit) -> Iterator[Batch]:
    day = path_day(split.url)
    with _stream(split.url) as stream, io.BufferedReader(stream) as lines:
        numbered = ((number, line.strip()) for number, line in enumerate(_lines(lines), 1))
        texts = (Text(f"{split.url}:{number}", line, day) for number, line in numbered if line)
        for part in _parts(texts):
            yield check_texts(part, split.names, f"{NOT_JSON}, of which a line must hold one object")


def _parts(texts: Iterable[Text]) -> Iterator[list[Text]]:
    """Part texts so that each part is neither of many lines nor of many bytes."""
    part, size = list[Text](), 0
    for text in texts:
        part.append(text)
        size += len(text.body)
        if len(part) == LINES_PER_BATCH or size > BYTES_PER_BATCH:
            yield part
            part, size = [], 0
    if part:
        yield part


def _lines(stream: io.BufferedReader) -> Iterator[bytes]:
    """Return the lines; of one that is too long to be kept its beginning, which is no JSON."""
    while line := stream.readline(MAX_LINE):
        yield line
        while len(line) == MAX_LINE and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE)


def _first_row(url: str) -> tuple[str, list[str]]:
    """Return the delimiter, and the cells of the first row that is not blank; none in an empty file."""
    with _stream(url) as stream:
        start = stream.read(BLOCK)
    lines = io.StringIO(BEFORE_FIRST_ROW.sub(b"", start).decode(errors="replace"), newline="")
    for delimiter in (*DELIMITERS, ","):  # the last for a row of one cell
        lines.seek(0)
        rows = csv.reader(lines, delimiter=delimiter)
        if len(cells := next(rows, [])) > 1:
            break
    if next(rows, None) is None:
        if len(start) == BLOCK:
            raise InputError(f"{url}: the first row does not end within {BLOCK:,} bytes")
        if cells and _ends_in_quotes(url, delimiter):
            raise _open_quotes(url)
    return delimiter, cells


def _present(columns: list[str], split: FileSplit) -> list[str]:
    """Return the columns to read. Raises InputError where one that must be there is not, or one is twice."""
    parts = split.names.of_parts()
    missing = [parts[part] for part in sorted(split.names.required) if parts[part] not in columns]
    if missing:
        there = ", ".join(map(repr, columns)) or "none"  # a blank in a name is to be seen
        if len(there) > MAX_COLUMNS:
            there = f"{there[:MAX_COLUMNS]} …"
        raise InputError(
            f"{split.url}: there is no column {' and no column '.join(missing)}; its columns: {there}"
        )
    present = [name for name in parts.values() if name in columns]
    if doubled := [name for name in present if columns.count(name) > 1]:
        raise InputError(f"{split.url}: there is more than one column {' and more than one '.join(doubled)}")
    return present


READERS: dict[str, Callable[[FileSplit], Iterator[Batch]]] = {
    ".parquet": _read_parquet,
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".json": _read_json_lines,
    ".txt": _read_headerless,
    "": _read_headerless,
}
