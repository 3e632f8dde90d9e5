"""What the API itself costs on Lambda.

The size of the deployment zip; the import of the app from it, uncompiled as Lambda has it, in a new
interpreter; the handler's own time, from API Gateway's event to its answer, with store and model answering at
once. Beside each the same of a bare Chalice hello-world. Wall time, and the processor's, which other work on
the machine disturbs less. Run: python -m benchmarks.api
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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import uuid6
from chalice.app import Chalice
from chalice.local import LambdaContext, LambdaEventConverter, RouteMatcher

from benchmarks.results import Bars, Result, Table, UnavailableError, command
from chalice_app.classifications import Classifications
from chalice_app.inference import InferenceClient
from chalice_app.store import Blob, Store
from infrastructure.deployment import prepare, run_chalice
from infrastructure.local.settings import ROOT

IMPORTS, QUICK_IMPORTS, CALLS, WARM_UP = 20, 10, 500, 50
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

    def put_json(self, _key: str, _document: object) -> None: ...

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


def run(*, quick: bool) -> Result:
    os.environ.update(ENVIRONMENT)  # which the app reads when it is imported
    with tempfile.TemporaryDirectory() as folder:
        unzipped, zip_bytes = package(Path(folder))
        runs = QUICK_IMPORTS if quick else IMPORTS
        imports = {
            "import of the app": import_times(unzipped, "import app", runs),
            "import of a hello-world": import_times(unzipped, HELLO, runs),
        }
    handlers = {
        "POST /classifications": post(),
        "GET /classifications/{id}": get(),
        "GET / of a hello-world": hello(),
    }
    size = Table("What is sent to Lambda", ("", "bytes"), [("the deployment zip", f"{zip_bytes:,}")])
    return Result(
        tables=[table({**imports, **handlers}), size],
        plots=[bars("Importing the app", imports), bars("Handling a request", handlers, ours=2)],
        versions={"Chalice": version("chalice")},
    )


def package(folder: Path) -> tuple[Path, int]:
    """Return the unpacked deployment package, and the size of its zip in bytes."""
    project = prepare(folder / "project", "dev", ENVIRONMENT)
    out = folder / "package"
    words = "package", "--stage", "dev", str(out)
    ran = run_chalice(project, *words, AWS_DEFAULT_REGION="eu-central-1")
    if ran.returncode != 0:  # it fetches what Lambda needs, if that lies in no cache
        raise UnavailableError(f"chalice package has failed: {(ran.stdout + ran.stderr).strip()[-500:]}")
    zipped = out / "deployment.zip"
    with zipfile.ZipFile(zipped) as file:
        file.extractall(folder / "unzipped")
    return folder / "unzipped", zipped.stat().st_size


def import_times(folder: Path, script: str, runs: int) -> Times:
    timed = TIMED.format(script, *ELAPSED)
    words = [sys.executable, "-B", "-c", timed]  # -B: Lambda's folder cannot be written to

    def once() -> tuple[float, float]:
        printed = subprocess.run(words, cwd=folder, capture_output=True, check=True, text=True).stdout
        wall, cpu = map(float, printed.split())
        return wall, cpu

    once()  # reads the disk
    return [once() for _ in range(runs)]


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
    heads = ("", "median, ms", "95 %, ms", "processor, median, ms", "runs")
    return Table("The API's own cost", heads, [row(name, times) for name, times in measured.items()])


def row(name: str, times: Times) -> Sequence[str]:
    wall, cpu = zip(*times, strict=True)
    figures = (
        statistics.median(wall),
        statistics.quantiles(wall, n=20, method="inclusive")[-1],
        statistics.median(cpu),
    )
    return name, *(f"{figure:.2f}" for figure in figures), str(len(times))


def bars(title: str, measured: Mapping[str, Times], ours: int = 1) -> Bars:
    return Bars(title, "ms", {name: [wall for wall, _ in times] for name, times in measured.items()}, ours)


if __name__ == "__main__":
    command("python -m benchmarks.api", __doc__, run)
