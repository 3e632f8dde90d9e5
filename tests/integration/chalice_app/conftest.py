"""The API as `chalice local` runs it, over SeaweedFS, and as `chalice deploy` deploys it, to LocalStack."""

from collections.abc import Iterator

import pytest

from infrastructure.local.parts import store_environment
from infrastructure.local.stack import Stack
from tests.integration.chalice_app.system import System
from tests.integration.chalice_app.writer import Writer
from tests.localstack.deployment import Deployment


@pytest.fixture(scope="session", params=["chalice local", "chalice deploy"])
def system(request: pytest.FixtureRequest) -> System:
    chosen: System = request.getfixturevalue("local" if request.param == "chalice local" else "deployed")
    return chosen


@pytest.fixture(scope="session")
def local(stack: Stack) -> System:
    (model,) = (part for part in stack.parts if part.name == "model")
    return System(
        url=stack.settings.api_url,
        page_origin=stack.settings.page_url,
        model=model,
        store=store_environment(stack.settings, stack.credentials),
        log=(stack.settings.data / "logs" / "API.log").read_text,
    )


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(tmp_path_factory.mktemp("deployment")) as deployment:
        yield deployment


@pytest.fixture(scope="session")
def deployed(deployment: Deployment) -> System:
    return System(
        url=deployment.api_url,
        page_origin=deployment.page_origin,
        model=deployment.model,
        store=deployment.environment,
        log=deployment.log,
    )


@pytest.fixture
def writer(system: System) -> Writer:
    return Writer(system.url)
