import sys
from importlib import import_module

import pytest

TRAIN, EVALUATE, CHOOSING = (f"model_training.{name}" for name in ("train", "evaluate", "choosing"))
FUZZ, SOAK = "tests.fuzz.__main__", "tests.soak.__main__"


@pytest.mark.parametrize(
    ("program", "option", "value"),
    [
        (TRAIN, "--epochs", "-1"),
        (TRAIN, "--generated", "0"),
        (EVALUATE, "--count", "0"),
        (CHOOSING, "--count", "0"),
        (FUZZ, "--count", "-1"),
        (SOAK, "--writers", "0"),
        (SOAK, "--seconds", "0"),
    ],
)
def test_a_number_that_leaves_nothing_to_do_is_refused_before_the_work(
    program: str,
    option: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", [program, f"{option}={value}"])
    with pytest.raises(SystemExit) as ended:
        import_module(program).main()
    assert ended.value.code == 2
    assert f"argument {option}: {value} is less than 1" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["/proc/self", "/proc/self/status", "/proc/self/new"])
def test_a_folder_that_cannot_be_written_into_is_refused_before_the_work(
    place: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [TRAIN, "--weights", place])
    with pytest.raises(SystemExit) as ended:
        import_module(TRAIN).main()
    assert ended.value.code == 2
    assert f"argument --weights: {place} cannot be a folder to write into" in capsys.readouterr().err
