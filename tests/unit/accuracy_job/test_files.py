import gzip
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from accuracy_job.checks import MAX_SHOWN, Names
from accuracy_job.engines import COUNTING, local
from accuracy_job.files import InputError, are_files, endpoint, find, splits, would_find, wrong_width
from accuracy_job.kernel import Counts, Group

Writer = Callable[[Path], None]
PAIRS = [(0, 0), (7, 1), (7, 7)]
NOT_JSON_LINE = "not JSON, of which a line must hold one object"


def counts_of(path: Path, names: Names | None = None) -> Counts:
    return local.run(COUNTING, splits(str(path), names or Names()), at_once=2)


def pairs_in(counts: Counts) -> list[tuple[int, int]]:
    total = sum(counts.matrices.values(), np.zeros((10, 10), int))
    return [(true, predicted) for (true, predicted), n in np.ndenumerate(total) for _ in range(n)]


def rejected_in(counts: Counts) -> dict[str, int]:
    return {reason: each.count for reason, each in counts.rejected.items()}


def write_parquet(path: Path) -> None:
    true, predicted = zip(*PAIRS, strict=True)
    pq.write_table(pa.table({"true": true, "predicted": predicted, "note": ["x"] * 3}), path)


def write_csv(path: Path) -> None:
    path.write_text("id,true,predicted\n" + "".join(f"{i},{t},{p}\n" for i, (t, p) in enumerate(PAIRS)))


def write_tsv(path: Path) -> None:
    path.write_text("true\tpredicted\n" + "".join(f"{t}\t{p}\n" for t, p in PAIRS))


def write_json_lines(path: Path) -> None:
    path.write_text("".join(f'{{"true": {t}, "predicted": {p}}}\n\n' for t, p in PAIRS))


def write_pairs(path: Path) -> None:
    path.write_text("".join(f"{t}\t{p}\n" for t, p in PAIRS))


WRITERS = {
    "a.parquet": write_parquet,
    "a.csv": write_csv,
    "A.CSV": write_csv,
    "a.tsv": write_tsv,
    "a.jsonl": write_json_lines,
    "a.ndjson": write_json_lines,
    "a.json": write_json_lines,
    "a.txt": write_pairs,
    "part-00000": write_pairs,
}


@pytest.mark.parametrize(("name", "write"), WRITERS.items())
def test_every_kind_of_file_holds_the_same_pairs(name: str, write: Writer, tmp_path: Path) -> None:
    write(tmp_path / name)
    counts = counts_of(tmp_path / name)
    assert pairs_in(counts) == PAIRS
    assert counts.rejected == {}


@pytest.mark.parametrize("ending", [".gz", ".zst", ".bz2"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.txt", "part-00000"])
def test_files_may_be_compressed(name: str, ending: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    compressed = tmp_path / (name + ending)
    with pa.output_stream(compressed) as stream:  # by the name's ending
        stream.write((tmp_path / name).read_bytes())
    assert pairs_in(counts_of(compressed)) == PAIRS
    assert pairs_in(counts_of(compressed.rename(compressed.with_suffix(ending.upper())))) == PAIRS


def test_gzip_of_several_members_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "part-00000.gz"
    path.write_bytes(gzip.compress(b"0,0\n7,1\n") + gzip.compress(b"7,7\n"))
    assert pairs_in(counts_of(path)) == PAIRS


@pytest.mark.parametrize("line", ["7\t1", "7,1", "7;1", "7 1"])
def test_pairs_without_a_header_are_split_at_any_usual_mark(line: str, tmp_path: Path) -> None:
    path = tmp_path / "part-00000"
    path.write_text(f"\n{line}\n{line}\r\n")
    assert pairs_in(counts_of(path)) == [(7, 1)] * 2


@pytest.mark.parametrize("text", ["", "\n\n", "  ", "\ufeff", "\f\n"])
@pytest.mark.parametrize("name", ["part-00000", "a.txt", "a.jsonl", "a.csv", "a.tsv"])
def test_an_empty_file_of_text_holds_no_pairs(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert counts_of(tmp_path / name).matrices == {}


def test_an_empty_part_takes_nothing_from_the_others(tmp_path: Path) -> None:
    (tmp_path / "part-0.csv").touch()
    write_csv(tmp_path / "part-1.csv")
    assert pairs_in(counts_of(tmp_path)) == pairs_in(counts_of(tmp_path / "*.csv")) == PAIRS


@pytest.mark.parametrize("text", ["true,predicted\n", "true,predicted", "\n\ntrue,predicted"])
def test_a_csv_of_a_header_alone_holds_no_pairs(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    counts = counts_of(tmp_path / "a.csv")
    assert (counts.matrices, counts.rejected) == ({}, {})


def test_a_byte_order_mark_and_quotes_are_no_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b'\xef\xbb\xbf"true","predicted"\r\n"7","1"\r\n')
    assert pairs_in(counts_of(tmp_path / "a.csv")) == [(7, 1)]


ODD_CELLS = [
    '"note\nof the clerk"',
    "note\u2028x",
    "note\x85x",
    "note\x0cx",
    "n" * 70_000,
    "n," * 70_000,
]


@pytest.mark.parametrize("cell", ODD_CELLS, ids=range(len(ODD_CELLS)))
def test_the_columns_behind_any_cell_of_a_header_are_read(cell: str, tmp_path: Path) -> None:
    for place in range(3):
        header = ["true", "predicted", "confidence"]
        header.insert(place, cell)
        row = ["7", "1", "0.5"]
        row.insert(place, "," * cell.count(","))
        (tmp_path / "a.csv").write_text("\n\n" + "".join(f"{','.join(cells)}\n" for cells in (header, row)))
        counts = counts_of(tmp_path / "a.csv")
        assert (pairs_in(counts), counts.calibration[0].sum()) == ([(7, 1)], 1)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("n" * 2**20, "the first row does not end within 1,048,576 bytes"),
        ('"' + "7,7\n" * 300_000, "the first row does not end within 1,048,576 bytes"),
        ('"note\n7,7\n', 'the " that opens a cell is missing its end'),
    ],
    ids=["long", "open", "short and open"],
)
@pytest.mark.parametrize("before", ["", "\ufeff", "true,predicted,"])
def test_a_header_without_an_end_is_an_error(before: str, cell: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(before + cell)
    with pytest.raises(InputError, match=f"a.csv: {message}"):
        counts_of(tmp_path / "a.csv")


def test_text_that_is_no_digit_is_rejected_and_the_rest_is_counted(tmp_path: Path) -> None:
    rows = ["10,1", "-1,1", "7.5,1", "seven,1", ",1", "true,1", "\xff,1", "1,10", "1", "1,2,3", "7.0,1"]
    (tmp_path / "a.csv").write_bytes(b"true,predicted\n" + "\n".join(rows).encode("latin-1"))
    counts = counts_of(tmp_path / "a.csv")
    assert pairs_in(counts) == [(7, 1)]
    assert rejected_in(counts) == {
        "true is not a digit": 6,
        "true is missing": 1,
        "predicted is not a digit": 1,
        "not as many cells as columns": 2,
    }


def test_a_row_of_too_many_cells_that_are_no_text_is_rejected_alone(tmp_path: Path) -> None:
    rows = [b"7,\xff,3", "ü,1,2".encode(), b"7\xff,1", b"7,1", "7,1,\u00fc".encode()[:-1]]
    (tmp_path / "a.csv").write_bytes(b"true,predicted\n" + b"\n".join(rows))
    counts = counts_of(tmp_path / "a.csv")
    assert pairs_in(counts) == [(7, 1)]
    assert rejected_in(counts) == {"not as many cells as columns": 3, "true is not a digit": 1}
    assert f'{tmp_path}/a.csv: "7,\\ufffd,3"' in counts.rejected["not as many cells as columns"].examples


def test_much_that_is_no_text_takes_nothing_from_the_rows_behind_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"note,true,predicted\n" + b"\xff\xfe\xfd\xc3,7,1\n" * 600_000)
    assert counts_of(tmp_path / "a.csv").matrices[Group()][7, 1] == 600_000


@pytest.mark.parametrize("rows", [2, 300_000, 1_000_000])  # in one of Arrow's blocks, two, and more
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "pairs.txt"])
def test_a_cell_whose_quotes_do_not_end_is_an_error_as_rows_are_lost(
    rows: int, name: str, tmp_path: Path
) -> None:
    mark = "\t" if name == "a.tsv" else ","
    head = "" if name == "pairs.txt" else f"true{mark}predicted\n"
    line = f"7{mark}7\n"
    (tmp_path / name).write_text(f'{head}{line}7{mark}"7\n{line * rows}')
    with pytest.raises(InputError, match=f'{name}: the " that opens a cell is missing its end'):
        counts_of(tmp_path / name)


OPEN = {
    "beside a mark of inches": 'true,predicted,id\n7,7,5" wide\n7,1,"open\n',
    "in the first column": 'true,predicted,id\n"7,1,x\n',
    "behind a cell that is closed": 'true,predicted,id\n7,1,"two\nlines"\n7,1,"open\n',
}


@pytest.mark.parametrize("rows", [0, 1000, 300_000])  # the last in more than one of Arrow's blocks
@pytest.mark.parametrize("start", OPEN.values(), ids=OPEN.keys())
def test_an_open_quote_is_an_error_whatever_the_number_of_quotes(
    start: str, rows: int, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(start + "1,1,x\n" * rows)
    with pytest.raises(InputError, match=r'a\.csv: the " that opens a cell is missing its end'):
        counts_of(tmp_path / "a.csv")


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["7,1", '7,"1"', '"7","1"'])
@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_a_last_line_counts_with_and_without_an_end_and_nothing_behind_it(
    name: str, last: str, end: str, tmp_path: Path
) -> None:
    header = "true,predicted\n" if name == "a.csv" else ""
    (tmp_path / name).write_text(f"{header}0,0\n{last}{end}")
    counts = counts_of(tmp_path / name)
    assert (pairs_in(counts), counts.rejected) == ([(0, 0), (7, 1)], {})


def test_a_file_of_one_column_misses_the_other(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("true\n7\n")
    with pytest.raises(InputError, match="there is no column predicted; its columns: 'true'"):
        counts_of(tmp_path / "a.csv")


def test_quotes_inside_of_a_cell_lose_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('true,predicted,id\n7,7,5" wide\n7,1,"two\nlines, ""said"" "\n0,0,x\n')
    counts = counts_of(tmp_path / "a.csv")
    assert pairs_in(counts) == PAIRS
    assert counts.confused == {(7, 1): ('two\nlines, "said" ',)}


def test_a_large_cell_in_quotes_is_no_cell_without_an_end(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f'true,predicted,id\n7,7,"{"x" * 200_000}"\n7,1,5" wide\n0,0,x\n')
    assert pairs_in(counts_of(tmp_path / "a.csv")) == PAIRS


def test_cells_of_several_lines_are_read_wherever_a_file_is_cut(tmp_path: Path) -> None:
    row = '7,7,"' + "x\n" * 50 + '"\n'
    (tmp_path / "a.csv").write_text("true,predicted,id\n" + row * 30_000)  # 3 MB: several of Arrow's blocks
    assert counts_of(tmp_path / "a.csv").pairs == 30_000


def test_rows_of_too_few_cells_are_all_counted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("true,predicted\n7\n8\n" + "9\n" * 2**15 + "1,1\n")
    counts = counts_of(tmp_path / "a.csv")
    assert (counts.pairs, rejected_in(counts)) == (1, {"not as many cells as columns": 2**15 + 2})
    examples = counts.rejected["not as many cells as columns"].examples
    assert [text.rpartition(" ")[2] for text in examples] == ['"7"', '"8"', '"9"']


def test_a_line_that_is_too_long_is_rejected_alone(tmp_path: Path) -> None:
    pair = '{"true": 7, "predicted": 7}'
    (tmp_path / "a.jsonl").write_text(f'{pair}\n{{"true": "{"x" * 3_000_000}"}}\n{pair}\n[\n')
    counts = counts_of(tmp_path / "a.jsonl")
    assert (counts.pairs, rejected_in(counts)) == (2, {NOT_JSON_LINE: 2})
    assert [text.partition(" ")[0][-8:] for text in counts.rejected[NOT_JSON_LINE].examples] == [
        "jsonl:2:",
        "jsonl:4:",
    ]


def test_long_lines_are_not_all_held_at_once(tmp_path: Path) -> None:
    lines = [json.dumps({"true": 7, "predicted": 7, "image": "x" * 10**6})] * 20
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    (split,) = splits(str(tmp_path / "a.jsonl"), Names())
    assert [len(batch.pairs) for batch in split.batches()] == [9, 9, 2]


@pytest.mark.parametrize("blank", ["   \n\t\n\r\n", "\f\n", "\u00a0\n", "\n\n", ""])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt"])
def test_blank_lines_before_the_first_row_are_passed_over(
    name: str, mark: str, blank: str, tmp_path: Path
) -> None:
    rows = {"a.csv": "true,predicted\n7,1\n", "a.tsv": "\ttrue\tpredicted\n\t7\t1\n", "a.txt": "7,1\n"}
    (tmp_path / name).write_text(mark + blank + rows[name])
    counts = counts_of(tmp_path / name)
    assert (pairs_in(counts), counts.rejected) == ([(7, 1)], {})


@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_a_first_row_behind_a_block_of_blank_lines_is_not_taken_for_none(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("\n" * 2**20 + "true,predicted\n7,1\n")
    with pytest.raises(InputError, match="the first row does not end within 1,048,576 bytes"):
        counts_of(tmp_path / name)


def test_a_fault_late_in_a_file_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("true,predicted\n" + "7,1\n" * 600_000 + "seven,1\n")
    counts = counts_of(tmp_path / "a.csv")
    assert counts.matrices[Group()][7, 1] == 600_000
    assert rejected_in(counts) == {"true is not a digit": 1}


def test_lines_that_are_no_records_are_named_by_their_number(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"true": 7, "predicted": 1}\nnonsense\n{"true": "7", "predicted": 1}\n[7, 1]')
    counts = counts_of(path)
    assert pairs_in(counts) == [(7, 1)]
    assert counts.rejected[NOT_JSON_LINE].examples == (f'{path}:2: "nonsense"',)
    assert counts.rejected["true is not a digit"].examples == (f'{path}:3: "7"',)
    assert counts.rejected["not a JSON object"].count == 1


@pytest.mark.parametrize("column", [[7, None, 10], [7.0, None, 7.5], ["7", None, "seven"]])
def test_columns_of_parquet_are_checked_whatever_their_type(column: list[object], tmp_path: Path) -> None:
    pq.write_table(pa.table({"true": column, "predicted": [7, 7, 7]}), tmp_path / "a.parquet")
    counts = counts_of(tmp_path / "a.parquet")
    assert pairs_in(counts) == [(7, 7)]
    assert rejected_in(counts) == {"true is missing": 1, "true is not a digit": 1}


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("label,guess,score,version,at\n7,1,0.5,m1,2026-11-22T10:00:00Z\n")
    names = Names("label", "guess", "score", "version", "at")
    counts = counts_of(tmp_path / "a.csv", names)
    assert counts.matrices[Group("m1", "2026-11-22")][7, 1] == 1
    assert counts.calibration[0].sum() == 1


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_a_missing_column_is_named_beside_those_that_are_there(write: Writer, tmp_path: Path) -> None:
    path = tmp_path / f"a.{write.__name__.removeprefix('write_')}"
    write(path)
    with pytest.raises(InputError, match=r"there is no column label; its columns: .*'true', 'predicted'"):
        counts_of(path, Names(true="label"))


def test_a_blank_in_a_columns_name_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("true, predicted\n7, 1\n")
    with pytest.raises(InputError, match="no column predicted; its columns: 'true', ' predicted'"):
        counts_of(tmp_path / "a.csv")


def test_of_rows_with_too_many_cells_no_more_is_kept_than_is_shown(tmp_path: Path) -> None:
    long = "7,1," + "x" * 50_000
    (tmp_path / "a.csv").write_text(f"true,predicted\n{long}\n")
    assert rejected_in(counts_of(tmp_path / "a.csv")) == {"not as many cells as columns": 1}
    kept: object = wrong_width(pa_csv.InvalidRow(2, 3, 1, long), "a.csv").value
    assert kept == long[:MAX_SHOWN].encode()


def test_a_column_asked_for_by_name_must_be_there(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv")
    names = Names(confidence="score", required=frozenset({"true", "predicted", "confidence"}))
    with pytest.raises(InputError, match="no column score"):
        counts_of(tmp_path / "a.csv", names)


@pytest.mark.parametrize("name", ["true", "model"])
def test_a_column_that_is_there_twice_is_named(name: str, tmp_path: Path) -> None:
    columns = ["true", "predicted", "model", name]
    table = pa.Table.from_arrays([pa.array([7])] * 4, columns)
    pq.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text(",".join(columns) + "\n7,7,7,7\n")
    for path in (tmp_path / "a.parquet", tmp_path / "a.csv"):
        with pytest.raises(InputError, match=f"{path}: there is more than one column {name}"):
            counts_of(path)


@pytest.mark.parametrize("name", ["true", "model", "labelled"])
@pytest.mark.parametrize("value", [[7], {"a": 7}])
def test_a_nested_column_is_named(name: str, value: object, tmp_path: Path) -> None:
    columns = {"true": [7], "predicted": [7], "model": ["m"], name: [value]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=f"the column {name} is nested: (list|struct)<"):
        counts_of(tmp_path / "a.parquet")


def test_an_unused_column_may_be_nested_and_there_twice(tmp_path: Path) -> None:
    columns = [pa.array([7]), pa.array([7]), pa.array([[7]]), pa.array([[7]])]
    pq.write_table(
        pa.Table.from_arrays(columns, ["true", "predicted", "note", "note"]), tmp_path / "a.parquet"
    )
    assert pairs_in(counts_of(tmp_path / "a.parquet")) == [(7, 7)]


def test_a_file_whose_name_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"a-\xff.csv")
    write_csv(path)
    with pytest.raises(InputError, match="surrogates not allowed"):
        counts_of(path)


def test_pairs_without_a_header_must_be_two_columns(tmp_path: Path) -> None:
    (tmp_path / "part-00000").write_text("7,1,0.5\n")
    with pytest.raises(InputError, match="two columns, it has 3"):
        counts_of(tmp_path / "part-00000")


@pytest.mark.parametrize("name", ["a.parquet", "a.csv.gz", "a.jsonl.zst"])
def test_a_file_that_is_not_what_its_name_says_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x00\x01 nothing of the kind")
    with pytest.raises(InputError, match=name):
        counts_of(tmp_path / name)


def test_a_compressed_file_that_is_cut_short_is_an_error(tmp_path: Path) -> None:
    whole = gzip.compress("".join(f"{i % 10},{i * i % 10}\n" for i in range(100_000)).encode())
    (tmp_path / "part-00000.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"part-00000\.gz"):
        counts_of(tmp_path / "part-00000.gz")


@pytest.mark.parametrize("ending", [".gz", ".zst", ".bz2"])
@pytest.mark.parametrize("name", ["part-00000", "a.csv", "a.jsonl"])
def test_a_compressed_file_without_a_byte_is_an_error(name: str, ending: str, tmp_path: Path) -> None:
    (tmp_path / (name + ending)).touch()
    with pytest.raises(InputError, match=f"{name}{ending}: the file is empty"):
        counts_of(tmp_path / (name + ending))


def test_a_compressed_file_of_no_text_holds_no_pairs(tmp_path: Path) -> None:
    (tmp_path / "part-00000.gz").write_bytes(gzip.compress(b""))
    assert counts_of(tmp_path / "part-00000.gz").matrices == {}


def test_a_pipe_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"pipe: .* write it to a file first"):
        find(str(tmp_path / "pipe"))


def test_a_list_over_several_lines_is_told_from_an_object_a_line(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[\n{"true": 7, "predicted": 1},\n{"true": 7, "predicted": 7}\n]\n')
    counts = counts_of(tmp_path / "a.json")
    assert (counts.pairs, rejected_in(counts)) == (1, {NOT_JSON_LINE: 3})


def test_an_unknown_ending_is_an_error_that_names_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").touch()
    with pytest.raises(InputError, match=r"must end in \.parquet, \.csv"):
        counts_of(tmp_path / "a.xlsx")


def test_a_folder_is_read_at_any_depth_without_what_hadoop_hides(tmp_path: Path) -> None:
    for name in ("part-1", "date=2026-11-22/part-0", "_SUCCESS", ".part-1.crc", "_temporary/part-0"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for pattern in (f"{tmp_path}", f"{tmp_path}/*", f"{tmp_path}/**"):
        assert find(pattern) == [f"{tmp_path}/date=2026-11-22/part-0", f"{tmp_path}/part-1"]
    assert find(f"{tmp_path}/_temporary/*") == [f"{tmp_path}/_temporary/part-0"]


def test_a_glob_names_many_files_and_a_file_may_look_like_one(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "c.txt", "[ab].csv"):
        (tmp_path / name).touch()
    assert [Path(path).name for path in find(f"{tmp_path}/?.csv")] == ["a.csv", "b.csv"]
    assert [Path(path).name for path in find(f"{tmp_path}/[ab].csv")] == ["[ab].csv"]
    assert [Path(path).name for path in find(f"{tmp_path}/**/*.txt")] == ["c.txt"]


@pytest.mark.parametrize("pattern", ["", "/*", "/**", "/*/part-*", "/**/part-*", "/**/**/part-?"])
def test_a_file_is_found_once_whatever_links_lead_to_it(pattern: str, tmp_path: Path) -> None:
    folder = tmp_path / "pairs"
    for file in (folder / "date=2026-11-22/part-0", tmp_path / "elsewhere/part-1"):
        file.parent.mkdir(parents=True)
        file.touch()
    links = {"again": "date=2026-11-22", "latest": "again", "part-2": "latest/part-0", "to": "../elsewhere"}
    circles = {"self": ".", "itself": ".", "date=2026-11-22/up": ".."}
    for name, target in (links | circles).items():
        (folder / name).symlink_to(target)
    assert find(f"{folder}{pattern}") == [f"{folder}/date=2026-11-22/part-0", f"{folder}/to/part-1"]


@pytest.mark.parametrize("pattern", ["", "/*"])
def test_a_link_that_leads_nowhere_is_named_and_not_passed_over(pattern: str, tmp_path: Path) -> None:
    (tmp_path / "part-0").touch()
    (tmp_path / "part-1").symlink_to("nowhere")
    with pytest.raises(InputError, match="part-1"):
        [split.counts() for split in splits(f"{tmp_path}{pattern}", Names())]


@pytest.mark.parametrize("pattern", ["", "/*", "/**"])
def test_a_folder_that_cannot_be_read_is_named_and_not_passed_over(
    pattern: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = tmp_path / "pairs"
    (pairs / "deep").mkdir(parents=True)
    (pairs / "part-0").touch()
    monkeypatch.chdir(pairs / "deep")
    for _ in range(20):  # no path of more than 4096 bytes can be opened, whoever asks
        Path("x" * 250).mkdir()
        os.chdir("x" * 250)
    with pytest.raises(InputError, match=r"pairs.*: .*name too long"):
        find(f"{pairs}{pattern}")


def test_a_column_whose_name_is_no_text_is_an_error(tmp_path: Path) -> None:
    table = pa.table({"true": [7], "predicted": [7], "other": [1]})
    pq.write_table(table, tmp_path / "a.parquet", store_schema=False)
    named = (tmp_path / "a.parquet").read_bytes().replace(b"other", b"oth\xffr")
    (tmp_path / "a.parquet").write_bytes(named)
    with pytest.raises(InputError, match=r"a\.parquet"):
        counts_of(tmp_path / "a.parquet")


def test_the_first_folder_of_a_path_may_be_a_glob(tmp_path: Path) -> None:
    (tmp_path / "part-0").touch()
    root, first, *others = (tmp_path / "part-0").parts
    assert find(str(Path(root, f"{first[:-1]}*", *others))) == [f"{tmp_path}/part-0"]


def test_a_file_or_folder_may_be_named_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/part-0").touch()
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "file").symlink_to("real/part-0")
    assert find(f"{tmp_path}/folder") == find(f"{tmp_path}/fold*") == [f"{tmp_path}/folder/part-0"]
    assert find(f"{tmp_path}/file") == [f"{tmp_path}/file"]


def test_a_split_is_read_from_whatever_folder_is_the_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    write_csv(tmp_path / "a.csv")
    write_parquet(tmp_path / "a.parquet")
    monkeypatch.chdir(tmp_path)
    parts = splits("a.*", Names())
    monkeypatch.chdir("elsewhere")
    assert [pairs_in(part.counts()) for part in parts] == [PAIRS] * 2


@pytest.mark.parametrize(
    ("pattern", "output", "is_found"),
    [
        ("data", "data", True),
        ("data", "data/out", True),
        ("link", "data", True),
        ("data", "link/out", True),
        ("data/*", "data", True),
        ("data/**", "data", True),
        ("data/**/*.json", "data", True),
        ("d*", "data/out", True),
        ("data", "out", False),
        ("data", "database", False),
        ("data", "data/_out", False),
        ("data/*", "data/.out", False),
        ("data/*.json", "data", False),
        ("data/a.csv", "data", False),
        ("s3://b/data/*", "s3://b/data/", True),
        ("s3://b/data/*.json", "s3://b/data", True),
        ("s3://b/data/*.csv", "s3://b/data", False),
        ("s3://b/data/a.csv", "s3://b/data", False),
        ("s3://b/data/*", "data", False),
        ("data", "s3://b/data", False),
    ],
)
def test_a_report_that_a_pattern_would_find_is_known_before_it_is_there(
    pattern: str, output: str, is_found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("link").symlink_to("data")
    report = Path(output, "reports/latest.json")
    assert would_find(pattern, f"{output}/reports/latest.json") == is_found
    if not output.startswith("s3://") and not pattern.startswith("s3://"):
        report.parent.mkdir(parents=True)
        report.touch()
        Path("data/a.csv").touch()
        Path("data/a.json").touch()
        assert (str(report.resolve()) in map(os.path.realpath, find(pattern))) == is_found


def test_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        find(f"{tmp_path}/*.csv")


def test_the_folder_of_a_day_gives_its_pairs_that_day(tmp_path: Path) -> None:
    folder = tmp_path / "date=2026-11-22"
    folder.mkdir()
    write_pairs(folder / "part-0")
    write_json_lines(folder / "a.jsonl")
    assert counts_of(folder / "part-0").matrices.keys() == {Group(None, "2026-11-22")}
    assert counts_of(folder / "a.jsonl").matrices.keys() == {Group(None, "2026-11-22")}


def test_a_parquet_file_is_split_by_its_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"true": [7] * 100, "predicted": [1] * 100}), path, row_group_size=3)
    parts = splits(str(path), Names())
    assert len(parts) > 1
    assert sorted(group for part in parts for group in part.row_groups) == list(range(34))
    assert counts_of(path).matrices[Group()][7, 1] == 100


def test_a_parquet_file_without_rows_holds_no_pairs(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"true": pa.array([], pa.int8()), "predicted": pa.array([], pa.int8())}),
        tmp_path / "a.parquet",
    )
    assert counts_of(tmp_path / "a.parquet").matrices == {}


def test_a_parquet_file_without_row_groups_must_have_the_columns(tmp_path: Path) -> None:
    for names in (["true", "predicted"], ["true", "guess"]):
        pq.ParquetWriter(tmp_path / f"{names[1]}.parquet", pa.schema(dict.fromkeys(names, pa.int8()))).close()
    assert counts_of(tmp_path / "predicted.parquet").matrices == {}
    with pytest.raises(InputError, match="there is no column predicted; its columns: 'true', 'guess'"):
        counts_of(tmp_path / "guess.parquet")


def test_progress_is_told_of_every_pair(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv")
    write_pairs(tmp_path / "part-0")
    seen: list[int] = []
    parts = splits(str(tmp_path), Names())
    local.run(COUNTING, parts, at_once=2, seen=seen.append)
    assert sum(seen) == 2 * len(PAIRS)


def test_the_newest_ids_of_a_confusion_are_kept(tmp_path: Path) -> None:
    rows = "".join(f"{i:02},7,{1 if i % 2 else 7}\n" for i in range(30))
    (tmp_path / "a.csv").write_text("id,true,predicted\n" + rows + "99,x,1\n")
    assert counts_of(tmp_path / "a.csv").confused == {(7, 1): ("29", "27", "25", "23", "21")}


@pytest.mark.parametrize(
    ("url", "files"),
    [
        ("pairs.csv", True),
        ("folder", True),
        ("s3://bucket", False),
        ("s3://my.bucket/prefix/", False),
        ("s3://bucket/pairs.parquet", True),
        ("s3://bucket/pairs.csv.gz", True),
        ("s3://bucket/pairs/*", True),
    ],
)
def test_an_s3_url_names_files_by_its_ending_or_a_glob_and_else_a_store(url: str, files: bool) -> None:
    assert are_files(url) == files


@pytest.mark.parametrize(
    "url", ["http://localhost:8333", "https://s3.eu-central-1.amazonaws.com/", "http://[::1]:1"]
)
def test_a_service_has_the_address_of_its_own_variable_or_of_all(url: str) -> None:
    assert endpoint("S3", {"AWS_ENDPOINT_URL": url, "AWS_ENDPOINT_URL_LOGS": "http://logs"}) == url
    assert endpoint("S3", {"AWS_ENDPOINT_URL_S3": url, "AWS_ENDPOINT_URL": "http://all"}) == url
    assert endpoint("S3", {"AWS_ENDPOINT_URL_S3": "", "AWS_ENDPOINT_URL_LOGS": url}) is None


@pytest.mark.parametrize("url", ["localhost:8333", "http://", "http://a b", "ftp://host", "http://[", "s3"])
def test_what_is_no_address_is_named_with_its_variable(url: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"AWS_ENDPOINT_URL_S3 is {url}: it must be like http://")):
        endpoint("S3", {"AWS_ENDPOINT_URL_S3": url})
