from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chalice_app.classifications import Classifications
from tests.unit.chalice_app.doubles import MemoryStore, Model, serving


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def service(store: MemoryStore, model: Model) -> Iterator[Classifications]:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    with serving(store, model, lambda: noon) as service:
        yield service
