import logging

import pytest

from chalice_app.problems import unavailable
from chalice_app.settings import SettingsError
from infrastructure.local.api import LOG, sweep_for_ever, sweep_seconds


@pytest.mark.parametrize(("given", "every"), [({}, 60.0), ({"LEGIBLE_SWEEP_SECONDS": "2.5"}, 2.5)])
def test_the_api_sweeps_each_minute_unless_told_otherwise(given: dict[str, str], every: float) -> None:
    assert sweep_seconds(given) == every


@pytest.mark.parametrize("text", ["often", "0", "-1", "nan", "inf"])
def test_a_sweep_that_could_never_come_or_never_end_is_named(text: str) -> None:
    with pytest.raises(SettingsError, match=f"LEGIBLE_SWEEP_SECONDS='{text}'"):
        sweep_seconds({"LEGIBLE_SWEEP_SECONDS": text})


class Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def test_whatever_becomes_of_one_sweep_the_next_one_comes_and_what_nobody_expected_is_logged() -> None:
    outcomes = iter([unavailable("no store"), ValueError("no id"), KeyboardInterrupt()])

    def sweep() -> None:
        raise next(outcomes)

    LOG.addHandler(kept := Kept())
    with pytest.raises(KeyboardInterrupt):
        sweep_for_ever(sweep, every=0)
    LOG.removeHandler(kept)
    (line,) = kept.lines
    assert "ValueError: no id" in line
