from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import urllib3

from infrastructure.local.settings import HOST, free_ports
from tests.container.engine import Engine
from tests.waiting import wait_until

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


@dataclass(frozen=True)
class Container:
    name: str
    url: str

    def in_work(self) -> float:
        """Return how many images the server has on the way."""
        metrics = urllib3.request("GET", f"{self.url}/metrics").data.decode().splitlines()
        (line,) = (line for line in metrics if line.startswith("legible_in_work "))
        return float(line.split()[1])

    def is_ready(self) -> bool:
        try:
            return urllib3.request("GET", f"{self.url}/ping", retries=False, timeout=2.0).status == 200
        except urllib3.exceptions.HTTPError:
            return False


@contextmanager
def running(engine: Engine, image: str, options: list[str]) -> Iterator[Container]:
    """Yield a container whose server is ready; on loopback, so that no bridge is needed."""
    port = next(free_ports())
    container = Container(f"legible-test-{port}", f"http://{HOST}:{port}")
    address = [f"--env=LEGIBLE_INFERENCE_HOST={HOST}", f"--env=LEGIBLE_INFERENCE_PORT={port}"]
    engine.call("run", "--detach", f"--name={container.name}", "--network=host", *options, *address, image)
    try:
        wait_until(container.is_ready)
        yield container
    finally:
        engine.call("rm", "--force", container.name, check=False)


@pytest.fixture(scope="module")
def container(engine: Engine, image: str, limits: list[str]) -> Iterator[Container]:
    """Yield one for all tests that leave it as it was. On a slow machine, too, no answer is late."""
    with running(engine, image, [*limits, "--env=LEGIBLE_INFERENCE_DEADLINE_SECONDS=60"]) as container:
        yield container
