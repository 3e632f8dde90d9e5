"""What the API itself costs on Lambda.

- The size of the deployment zip.
- The import of the app from that zip, uncompiled as Lambda has it, in a new interpreter.
- The handler's own time, from API Gateway's event to its answer, with store and model answering at once.

Beside each the same of a bare Chalice hello-world. Wall time, and the processor's, which other work on the
machine disturbs less. Run: python -m benchmarks.api
"""

import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import uuid6
from chalice.app import Chalice
from chalice.local import LambdaContext, LambdaEventConverter, RouteMatcher
from rich.console import Console
from rich.table import Table

from chalice_app.classifications import Classifications
from chalice_app.inference import InferenceClient
from chalice_app.store import Blob, Store
from infrastructure.deployment import prepare
from infrastructure.local.settings import ROOT

IMPORTS, CALLS, WARM_UP = 20, 500, 50
IMAGE = (ROOT / "samples" / "mnist-2.png").read_bytes()
HEADERS = {"authorization": "Bearer 0123456789abcdef0123456789abcdef", "accept": "image/png"}
ENVIRONMENT = {
    "LEGIBLE_BUCKET": "unused",
    "LEGIBLE_INFERENCE_URL": "http://unused",
    "LEGIBLE_PAGE_ORIGIN": "http://unused",
}
HELLO = """
from chalice import Chalice
app = Chalice(app_name="hello")
@app.route("/")
def index():
    return {"hello": "world"}
"""
TIMED = "import time; wall, cpu = time.perf_counter(), time.process_time()\n{}\nprint({}, {})"
ELAPSED = ("(time.perf_counter() - wall) * 1000", "(time.process_time() - cpu) * 1000")
Times = list[tuple[float, float]]  # wall and processor, milliseconds


class InstantStore:
    """A store that takes everything, and has one record of this benchmark's writer."""

    def __init__(self) -> None:
        self.record: dict[str, Any] = {}

    def put(self, _key: str, _content: bytes, _media_type: str) -> None: ...

    def put_empty(self, _key: str) -> None: ...

    def create_json(self, _key: str, document: dict[str, Any]) -> bool:
        self.record = document
        return True

    def get(self, _key: str) -> Blob | None:
        return Blob(json.dumps(self.record).encode(), "application/json", '"e"')

    def get_json(self, _key: str) -> None: ...  # no label

    def keys(self, _prefix: str) -> Iterator[str]:
        return iter(())

    def delete(self, _keys: Iterable[str]) -> None: ...


class InstantModel:
    def classify(self, _image: bytes, _request_id: str) -> dict[str, Any]:
        probabilities = [0.0] * 9 + [1.0]
        return {"predicted": 9, "confidence": 1.0, "probabilities": probabilities, "model": "m"}


def main() -> None:
    os.environ.update(ENVIRONMENT)  # which the app reads when it is imported
    with tempfile.TemporaryDirectory() as folder:
        unzipped, zip_bytes = package(Path(folder))
        imports = {
            "import of the app": import_times(unzipped, "import app"),
            "import of a hello-world": import_times(unzipped, HELLO),
        }
    handlers = {"POST /classifications": post(), "GET /classifications/{id}": get()}
    handlers["GET / of a hello-world"] = hello()
    console = Console()
    console.print(table({**imports, **handlers}))
    console.print(f"The deployment zip has {zip_bytes:,} bytes.", highlight=False)


def package(folder: Path) -> tuple[Path, int]:
    """Return the unpacked deployment package, and the size of its zip in bytes."""
    project = prepare(folder / "project", "dev", ENVIRONMENT)
    chalice = str(Path(sys.executable).with_name("chalice"))
    out = folder / "package"
    environment = os.environ | {"AWS_DEFAULT_REGION": "eu-central-1"}
    command = [chalice, "package", "--stage", "dev", str(out)]
    subprocess.run(command, cwd=project, env=environment, check=True, capture_output=True)
    zipped = out / "deployment.zip"
    with zipfile.ZipFile(zipped) as file:
        file.extractall(folder / "unzipped")
    return folder / "unzipped", zipped.stat().st_size


def import_times(folder: Path, script: str) -> Times:
    command = [
        sys.executable,
        "-B",
        "-c",
        TIMED.format(script, *ELAPSED),
    ]  # -B: Lambda's folder cannot be written to

    def once() -> tuple[float, float]:
        printed = subprocess.run(command, cwd=folder, capture_output=True, check=True, text=True).stdout
        wall, cpu = map(float, printed.split())
        return wall, cpu

    once()  # reads the disk
    return [once() for _ in range(IMPORTS)]


def post() -> Times:
    return call_times(api(InstantStore()), "POST", "/classifications", {"content-type": "image/png"}, IMAGE)


def get() -> Times:
    store = InstantStore()
    app = api(store)
    call_times(app, "POST", "/classifications", {"content-type": "image/png"}, IMAGE)  # makes the record
    return call_times(app, "GET", f"/classifications/{store.record['id']}", {})


def hello() -> Times:
    namespace: dict[str, Any] = {}
    exec(HELLO, namespace)  # noqa: S102  the constant above
    return call_times(namespace["app"], "GET", "/", {})


def api(store: InstantStore) -> Chalice:
    """Return the app, with memory in place of S3 and of the model."""
    from chalice_app import api  # noqa: PLC0415  it reads the environment

    service = Classifications(
        cast("Store", store),
        cast("InferenceClient", InstantModel()),
        ThreadPoolExecutor(4),
        uuid6.uuid7,
        lambda: datetime.now(UTC),
    )
    api.classifications = lambda: service  # type: ignore[assignment]  # what it makes is the same, of other parts
    return api.app


def call_times(
    app: Chalice, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
) -> Times:
    converter = LambdaEventConverter(RouteMatcher(list(app.routes)), app.api.binary_types)
    event = converter.create_lambda_event(method, path, {**HEADERS, **headers}, body)

    def once() -> tuple[float, float]:
        wall, cpu = time.perf_counter(), time.process_time()
        answer = app(event, LambdaContext("benchmark", 128))
        elapsed = (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000
        if answer["statusCode"] >= 300:
            raise RuntimeError(answer["body"])
        return elapsed

    log = cast("logging.StreamHandler[Any]", app.log.handlers[0])
    with Path(os.devnull).open("w") as nowhere:
        terminal = log.setStream(nowhere)  # formatted and written, but not on the terminal
        times = [once() for _ in range(WARM_UP + CALLS)][WARM_UP:]
        log.setStream(terminal)
    return times


def table(measured: Mapping[str, Times]) -> Table:
    shown = Table(title="The API's own cost, in milliseconds", title_justify="left")
    shown.add_column("what")
    for heading in ("median", "95 %", "processor, median", "runs"):
        shown.add_column(heading, justify="right")
    for name, times in measured.items():
        wall, cpu = zip(*times, strict=True)
        figures = statistics.median(wall), statistics.quantiles(wall, n=20)[-1], statistics.median(cpu)
        shown.add_row(name, *(f"{figure:.2f}" for figure in figures), str(len(times)))
    return shown


if __name__ == "__main__":
    main()
