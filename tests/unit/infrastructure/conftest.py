import pytest

from tests.unit.infrastructure.graph import Graph


@pytest.fixture(scope="session")
def graph() -> Graph:
    return Graph()
