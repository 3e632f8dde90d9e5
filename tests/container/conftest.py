from collections.abc import Iterator

import pytest

from infrastructure.local.settings import HOST, free_ports
from tests.container.engine import Engine

IMAGE = "localhost/legible-inference:test"
# What the task definition grants, and nothing more.
MAX_IN_WORK_BYTES = 24 * 2**20
LIMITS = [
    *("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--memory=512m", "--cpus=1"),
    f"--env=LEGIBLE_INFERENCE_MAX_IN_WORK_BYTES={MAX_IN_WORK_BYTES}",
]


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine.find()


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    engine.build(IMAGE, engine.base())
    return IMAGE


@pytest.fixture(scope="session")
def limits(engine: Engine) -> list[str]:
    return [*LIMITS, *engine.as_docker]


@pytest.fixture
def container(engine: Engine, image: str, limits: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the name and the address of a running container; on loopback, so that no bridge is needed."""
    port = next(free_ports())
    name = f"legible-test-{port}"
    address = [f"--env=LEGIBLE_INFERENCE_HOST={HOST}", f"--env=LEGIBLE_INFERENCE_PORT={port}"]
    engine.call("run", "--detach", f"--name={name}", "--network=host", *limits, *address, image)
    yield name, f"http://{HOST}:{port}"
    engine.call("rm", "--force", name, check=False)
