"""A SeaweedFS of the tests' own: a real store on loopback, on free ports."""

from collections.abc import Iterator

import pytest

from infrastructure.local import parts
from infrastructure.local.credentials import Credentials
from infrastructure.local.settings import Settings
from infrastructure.local.stack import Running
from tests.integration.accuracy_job.bucket import KEYS, Bucket


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a running store."""
    settings = Settings.on_free_ports(tmp_path_factory.mktemp("store"))
    credentials = Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], samples_token="")
    with Running([parts.store(settings, credentials)], settings.data / "logs"):
        yield settings.s3_url


@pytest.fixture
def bucket(endpoint: str) -> Bucket:
    """Return a new bucket, so that no test sees what another left."""
    return Bucket.make(endpoint)


@pytest.fixture(scope="module")
def module_bucket(endpoint: str) -> Bucket:
    """Return a bucket that the tests of a module share."""
    return Bucket.make(endpoint)
