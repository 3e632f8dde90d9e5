import pytest

from inference_image.admission import Admission, Full
from inference_image.metrics import Metrics


@pytest.fixture
def admission() -> Admission:
    return Admission(max_images=2, max_bytes=100, metrics=Metrics("test"))


def test_there_is_room_up_to_the_limits(admission: Admission) -> None:
    with admission.admit(1, 50), admission.admit(1, 50):
        assert admission.images == 2


@pytest.mark.parametrize(("images", "size"), [(2, 10), (1, 51)])
def test_what_is_more_is_refused_and_holds_nothing(admission: Admission, images: int, size: int) -> None:
    with admission.admit(1, 50):
        with pytest.raises(Full), admission.admit(images, size):
            pytest.fail("admitted")
        assert admission.images == 1


def test_room_comes_back_when_a_request_fails(admission: Admission) -> None:
    with pytest.raises(ValueError, match="bad"), admission.admit(2, 100):
        raise ValueError("bad")
    with admission.admit(2, 100):
        assert admission.images == 2
