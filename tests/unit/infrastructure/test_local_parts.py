"""One part as `make run` starts and stops it, of small processes that stand for servers."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infrastructure.local import parts
from infrastructure.local.environment import with_own
from infrastructure.local.part import Part
from infrastructure.local.settings import HOST, MAX_PORT, ROOT, LocalError, free_ports
from infrastructure.local.stack import Running, check_space
from tests.processes import processes_that_name


def part(command: list[str], port: int) -> Part:
    return Part("page", command, {}, port=port, variable="LEGIBLE_PAGE_PORT", health="/")


def test_what_leads_away_from_this_machine_or_environment_is_not_inherited() -> None:
    leading_away = {
        "AWS_SESSION_TOKEN": "t",
        "AWS_PROFILE": "work",
        "UVICORN_UDS": "s",
        "PYTHONPATH": "/other",
    }
    inherited = {"PATH": "/bin", "no_proxy": "example.org", **leading_away}
    assert with_own({"AWS_REGION": "r"}, inherited) == {
        "PATH": "/bin",
        "AWS_REGION": "r",
        "NO_PROXY": HOST,
        "no_proxy": HOST,
    }


@pytest.mark.parametrize(
    ("port", "number", "advice"),
    [
        (
            8000,
            errno.EADDRINUSE,
            "Stop what listens there, or move the page: LEGIBLE_PAGE_PORT=8100",
        ),
        (MAX_PORT, errno.EADDRINUSE, f"LEGIBLE_PAGE_PORT={MAX_PORT - 100}"),
        (80, errno.EACCES, "is root's alone. Move the page: LEGIBLE_PAGE_PORT=8080"),
    ],
)
def test_a_port_that_cannot_be_listened_on_is_named_with_one_that_can_be_tried(
    port: int, number: int, advice: str
) -> None:
    assert str(part([], port).without_port(OSError(number, ""))).endswith(advice)


def test_a_part_keeps_what_it_holds_after_who_has_started_it(tmp_path: Path) -> None:
    def is_locked() -> bool:
        with (tmp_path / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    started = part([sys.executable, "-c", "import time; time.sleep(60)"], next(free_ports()))
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started.start(tmp_path, [lock.fileno()])
    assert is_locked()
    started.stop(time.monotonic())
    assert not is_locked()


def test_a_part_that_has_died_is_named_in_place_of_what_failed_without_it(tmp_path: Path) -> None:
    port = next(free_ports())
    server = part([sys.executable, "-m", "http.server", "--bind", HOST, str(port)], port)

    def fail_as_it_dies() -> None:
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
        raise ConnectionError

    with pytest.raises(LocalError, match="The page has ended with status -9"), Running([server], tmp_path):
        fail_as_it_dies()


def test_a_log_that_cannot_be_written_is_an_error_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "page.log").mkdir()
    with pytest.raises(LocalError, match=f"{tmp_path} cannot be the folder of data: Is a directory"):
        part([sys.executable], next(free_ports())).start(tmp_path)


def test_a_program_that_was_set_up_in_halves_is_named_with_what_to_do(tmp_path: Path) -> None:
    (half := tmp_path / "weed").touch(0o644)  # executable it becomes last
    with pytest.raises(LocalError, match=r"page cannot be started: .*weed.* Delete \.venv"):
        part([str(half)], next(free_ports())).start(tmp_path)


def test_a_disk_on_which_the_store_would_write_nothing_is_named(tmp_path: Path) -> None:
    check_space(tmp_path, 10**10, 10**12)
    with pytest.raises(LocalError, match=r"Less than 1% .* \(9536 MB\)"):
        check_space(tmp_path, 10**10 - 1, 10**12)


@pytest.mark.parametrize(("said", "workers"), [({}, "4"), ({"LEGIBLE_INFERENCE_WORKERS": "7"}, "7")])
def test_a_large_machine_gets_few_workers_unless_it_is_said_otherwise(
    said: dict[str, str], workers: str
) -> None:
    assert parts.workers(said, cores=64) == workers
    assert parts.workers({}, cores=2) == "2"


def test_any_thread_can_start_a_part(tmp_path: Path) -> None:
    started = part([sys.executable, "-c", "import time; time.sleep(60)"], next(free_ports()))
    with ThreadPoolExecutor(1) as thread:
        thread.submit(started.start, tmp_path).result()
    started.check_alive()
    started.stop(time.monotonic())


INTERRUPTED = """
import contextlib, pathlib, signal, sys
from infrastructure.local.part import Part
from infrastructure.local.stack import Running
folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
command = [sys.executable, "-c", "import time; time.sleep(60)", str(folder)]
part = Part("page", command, {}, port=port, variable="LEGIBLE_PAGE_PORT", health="/")
signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
for eighths in range(1, 61):
    with contextlib.suppress(KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, eighths / 8000)
        with Running([part], folder):  # it is never healthy
            pass
"""


def test_an_interrupt_at_any_moment_of_the_start_leaves_no_part_behind(tmp_path: Path) -> None:
    words = [sys.executable, "-c", INTERRUPTED, str(tmp_path), str(next(free_ports()))]
    subprocess.run(words, cwd=ROOT, check=True)
    assert processes_that_name(tmp_path) == {}


INTERRUPTED_AT_LAST = """
import os, pathlib, signal, sys
from infrastructure.local.interrupts import interruptible
from infrastructure.local.part import Part
from infrastructure.local.stack import Running
folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
words = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(folder), str(port)]
part = Part("page", words, {}, port=port, variable="LEGIBLE_PAGE_PORT", health="/")
with interruptible(), Running([part], folder, lambda _: os.kill(os.getpid(), signal.SIGINT)):
    pass
"""


def test_an_interrupt_when_the_last_part_is_healthy_leaves_none_behind(tmp_path: Path) -> None:
    words = [sys.executable, "-c", INTERRUPTED_AT_LAST, str(tmp_path), str(next(free_ports()))]
    assert subprocess.run(words, cwd=ROOT, check=False).returncode == 130
    assert processes_that_name(tmp_path) == {}


INTERRUPTIBLE = """
import os, signal
from infrastructure.local.interrupts import interruptible
with interruptible():
    os.kill(os.getpid(), signal.SIGHUP)  # it is here before this call ends
print("goes on")
"""


@pytest.mark.parametrize(
    ("is_ignored", "status", "last"),
    [(False, 130, "Interrupted. Everything is stopped."), (True, 0, "goes on")],
    ids=["terminal closed", "nohup"],
)
def test_the_end_of_the_terminal_ends_what_it_would_leave_behind_unless_it_is_to_stay(
    *, is_ignored: bool, status: int, last: str
) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if is_ignored else signal.SIG_DFL)
    try:
        words = [sys.executable, "-c", INTERRUPTIBLE]
        done = subprocess.run(words, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (done.returncode, done.stdout.strip()) == (status, last)
