import pytest

from chalice_app.settings import Settings, SettingsError

COMPLETE = {
    "LEGIBLE_BUCKET": "legible",
    "LEGIBLE_INFERENCE_URL": "http://127.0.0.1:8002/",
    "LEGIBLE_PAGE_ORIGIN": "http://127.0.0.1:8000",
}


def test_a_complete_environment_is_read() -> None:
    assert Settings.from_environment(COMPLETE).inference_url == "http://127.0.0.1:8002"


@pytest.mark.parametrize("name", COMPLETE)
@pytest.mark.parametrize("value", ["", " "])
def test_a_missing_variable_stops_the_start_and_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({**COMPLETE, name: value})


def test_a_url_without_a_scheme_is_refused() -> None:
    with pytest.raises(SettingsError, match="LEGIBLE_INFERENCE_URL"):
        Settings.from_environment({**COMPLETE, "LEGIBLE_INFERENCE_URL": "127.0.0.1:8002"})


def test_the_stage_is_the_local_one_unless_named() -> None:
    assert Settings.from_environment(COMPLETE).stage == "local"
    assert Settings.from_environment({**COMPLETE, "LEGIBLE_STAGE": "dev"}).stage == "dev"


def test_the_time_for_the_model_can_be_set() -> None:
    assert Settings.from_environment(COMPLETE).inference_seconds == 10
    set_to_2 = Settings.from_environment({**COMPLETE, "LEGIBLE_INFERENCE_SECONDS": "2"})
    assert set_to_2.inference_seconds == 2


@pytest.mark.parametrize("text", ["0", "-1", "16", "nan", "inf", "soon"])
def test_a_time_that_the_gateway_does_not_leave_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="LEGIBLE_INFERENCE_SECONDS"):
        Settings.from_environment({**COMPLETE, "LEGIBLE_INFERENCE_SECONDS": text})
