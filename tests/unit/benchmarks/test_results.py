import subprocess
import sys

import pytest

from infrastructure.local.settings import ROOT

RUN = """
from benchmarks.results import UnavailableError, command
from infrastructure.local.settings import LocalError
def run(*, quick): raise {}("A peer does not start.")
command("python -m benchmarks.one", "One.", run)
"""


@pytest.mark.parametrize("error", ["UnavailableError", "LocalError"])
def test_a_benchmark_that_cannot_run_says_why_without_a_traceback(error: str) -> None:
    words = [sys.executable, "-c", RUN.format(error)]
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (1, "A peer does not start.\n")
