import pytest

from chalice_app.settings import SettingsError
from infrastructure.local.api import sweep_seconds


@pytest.mark.parametrize(("given", "every"), [({}, 60.0), ({"LEGIBLE_SWEEP_SECONDS": "2.5"}, 2.5)])
def test_the_api_sweeps_each_minute_unless_told_otherwise(given: dict[str, str], every: float) -> None:
    assert sweep_seconds(given) == every


@pytest.mark.parametrize("text", ["often", "0", "-1", "nan", "inf"])
def test_a_sweep_that_could_never_come_or_never_end_is_named(text: str) -> None:
    with pytest.raises(SettingsError, match=f"LEGIBLE_SWEEP_SECONDS='{text}'"):
        sweep_seconds({"LEGIBLE_SWEEP_SECONDS": text})
