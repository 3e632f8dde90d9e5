from pathlib import Path

from benchmarks.accuracy import write_days
from benchmarks.accuracy_ours import legible_by_writer


def test_the_days_of_many_writers_are_such_as_the_job_reads(tmp_path: Path) -> None:
    write_days(tmp_path, labels=100, parts=2, people=5)
    there = sorted(tmp_path.rglob("*"))
    assert sum(map(sum, legible_by_writer(str(tmp_path)))) == 100
    assert sorted(tmp_path.rglob("*")) == there
