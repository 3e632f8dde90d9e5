"""The image, built from the Dockerfile and run as the task definition runs it."""

import contextlib
import io
import json
import socket
from collections.abc import Iterator
from random import Random
from urllib.parse import urlsplit

import urllib3
from PIL import Image

from inference_image.model import Model
from tests.container.conftest import MAX_IN_WORK_BYTES, Container, running
from tests.container.engine import Engine
from tests.fuzz.bombs import BOMBS
from tests.integration.chalice_app.writer import ZERO
from tests.waiting import wait_until

MAX_LAYERS_BYTES = 900_000_000  # above the base, which has 125 MB: 1 GB in all, half of it libtorch_cpu.so


@contextlib.contextmanager
def unfinished_upload(url: str, size: int) -> Iterator[None]:
    """Send all of an upload of so many bytes but the last."""
    address = urlsplit(url)
    head = f"POST /invocations HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {size}\r\n\r\n"
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode() + b"x" * (size - 1))
        yield


def test_it_reads_a_digit_without_root_capabilities_or_a_writable_disk(
    engine: Engine, container: Container
) -> None:
    answer = urllib3.request("POST", f"{container.url}/invocations", body=ZERO)
    assert answer.status == 200
    assert answer.json()["predicted"] == 0
    assert engine.call("exec", container.name, "id", "-u").stdout.strip() == "10001"
    for folder in ("/srv", "/tmp", "/var/tmp"):
        assert engine.call("exec", container.name, "touch", f"{folder}/file", check=False).returncode != 0


def test_its_health_check_tells_a_healthy_server_from_none(
    engine: Engine, container: Container, image: str, limits: list[str]
) -> None:
    check = ["python", "-m", "inference_image.healthcheck"]
    (about,) = json.loads(engine.call("inspect", container.name).stdout)
    assert about["Config"]["Healthcheck"]["Test"] == ["CMD", *check]
    assert engine.call("exec", container.name, *check).returncode == 0
    alone = engine.call(
        "run", "--rm", *limits, "--network=none", f"--entrypoint={json.dumps(check)}", image, check=False
    )
    assert alone.returncode == 1


def test_it_keeps_to_its_limits_of_processor_and_memory(engine: Engine, container: Container) -> None:
    start = json.loads(engine.call("logs", container.name).stdout.splitlines()[0])
    assert (start["event"], start["workers"]) == ("start", 1)  # --cpus=1, however many the machine has
    largest = io.BytesIO()
    Image.new("RGB", (8000, 6000), "white").save(largest, "PNG")
    room = MAX_IN_WORK_BYTES - len(largest.getvalue())
    for _ in range(3):
        wait_until(lambda: container.in_work() == 0)
        with contextlib.ExitStack() as uploads:  # as much as may wait
            for _ in range(3):
                uploads.enter_context(unfinished_upload(container.url, room // 3))
            wait_until(lambda: container.in_work() == 3)
            answer = urllib3.request(
                "POST", f"{container.url}/invocations", body=largest.getvalue(), timeout=60.0
            )
        assert answer.status == 200
    wait_until(lambda: container.in_work() == 0)
    assert urllib3.request("POST", f"{container.url}/invocations", body=ZERO, timeout=60.0).status == 200
    assert "replaced" not in engine.call("logs", container.name).stdout  # no worker was killed for its memory


def test_no_bomb_takes_more_memory_than_it_has(engine: Engine, container: Container) -> None:
    for bomb in BOMBS.values():
        answer = urllib3.request("POST", f"{container.url}/invocations", body=bomb(Random(0)), timeout=60.0)
        assert answer.status in {200, 413, 415, 422}
    assert urllib3.request("POST", f"{container.url}/invocations", body=ZERO, timeout=60.0).status == 200
    assert "replaced" not in engine.call("logs", container.name).stdout


def test_sigterm_ends_it_in_order(engine: Engine, image: str, limits: list[str]) -> None:
    with running(engine, image, limits) as container:
        engine.call("stop", "--time=20", container.name)
        (state,) = json.loads(engine.call("inspect", container.name).stdout)
    assert state["State"]["ExitCode"] == 0


def test_it_has_no_tools_to_build_with(engine: Engine, image: str, limits: list[str]) -> None:
    tools = ["pip", "pip3", "gcc", "cc", "ld"]
    options = ["--rm", *limits, "--network=none", "--entrypoint=which"]
    found = engine.call("run", *options, image, *tools, check=False)
    assert (found.returncode, found.stdout) == (1, "")


def test_pip_cannot_be_imported_either(engine: Engine, image: str, limits: list[str]) -> None:
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('pip') is not None)"
    engine.call("run", "--rm", *limits, "--network=none", "--entrypoint=python", image, "-c", code)


def test_it_is_small_and_runs_as_nobody_unless_told_otherwise(engine: Engine, image: str) -> None:
    about = engine.inspect(image)
    assert about["Size"] - engine.inspect(engine.base())["Size"] <= MAX_LAYERS_BYTES
    assert about["Config"]["User"] == "10001:10001"
    assert about["Config"]["Labels"]["org.opencontainers.image.title"] == "legible-inference"
    assert about["Config"]["Labels"]["legible.model"] == Model.load().version


def test_nothing_that_it_imports_is_compiled_with_each_start(
    engine: Engine, image: str, limits: list[str]
) -> None:
    code = """
import os, sys
import inference_image.__main__, inference_image.healthcheck, inference_image.worker
places = [vars(module).get("__cached__") for module in sys.modules.values()]
print([place for place in places if place and not os.path.exists(place)])
"""
    alone = ("--network=none", "--entrypoint=python")
    assert engine.call("run", "--rm", *limits, *alone, image, "-c", code).stdout.strip() == "[]"
