"""How the server's processes live: what is refused, dropped, replaced and finished, with real load."""

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import urllib3

from inference_image.heartbeats import Heartbeats
from inference_image.settings import Settings
from inference_image.supervisor import METRICS_FOLDER
from infrastructure.local.settings import HOST, ROOT, free_ports
from tests.integration.inference_image.serving import Server, sample, serving, start
from tests.processes import catches, children
from tests.waiting import PATIENCE_SECONDS, wait_until

SLOW = sample("huge.png")  # tens of milliseconds
HEAD = "POST /invocations HTTP/1.1\r\nHost: here\r\nContent-Length: {}\r\n\r\n"


def _has_pytorch(pid: int) -> bool:
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()


def _open(server: Server, body: bytes, size: int) -> socket.socket:
    """Send a request's head and some of the body."""
    client = socket.create_connection((HOST, server.port), timeout=30)
    client.sendall(HEAD.format(size).encode() + body)
    return client


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Load:
    """Clients that ask again and again, until nobody listens any more."""

    def __init__(self, server: Server, clients: int) -> None:
        self.answered = 0
        self.lost: list[str] = []
        self._server = server
        self._threads = [threading.Thread(target=self._client) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _client(self) -> None:
        with urllib3.PoolManager() as pool:
            while True:
                try:
                    answer = pool.request(
                        "POST", f"{self._server.url}/invocations", body=sample("mnist-2.png"), retries=False
                    )
                except urllib3.exceptions.NewConnectionError:
                    return  # refused: the request was never sent
                except urllib3.exceptions.HTTPError as error:
                    self.lost.append(repr(error))
                    return
                if answer.status != 200 or answer.json()["predicted"] != 0:
                    self.lost.append(f"{answer.status} {answer.data!r}")
                self.answered += 1

    def join(self) -> None:
        for thread in self._threads:
            thread.join()


@pytest.fixture(scope="module")
def lasting() -> Iterator[Server]:
    with serving(workers=2) as server:
        yield server


@pytest.fixture
def mended(lasting: Server) -> Server:
    """Return a server of two workers for a test that takes one from it, with those of the last in place."""
    wait_until(lambda: len(lasting.workers()) == 2 and lasting.ping() == 200)
    return lasting


@pytest.fixture(scope="module")
def hasty() -> Iterator[Server]:
    with serving(workers=1, deadline_seconds=1) as server:
        yield server


def test_the_workers_alone_load_pytorch(server: Server) -> None:
    assert all(map(_has_pytorch, server.workers()))
    assert not _has_pytorch(server.process.pid)


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGTERM, 2), (signal.SIGINT, 1)])
def test_a_signal_ends_an_idle_server_at_once_and_cleanly(number: signal.Signals, workers: int) -> None:
    with serving(workers=workers, drain_seconds=60, deadline_seconds=60) as server:
        pids = server.workers()
        server.process.send_signal(number)
        assert server.process.wait(timeout=30) == 0  # nobody is waited for
        assert not any(map(_is_alive, pids))


def test_ctrl_c_while_the_workers_start_leaves_no_trace() -> None:
    with start(0, workers=2) as process:
        server = Server(0, process)
        wait_until(lambda: len(server.workers()) == 2 and all(map(_takes_sigint, server.workers())))
        os.killpg(process.pid, signal.SIGINT)  # as the terminal does
        output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, len(output.splitlines())) == (0, 1), output


def _takes_sigint(worker: int) -> bool:
    """Tell whether Python runs there, and has said what a SIGINT shall do."""
    is_python = "worker" in Path(f"/proc/{worker}/cmdline").read_text()
    return is_python and catches(worker, signal.SIGINT)


def test_a_log_that_cannot_be_written_keeps_nobody_from_an_answer() -> None:
    with serving(under=["sh", "-c", 'exec "$@" >/dev/full 2>&1', "sh"], workers=1) as server:
        (worker,) = server.workers()
        for _ in range(3):
            assert server.ask("/invocations", sample("mnist-2.png")).json()["predicted"] == 0
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: server.workers() != [worker] and server.ping() == 200)


def test_under_load_a_signal_loses_nothing() -> None:
    with serving(workers=2, drain_seconds=10) as server:
        load = Load(server, clients=8)
        wait_until(lambda: load.answered > 50)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: server.ping() == 503)  # while requests are still answered
        assert server.process.wait(timeout=60) == 0
        load.join()
        assert load.lost == []


def test_a_request_that_is_open_when_the_signal_comes_is_answered() -> None:
    with serving(workers=1, drain_seconds=1, deadline_seconds=20) as server:
        with _open(server, SLOW[:-1], len(SLOW)) as client:
            wait_until(lambda: server.metric("legible_in_work") == 1)
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: server.ping() is None)  # nobody is let in any more
            client.sendall(SLOW[-1:])
            answer = client.recv(2**16)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer
        assert server.process.wait(timeout=9) == 0


def test_a_worker_that_dies_is_replaced_and_the_others_answer_meanwhile(mended: Server) -> None:
    before = mended.workers()
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: len(mended.workers()) == 2 and mended.workers() != before)
    assert mended.ask("/invocations", sample("mnist-2.png")).json()["predicted"] == 0
    wait_until(lambda: mended.ping() == 200)
    assert mended.process.poll() is None
    # Nothing stays of those before: what is there is added up with each look at the metrics.
    assert len([*_memory_of(mended).glob("counter_*.db")]) <= 2


def test_one_that_dies_in_its_place_before_it_can_serve_is_replaced_as_well(mended: Server) -> None:
    one, other = mended.workers()
    os.kill(one, signal.SIGKILL)
    wait_until(lambda: {*mended.workers()} - {one, other})
    (replacement,) = {*mended.workers()} - {other}
    os.kill(replacement, signal.SIGKILL)
    wait_until(lambda: {*mended.workers()} - {replacement, other} and mended.ping() == 200)
    assert (mended.process.poll(), other in mended.workers()) == (None, True)


def test_a_worker_that_cannot_be_replaced_yet_takes_no_other_down(mended: Server) -> None:
    one, other = mended.workers()
    files = resource.prlimit(mended.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(mended.process.pid, resource.RLIMIT_NOFILE, (0, files[1]))
    os.kill(one, signal.SIGKILL)
    wait_until(lambda: mended.process.poll() is not None or _says(mended, "a worker cannot be started"))
    resource.prlimit(mended.process.pid, resource.RLIMIT_NOFILE, files)
    wait_until(lambda: len(mended.workers()) == 2 and mended.ping() == 200)
    assert other in mended.workers()


def _says(server: Server, event: str) -> bool:
    return any(line["event"] == event for line in server.lines)


def test_a_worker_that_hangs_fails_the_ping_and_is_replaced(mended: Server) -> None:
    before = mended.workers()
    os.kill(before[0], signal.SIGSTOP)
    wait_until(lambda: _ping_of_any(mended) == 503)
    wait_until(lambda: before[0] not in mended.workers() and mended.ping() == 200)


def _ping_of_any(server: Server) -> int | None:
    """Ping until a worker answers: the kernel gives some of the connections to one that hangs."""
    with socket.create_connection((HOST, server.port), timeout=5) as client:
        client.sendall(b"GET /ping HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        client.settimeout(0.2)
        try:
            return int(client.recv(100).split()[1])
        except TimeoutError:
            return None


def test_without_their_supervisor_the_workers_end() -> None:
    with serving(workers=2) as server:
        workers = server.workers()
        server.process.kill()
        wait_until(lambda: not any(map(_is_alive, workers)))


def test_what_a_killed_server_left_in_memory_is_removed_by_the_next_start() -> None:
    with serving(workers=1) as server, serving(workers=1) as living:
        left, kept = _memory_of(server), _memory_of(living)
        server.process.kill()
        server.process.wait()
        for folder in (left, kept):
            os.utime(folder, (0, 0))  # long ago
        with serving(workers=1):
            assert not left.exists()
            assert kept.exists()
    assert not kept.exists()


def _memory_of(server: Server) -> Path:
    """Return the folder of its metrics."""
    variables = Path(f"/proc/{server.workers()[0]}/environ").read_text().split("\0")
    return Path(dict(each.split("=", 1) for each in variables if each)[METRICS_FOLDER])


def test_a_full_queue_is_said_at_once() -> None:
    # At the deadline it would be 503, too.
    with (
        serving(workers=1, max_in_work=1, max_images=1, deadline_seconds=600) as server,
        _open(server, b"", len(SLOW)),
    ):
        wait_until(lambda: server.metric("legible_in_work") == 1)
        answer = server.ask("/invocations", sample("mnist-1.png"))
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert server.metric("legible_refused_total") == 1


def test_bodies_that_would_not_fit_into_memory_together_are_refused() -> None:
    with serving(workers=1, max_in_work_bytes=10 * 2**20) as server, _open(server, b"", 10 * 2**20):
        wait_until(lambda: server.metric("legible_in_work") == 1)
        assert server.ask("/invocations", sample("mnist-1.png")).status == 503


def test_a_body_that_does_not_come_is_given_up_at_the_deadline(hasty: Server) -> None:
    with _open(hasty, b"", 10) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 503")
        assert hasty.metric("legible_in_work") == 0


def test_a_queue_that_is_too_long_for_the_deadline_is_not_read_to_its_end(hasty: Server) -> None:
    before = hasty.metric("legible_batch_images_sum")
    with ExitStack() as open_ones:
        clients = [open_ones.enter_context(_open(hasty, SLOW, len(SLOW))) for _ in range(240)]
        answers = [client.recv(2**16)[9:12] for client in clients]
    assert set(answers) == {b"200", b"503"}
    read = hasty.metric("legible_batch_images_sum") - before
    # Late can be the batch that is being read at the deadline, and the one whose answers are about to go; and
    # the worker may have read an image of its own before they came.
    assert read <= answers.count(b"200") + 2 * 8 + 1


def test_what_clients_that_have_gone_had_asked_is_not_read() -> None:
    with serving(workers=1, deadline_seconds=60) as server:
        clients = [_open(server, SLOW, len(SLOW)) for _ in range(100)]
        wait_until(lambda: server.metric("legible_in_work") > 50)
        for client in clients:
            client.close()
        requests = 'legible_requests_total{{path="/invocations",status="{}"}}'
        wait_until(lambda: server.metric(requests.format(499)) > 25)
        wait_until(lambda: server.metric("legible_in_work") == 0)
        read = server.metric("legible_batch_images_sum")
        assert read <= server.metric(requests.format(200)) + 8  # one batch was being read


def test_a_taken_port_is_named_with_the_variable_that_moves_it(server: Server) -> None:
    with start(server.port) as second:
        output, _ = second.communicate(timeout=PATIENCE_SECONDS)
    assert second.returncode == 1
    assert str(server.port) in output
    assert "LEGIBLE_INFERENCE_PORT" in output
    assert "Traceback" not in output


def test_a_worker_that_reads_but_cannot_listen_ends_and_never_beats(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        settings = Settings(port=taken.getsockname()[1], workers=1)
        environment = os.environ | settings.to_environment() | {METRICS_FOLDER: str(tmp_path)}
        worker = subprocess.run(
            [sys.executable, "-m", "inference_image.worker", "0"],
            cwd=ROOT,
            env=environment,
            input="",
            capture_output=True,
            text=True,
            check=False,
        )
    assert (worker.returncode, "Address already in use" in worker.stderr) == (1, True)
    assert Heartbeats(tmp_path, 1).last(0) is None  # else its supervisor would start another, and another


def test_a_login_that_may_open_few_files_does_not_bound_the_connections() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with (
        serving(under=["sh", "-c", 'ulimit -S -n 64; exec "$@"', "sh"], workers=1) as server,
        ExitStack() as idle,
    ):
        for _ in range(100):
            idle.enter_context(socket.create_connection((HOST, server.port), timeout=10))
        assert server.ask("/invocations", sample("mnist-2.png")).json()["predicted"] == 0
        assert resource.prlimit(server.workers()[0], resource.RLIMIT_NOFILE) == (most, most)


def test_a_hard_limit_of_memory_below_the_servers_own_bound_is_kept_to() -> None:
    limited = ["sh", "-c", 'ulimit -d 3000000; exec "$@"', "sh"]  # KiB
    with serving(under=limited, workers=1, max_decoding_bytes=2**31, max_in_work_bytes=2**31) as server:
        (worker,) = server.workers()
        assert resource.prlimit(worker, resource.RLIMIT_DATA) == (3000000 * 1024,) * 2
        assert server.ask("/invocations", sample("mnist-2.png")).json()["predicted"] == 0


def test_where_the_address_cannot_be_listened_on_the_server_ends_and_says_why() -> None:
    with start(0, host="192.0.2.1") as process:
        output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert output.startswith("inference_image: 192.0.2.1:0 cannot be listened on")


def test_where_no_worker_can_start_the_server_ends_and_says_why(tmp_path: Path) -> None:
    no_weights = shutil.ignore_patterns("*.safetensors", "*.json", "__pycache__")
    shutil.copytree(ROOT / "inference_image", tmp_path / "inference_image", ignore=no_weights)
    with start(0, under=["env", "-C", str(tmp_path)], workers=2) as process:
        output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, "Traceback" in output) == (1, False)
    assert f"inference_image: {tmp_path}/inference_image/weights holds 0 models, expected one\n" in output
    assert re.search(r"inference_image: worker \d has ended with status 1 before it could serve\n", output)


def test_a_second_server_finds_the_port_taken_also_before_the_first_listens() -> None:
    port = next(free_ports())
    with start(port, workers=1) as first:
        assert first.stdout is not None
        assert json.loads(first.stdout.readline())["event"] == "start"
        wait_until(lambda: children(first.pid))
        with start(port, workers=1) as second:
            output, _ = second.communicate(timeout=PATIENCE_SECONDS)
        assert second.returncode == 1
        assert f"{HOST}:{port} cannot be listened on (Address already in use)" in output
        first.terminate()
        first.communicate(timeout=PATIENCE_SECONDS)
