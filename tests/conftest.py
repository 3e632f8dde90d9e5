"""What several tiers share: the whole system, started once for each test process."""

from collections.abc import Iterator

import pytest

from infrastructure.local.settings import Settings
from infrastructure.local.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Yield the store, the model, the API and the page as `make run` starts them, on free ports."""
    with Stack(Settings.on_free_ports(tmp_path_factory.mktemp("stack"))) as stack:
        yield stack
