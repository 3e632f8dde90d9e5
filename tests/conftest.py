"""What several tiers share: the whole system, started once for each test process."""

import os
import resource
from collections.abc import Iterator

import pytest

from infrastructure.local.settings import Settings
from infrastructure.local.stack import Stack

# Tests run side by side (`make test`), and a thread that waits for another keeps its core busy: with two in
# each process training takes five times as long. OpenMP reads this when PyTorch, imported later, begins.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Some tests hold a thousand connections; a login may have no more than 1,024 files open unless it asks.
_, MOST_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_FILES, MOST_FILES))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Yield the store, the model, the API and the page as `make run` starts them, on free ports."""
    with Stack(Settings.on_free_ports(tmp_path_factory.mktemp("stack"))) as stack:
        yield stack
