"""`make run` and `make demo` as a person meets them: started, interrupted, in the way of each other."""

import json
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import urllib3

from infrastructure.local import parts
from infrastructure.local.credentials import Credentials
from infrastructure.local.samples import Sample
from infrastructure.local.settings import BUCKET, HOST, ROOT, Settings, is_free
from infrastructure.local.stack import Stack
from tests.processes import children, processes_that_name
from tests.waiting import PATIENCE_SECONDS, wait_until

SAMPLES = len(Sample.all())


@dataclass
class Run:
    """A `python -m infrastructure.local run` of our own, with what it has printed so far."""

    process: "subprocess.Popen[bytes]"
    output: Path

    def text(self) -> str:
        return self.output.read_text()

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while text not in self.text():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.05)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.on_free_ports(tmp_path / "data, with spaces")


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator["Starter"]:
    starter = Starter(settings, tmp_path)
    yield starter
    for run in starter.runs:
        if run.process.poll() is None:
            run.end(signal.SIGTERM)


class Starter:
    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self.runs: list[Run] = []

    def __call__(self, **environment: str) -> Run:
        output = self._folder / f"output-{len(self.runs)}"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "infrastructure.local", "run"],
                cwd=ROOT,
                env={**os.environ, **variables(self._settings), **environment},
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.runs.append(Run(process, output))
        return self.runs[-1]


def variables(settings: Settings) -> dict[str, str]:
    return {
        "LEGIBLE_DATA": str(settings.data),
        "LEGIBLE_PAGE_PORT": str(settings.page_port),
        "LEGIBLE_API_PORT": str(settings.api_port),
        "LEGIBLE_INFERENCE_PORT": str(settings.inference_port),
        "LEGIBLE_S3_PORT": str(settings.s3_port),
    }


def report_of(settings: Settings) -> Any:  # noqa: ANN401  JSON
    return urllib3.request("GET", f"{settings.api_url}/accuracy").json()


def test_the_demo_shows_the_whole_way_and_ends_by_itself() -> None:
    demo = subprocess.run(
        [sys.executable, "-m", "infrastructure.local", "demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    for sample in Sample.all():
        assert sample.path.name in demo.stdout
    assert f"of {SAMPLES} pairs" in demo.stdout


def test_a_signal_ends_it_and_the_next_run_keeps_the_data_and_sends_no_sample_twice(
    start: Starter, settings: Settings
) -> None:
    first = start()
    first.wait_for("Press ctrl-C")
    assert report_of(settings)["pairs"] == SAMPLES
    assert first.end(signal.SIGINT) == 0
    assert processes_that_name(settings.data) == {}
    second = start()
    second.wait_for("Press ctrl-C")
    assert second.text().count("sent before") == SAMPLES
    assert report_of(settings)["pairs"] == SAMPLES
    assert second.end(signal.SIGTERM) == 0
    assert processes_that_name(settings.data) == {}


def accuracy(settings: Settings) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "infrastructure.local", "accuracy"],
        cwd=ROOT,
        env=os.environ | variables(settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_the_accuracy_job_runs_on_the_store_that_is_there(stack: Stack) -> None:
    assert accuracy(stack.settings).returncode == 0
    before = report_of(stack.settings)
    done = accuracy(stack.settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert report_of(stack.settings)["made"] > before["made"]


def test_without_a_store_the_accuracy_job_says_how_to_start_one(settings: Settings) -> None:
    done = accuracy(settings)
    assert done.returncode == 1
    assert done.stdout == f"No store listens on {settings.s3_url}. Start it in another window: make run\n"


def test_the_accuracy_job_makes_no_credentials_in_a_folder_that_is_not_the_stores(
    stack: Stack, tmp_path: Path
) -> None:
    done = accuracy(replace(stack.settings, data=tmp_path))
    assert done.returncode == 1
    assert done.stdout.startswith(f"{tmp_path} holds no store's credentials. ")
    assert not any(tmp_path.iterdir())


def test_a_command_whose_output_is_closed_ends_as_otherwise(settings: Settings) -> None:
    words = [sys.executable, "-m", "infrastructure.local", "accuracy"]
    command = ["sh", "-c", 'exec "$@" >&-', "sh", *words]
    environment = os.environ | variables(settings)
    done = subprocess.run(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"")  # for there is no store


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_starts_ends_every_process(
    start: Starter, settings: Settings, number: signal.Signals
) -> None:
    run = start()
    run.wait_for("is ready")
    assert run.end(number) == 130
    assert processes_that_name(settings.data) == {}
    ports = (settings.page_port, settings.api_port, settings.inference_port, settings.s3_port)
    assert all(map(is_free, ports))


def test_a_part_that_dies_is_named_with_the_end_of_its_log(start: Starter, settings: Settings) -> None:
    run = start()
    run.wait_for("Press ctrl-C")
    (store,) = [pid for pid, command in processes_that_name(settings.data).items() if " mini -dir" in command]
    os.kill(store, signal.SIGKILL)
    assert run.process.wait(PATIENCE_SECONDS) == 1
    assert "The store has ended with status -9" in run.text()
    assert re.search(r"The end of .*store\.log", run.text())
    assert processes_that_name(settings.data) == {}


@pytest.mark.parametrize("variable", ["LEGIBLE_PAGE_PORT", "LEGIBLE_API_PORT", "LEGIBLE_S3_PORT"])
def test_a_port_that_is_taken_is_named_with_what_moves_it(
    start: Starter, settings: Settings, variable: str
) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        run = start(**{variable: str(port)})
        assert run.process.wait(PATIENCE_SECONDS) == 1
    assert f"Port {port}" in run.text()
    assert f"{variable}={port + 100}" in run.text()
    assert processes_that_name(settings.data) == {}


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_a_wrong_port_is_named(start: Starter, port: str) -> None:
    run = start(LEGIBLE_API_PORT=port)
    assert run.process.wait(PATIENCE_SECONDS) == 1
    assert f"LEGIBLE_API_PORT='{port}'" in run.text()


def test_two_runs_do_not_share_a_data_folder(stack: Stack, start: Starter) -> None:
    run = start(LEGIBLE_DATA=str(stack.settings.data))
    assert run.process.wait(PATIENCE_SECONDS) == 1
    assert "in use" in run.text()
    (pids,) = re.findall(r"\(kill ([\d ]+)\)", run.text())
    assert {part.pid for part in stack.parts} <= set(map(int, pids.split()))


def test_the_store_leaves_nothing_outside_of_the_data(stack: Stack) -> None:
    store = next(part for part in stack.parts if part.name == "store")
    assert not list(Path(tempfile.gettempdir()).glob(f"weed.*.{store.pid}"))
    assert {file.name for file in (stack.settings.data / "s3").glob("*.sock")} == {"s3.sock", "filer.sock"}


def test_a_store_that_is_killed_leaves_no_sockets_outside_of_the_data(
    settings: Settings, tmp_path: Path
) -> None:
    settings.data.mkdir()
    store = parts.store(settings, Credentials.of(settings.data))
    store.start(tmp_path)
    try:
        wait_until(lambda: all(socket.exists() for socket in store.sockets))
    finally:
        store.stop(time.monotonic())  # at once: it is killed
    assert not any(socket.exists() for socket in store.sockets)


def test_the_credentials_are_their_owners_alone(stack: Stack) -> None:
    file = stack.settings.data / "credentials.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert set(json.loads(file.read_text())) == {"access_key", "secret_key", "samples_token"}


def test_nobody_else_on_the_machine_can_read_the_images(stack: Stack) -> None:
    folders = [stack.settings.data, stack.settings.data / "s3"]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700, 0o700]


def test_a_page_of_somebody_elses_reads_and_deletes_nothing_in_the_store(stack: Stack) -> None:
    store = next(part for part in stack.parts if part.name == "store")
    options = dict(re.findall(r"-(\w+)\.port=(\d+)", " ".join(store.command)))
    origin = {"Origin": "https://elsewhere.example"}
    for path in (f"/buckets/{BUCKET}/?limit=1", f"/col/delete?collection={BUCKET}", "/dir/status"):
        for server in ("master", "filer", "admin", "s3"):
            answer = urllib3.request("GET", f"http://{HOST}:{options[server]}{path}", headers=origin)
            assert answer.status in {403, 404}, (server, path)
            assert "Access-Control-Allow-Origin" not in answer.headers
    assert store.is_healthy()


def test_the_api_answers_also_where_a_full_disk_takes_no_line_of_its_log(
    settings: Settings, tmp_path: Path
) -> None:
    api = replace(parts.api(settings, Credentials.of(tmp_path)), health="/openapi.json")
    api.start(tmp_path)
    try:
        wait_until(api.is_healthy)  # what it says at its start is said
        assert api.pid is not None
        resource.prlimit(api.pid, resource.RLIMIT_FSIZE, (0, 0))  # no file may grow, as on a full disk
        assert api.is_healthy()
    finally:
        api.stop(time.monotonic())


def test_the_store_listens_on_no_port_that_follows_from_its_own(stack: Stack) -> None:
    assert is_free(stack.settings.s3_port + 10_000)


def test_the_store_refuses_requests_without_a_signature(stack: Stack) -> None:
    for path in ("/", "/legible", "/legible/reports/latest.json"):
        assert urllib3.request("GET", stack.settings.s3_url + path).status == 403


def test_nothing_listens_on_another_address_than_loopback(stack: Stack) -> None:
    for part in stack.parts:
        assert part.pid is not None
        pids = [part.pid, *descendants(part.pid)]
        addresses = {address for pid in pids for address in addresses_listened_on_by(str(pid))}
        assert addresses == {"0100007F"}, f"the {part.name} listens on {addresses}"


def descendants(pid: int) -> list[int]:
    return [each for child in children(pid) for each in [child, *descendants(child)]]


def addresses_listened_on_by(pid: str) -> Iterator[str]:
    """Yield the local addresses, in the kernel's hexadecimal, of a process's listening TCP sockets."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(str(descriptor.readlink()))
        except OSError:
            continue  # closed meanwhile
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in sockets:
                yield local.partition(":")[0]


def test_localhost_leads_to_the_one_origin_that_the_api_answers(stack: Stack) -> None:
    answer = urllib3.request(
        "GET", f"http://localhost:{stack.settings.page_port}/", redirect=False, retries=False
    )
    assert answer.status == 307
    assert answer.headers["Location"] == f"{stack.settings.page_url}/"


def test_the_page_says_where_the_api_is_and_is_never_cached_there(stack: Stack) -> None:
    answer = urllib3.request("GET", f"{stack.settings.page_url}/config.json")
    assert answer.json() == {"api": stack.settings.api_url}
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_page_is_sent_compressed(stack: Stack) -> None:
    answer = urllib3.request("GET", f"{stack.settings.page_url}/", headers={"Accept-Encoding": "gzip"})
    assert answer.status == 200
    assert answer.headers["Content-Encoding"] == "gzip"
