"""The real server, as processes on loopback."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import urllib3

from infrastructure.local.settings import HOST, ROOT, free_ports
from tests.processes import children, started
from tests.waiting import PATIENCE_SECONDS, wait_until

SAMPLES = ROOT / "samples"


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


@dataclass
class Server:
    """`python -m inference_image` on a free port."""

    port: int
    process: "subprocess.Popen[str]"
    lines: list[dict[str, Any]] = field(default_factory=list)  # of the log

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def ask(
        self,
        path: str,
        body: bytes | None = None,
        **options: Any,  # noqa: ANN401  urllib3's
    ) -> urllib3.BaseHTTPResponse:
        method = "GET" if body is None and "fields" not in options else "POST"
        return urllib3.request(method, self.url + path, body=body, retries=False, timeout=30.0, **options)

    def ping(self) -> int | None:
        try:
            return self.ask("/ping").status
        except urllib3.exceptions.HTTPError:
            return None

    def metric(self, sample: str) -> float:
        """Return the value of a line of /metrics, 0 if it is not there."""
        for line in self.ask("/metrics").data.decode().splitlines():
            if line.rpartition(" ")[0] == sample:
                return float(line.rpartition(" ")[2])
        return 0.0

    def workers(self) -> list[int]:
        """Return the process ids of the supervisor's children."""
        return children(self.process.pid)

    def read_log(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            self.lines.extend(json.loads(line) for line in lines)


def start(
    port: int, *, under: Sequence[str] = (), **settings: object
) -> AbstractContextManager["subprocess.Popen[str]"]:
    """Return a server that is begun where the context is entered; after it no process of it is left."""
    variables = {f"LEGIBLE_INFERENCE_{name.upper()}": str(value) for name, value in settings.items()}
    environment = {**os.environ, **variables, "LEGIBLE_INFERENCE_PORT": str(port)}
    return started([*under, sys.executable, "-m", "inference_image"], environment, stderr=subprocess.STDOUT)


@contextmanager
def serving(*, under: Sequence[str] = (), **settings: object) -> Iterator[Server]:
    """Yield a server that is ready, under a command if one is given; then neither it nor a worker is left."""
    port = next(free_ports())
    with start(port, under=under, **settings) as process:
        server = Server(port, process)
        reader = threading.Thread(target=server.read_log, daemon=True)
        reader.start()
        try:
            wait_until(lambda: server.ping() == 200 or process.poll() is not None)
            assert process.poll() is None, server.lines
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=PATIENCE_SECONDS)
            reader.join(PATIENCE_SECONDS)
        assert not reader.is_alive()  # all processes hold the log open: none of them is left
