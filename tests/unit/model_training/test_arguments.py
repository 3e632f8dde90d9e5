import subprocess
import sys

import pytest

from infrastructure.local.settings import ROOT

TRAIN, EVALUATE, CHOOSING = (f"model_training.{name}" for name in ("train", "evaluate", "choosing"))


@pytest.mark.parametrize(
    ("program", "option", "value"),
    [
        (TRAIN, "--epochs", "-1"),
        (TRAIN, "--generated", "0"),
        (EVALUATE, "--count", "0"),
        (CHOOSING, "--count", "0"),
        ("tests.fuzz", "--count", "-1"),
        ("tests.soak", "--writers", "0"),
        ("tests.soak", "--seconds", "0"),
    ],
)
def test_a_number_that_leaves_nothing_to_do_is_refused_before_the_work(
    program: str, option: str, value: str
) -> None:
    words = [sys.executable, "-m", program, f"{option}={value}"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert f"argument {option}: {value} is less than 1" in done.stderr
