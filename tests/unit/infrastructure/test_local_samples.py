import pytest

from infrastructure.local.samples import Person
from infrastructure.local.settings import HOST, LocalError, free_ports


def test_an_api_that_does_not_answer_is_said_not_to() -> None:
    nobody = Person(f"http://{HOST}:{next(free_ports())}", "token")
    with pytest.raises(LocalError, match=r"GET /accuracy was not answered: .*refused"):
        nobody.accuracy()
