from collections.abc import Iterator

import pytest

from tests.integration.inference_image.serving import Server, serving


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Yield a server with two workers, for tests that leave it as it was."""
    with serving(workers=2) as server:
        yield server
