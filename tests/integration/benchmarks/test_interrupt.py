import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from infrastructure.local.settings import ROOT
from tests.processes import processes_that_name, started
from tests.waiting import PATIENCE_SECONDS, wait_until

READING = """
from benchmarks.accuracy import stub, taken
from infrastructure.local.interrupts import interruptible
with interruptible(), stub(20, 1000, 30):
    taken("Legible, objects", "s3://stub")
"""


@pytest.mark.parametrize("words", [["benchmarks", "api", "--output", "page.html"], ["benchmarks.api"]])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_benchmarks_with_all_that_they_have_started(
    tmp_path: Path, number: signal.Signals, words: Sequence[str]
) -> None:
    words = [sys.executable, "-m", *words]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}  # all processes inherit it
    with started(words, environment, folder=tmp_path) as main:
        wait_until(lambda: any("chalice.cli" in each for each in processes_that_name(tmp_path).values()))
        main.send_signal(number)
        output, _ = main.communicate(timeout=PATIENCE_SECONDS)
        assert main.returncode == 130
        assert output.endswith("Interrupted. Everything is stopped.\n")
        wait_until(lambda: not processes_that_name(tmp_path))


def test_an_interrupt_leaves_nothing_of_what_a_contender_has_written(tmp_path: Path) -> None:
    with started([sys.executable, "-c", READING], {**os.environ, "TMPDIR": str(tmp_path)}) as main:
        wait_until(lambda: any(tmp_path.rglob("*.parquet")))
        main.send_signal(signal.SIGINT)
        assert main.wait(PATIENCE_SECONDS) == 130
        assert not list(tmp_path.iterdir())
