from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import cast

import pytest
import uuid6

from chalice_app.classifications import Classifications
from chalice_app.inference import InferenceClient
from chalice_app.store import Store
from tests.unit.chalice_app.doubles import MemoryStore, Model


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def service(store: MemoryStore, model: Model) -> Iterator[Classifications]:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    with ThreadPoolExecutor(2) as threads:
        yield Classifications(
            cast("Store", store), cast("InferenceClient", model), threads, uuid6.uuid7, lambda: noon
        )
