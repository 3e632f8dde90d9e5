"""What several tiers share: the whole system, started once for each test process."""

import os
import resource
import signal
import threading
from collections.abc import Iterator

import pytest

from infrastructure.local.environment import with_own
from infrastructure.local.settings import Settings
from infrastructure.local.stack import Stack

# Tests run side by side (`make test`), and a thread that waits for another keeps its core busy: with two in
# each process training takes five times as long. OpenMP reads this when PyTorch, imported later, begins.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Nor does a model server need a worker for each core: each takes seconds of one to load PyTorch. What is
# about several workers says how many.
os.environ.setdefault("LEGIBLE_INFERENCE_WORKERS", "1")
# What the tests ask listens here, and is asked by no proxy.
os.environ |= {name: value for name, value in with_own({}).items() if name.lower() == "no_proxy"}
# Where a test run is ended otherwise than by ctrl-C, or its terminal is closed, its servers end as well.
if threading.current_thread() is threading.main_thread():
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
# Some tests hold a thousand connections; a login may have no more than 1,024 files open unless it asks.
_, MOST_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_FILES, MOST_FILES))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Yield the store, the model, the API and the page as `make run` starts them, on free ports."""
    with Stack(Settings.on_free_ports(tmp_path_factory.mktemp("stack"))) as stack:
        yield stack
