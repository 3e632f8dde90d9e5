import pytest

from inference_image.admission import Admission
from inference_image.metrics import Metrics
from inference_image.settings import Settings, SettingsError


def test_nothing_set_means_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings()


def test_a_variable_moves_its_field() -> None:
    settings = Settings.from_environment({"LEGIBLE_INFERENCE_PORT": "9000", "LEGIBLE_INFERENCE_HOST": "::1"})
    assert (settings.port, settings.host) == (9000, "::1")


@pytest.mark.parametrize("value", ["", "x", "-1", "1.5", "65536", "٣"])
def test_a_wrong_value_is_named_with_its_variable_and_the_expected_type(value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment({"LEGIBLE_INFERENCE_PORT": value})
    assert all(part in str(raised.value) for part in ("LEGIBLE_INFERENCE_PORT", repr(value), "integer"))


def test_an_empty_address_which_would_be_every_one_is_refused() -> None:
    with pytest.raises(SettingsError, match="LEGIBLE_INFERENCE_HOST is empty"):
        Settings.from_environment({"LEGIBLE_INFERENCE_HOST": ""})


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match="MAX_PIXELS"):
        Settings.from_environment({"LEGIBLE_INFERENCE_MAX_PIXELS": "0"})


def test_a_worker_gets_the_settings_through_the_environment() -> None:
    settings = Settings(host="::1", workers=3, batch=2)
    assert Settings.from_environment(settings.to_environment()) == settings


def test_the_workers_shares_are_at_least_the_whole() -> None:
    assert [Settings(workers=workers).worker_images for workers in (1, 2, 3)] == [256, 128, 86]
    assert [Settings(workers=workers).worker_bytes // 2**20 for workers in (1, 2, 3)] == [64, 32, 21]


@pytest.mark.parametrize("workers", [1, 6, 7, 8, 9, 64, 256])
def test_a_worker_has_room_for_the_largest_request_beside_another_however_many_there_are(
    workers: int,
) -> None:
    settings = Settings(workers=workers)
    admission = Admission(settings.worker_images, settings.worker_bytes, Metrics("test"))
    largest = settings.max_images, settings.max_image_bytes
    with admission.admit(*largest), admission.admit(*largest):
        assert admission.images == 2 * settings.max_images
