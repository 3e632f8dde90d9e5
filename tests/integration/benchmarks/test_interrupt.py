import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from infrastructure.local.settings import ROOT
from tests.processes import processes_that_name, started
from tests.waiting import PATIENCE_SECONDS, wait_until


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
