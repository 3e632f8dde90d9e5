"""The inference server beside others that do the same work, and beside that work without a server.

Every server has two workers of one thread and the same model, must read the right digit, and prepares images
alike, but for one that decodes them whole.
They are started and measured in turns, in several rounds; the figures are the rounds' medians, percentiles
those of all their answers. The clients share the machine with the server; what other work took of it stands
beside. Connections that get no answer for 10 s are left waiting: the others' time begins without them, and
how long they wait is only known to be longer than that. The peers are installed into build/peers.
Run: python -m benchmarks.inference
"""

import asyncio
import hashlib
import io
import json
import math
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import distributions
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import urllib3
from PIL import Image
from tqdm import tqdm

from benchmarks import load
from benchmarks.processes import Spent, Tree, environment
from benchmarks.results import Bars, Lines, Result, Table, UnavailableError, command
from inference_image.supervisor import KEEP_MEMORY
from infrastructure.local.part import Part
from infrastructure.local.settings import ROOT, free_ports
from infrastructure.local.stack import Running

WORKERS = 2
LIMIT_BATCH = 32
PEERS = ROOT / "build" / "peers"
REQUIREMENTS = Path(__file__).with_name("inference-requirements.lock")
DISTURBING = 5.0  # per cent of a core that other work takes; less may be the ticks of Linux' clock
LIMIT = "the work without HTTP"
PACKAGES = ("fastapi", "uvicorn", "litserve", "bentoml")


class Upload(NamedTuple):
    content: bytes
    media_type: str
    digit: int  # that it shows


@dataclass(kw_only=True)
class Reader(Part):
    """A process that is healthy once it has read an image: the servers have no other sign in common."""

    message: bytes
    digit: int  # that it shows

    def is_healthy(self) -> bool:
        try:
            done = asyncio.run(load.run(self.port, self.message, 1, 0.0))
        except OSError:
            return False
        is_right = b'"predicted":%d,' % self.digit in done.body.replace(b" ", b"")  # some answer a list
        return done.answers == 1 and not done.failures and is_right


class Whole(Running):
    """As what it is, but also what has left its parent's group, as BentoML's workers do, ends with it."""

    def _stop(self) -> None:
        with ExitStack() as stack:
            for part in self.parts:
                if part.pid is not None:
                    stack.enter_context(Tree(part.pid).ended())
            super()._stop()


@dataclass(frozen=True)
class Server:
    """A server to be measured; `{port}` stands for the port in its command."""

    name: str
    command: Sequence[str]
    field: str | None = None  # of a form, where the server takes no bare image

    def request(self, image: Upload) -> bytes:
        if self.field is None:
            return load.request(image.media_type, image.content)
        fields = {self.field: ("image", image.content, image.media_type)}
        body, content_type = urllib3.encode_multipart_formdata(fields)
        return load.request(content_type, body)

    def part(self, port: int, image: Upload, folder: str) -> Reader:
        variables = {
            "LEGIBLE_INFERENCE_PORT": str(port),
            "LEGIBLE_INFERENCE_WORKERS": str(WORKERS),
            "TMPDIR": folder,
            "BENTOML_HOME": folder,
            "BENTOML_DO_NOT_TRACK": "True",
        }
        return Reader(
            self.name,
            [word.format(port=port) for word in self.command],
            {**variables, "PYTHONPATH": str(ROOT)},
            port=port,
            variable="",  # none: the next run takes another port
            health="/invocations",
            message=self.request(image),
            digit=image.digit,
        )


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int
    connections: Sequence[int]
    warm_up: float  # seconds
    seconds: float


@dataclass(frozen=True)
class Figures:
    """Of one server in one round with one image and so many connections. NaN is what no answer tells."""

    rate: float  # requests a second
    latencies: Sequence[float]  # milliseconds; infinite for who was left waiting to the end
    cpu: float  # milliseconds of processor a request, in all processes of the server
    memory: float  # MB, in all of them, what they share counted once
    starved: int  # connections that were left waiting before the time began
    failures: int
    others: float  # per cent of a core that other work of the machine took meanwhile


FULL = Plan(rounds=3, connections=(1, 8, 32, 128), warm_up=0.5, seconds=3.0)
QUICK = Plan(rounds=3, connections=(1, 8, 32), warm_up=0.5, seconds=1.5)

_PYTHON = str(PEERS / "bin" / "python")
_HERE = ("--host=127.0.0.1", "--port={port}")
_UVICORN = (_PYTHON, "-m", "uvicorn", *_HERE, f"--workers={WORKERS}", "--no-access-log")
OURS = Server("Legible", (sys.executable, "-m", "inference_image"))
FASTAPI = Server("FastAPI, uvicorn", (*_UVICORN, "benchmarks.peers.fastapi_server:app"))
PLAIN = Server("FastAPI, whole image by Pillow", (*_UVICORN, "benchmarks.peers.plain_server:app"))
SERVERS = (
    OURS,
    FASTAPI,
    Server("LitServe", (_PYTHON, "-m", "benchmarks.peers.litserve_server", "{port}")),
    Server(
        "BentoML",
        (_PYTHON, "-m", "bentoml", "serve", "benchmarks.peers.bentoml_server:Server", *_HERE),
        field="images",
    ),
    PLAIN,
)
Measured = dict[tuple[str, str, int], list[Figures]]  # by server, image and connections
Seconds = dict[str, list[float]]


def run(*, quick: bool) -> Result:
    packages = install_peers()
    plan = QUICK if quick else FULL
    measured, starts, limits = measure(plan)
    return Result(
        tables=[
            *(speed(image, plan, measured, limits[image]) for image in limits),
            start(starts),
            multiples(plan, measured, limits),
        ],
        plots=[
            *(rates(image, plan, measured) for image in limits),
            *(slowest(image, plan, measured) for image in limits),
            Bars("Start to the first answer", "s", starts),
        ],
        versions={
            each.name: each.version for each in distributions(path=[packages]) if each.name in PACKAGES
        },
        warnings=list(disturbances(measured)),
    )


def install_peers() -> str:
    """Make the peers' environment, once for each state of its requirements; return where its packages lie.

    It sees our packages as well.
    """
    stamp = PEERS / "stamp"
    packages = sysconfig.get_path("purelib")  # ours, which it sees; the folder may have moved
    state = hashlib.sha256(REQUIREMENTS.read_bytes() + packages.encode()).hexdigest()
    if not (stamp.exists() and stamp.read_text() == state):
        tqdm.write(f"Setting up {PEERS} (once, some minutes) …", sys.stderr)
        try:
            venv.create(PEERS, with_pip=True, clear=True, symlinks=True)
        except (subprocess.CalledProcessError, OSError) as error:  # Debian has venv in a package of its own
            raise UnavailableError(f"No environment could be made for the other servers: {error}") from None
        (_packages() / "project.pth").write_text(packages)
        install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r")
        if subprocess.run([_PYTHON, *install, str(REQUIREMENTS)], check=False).returncode:
            raise UnavailableError("The other servers could not be installed; pip says above why.")
        stamp.write_text(state)
    return str(_packages())


def _packages() -> Path:
    return next(PEERS.glob("lib/python*/site-packages"))


def images() -> dict[str, Upload]:
    """Return a drawing of the page, and a photo of 2 megapixels."""
    photo = Image.open(ROOT / "samples" / "photo-ruled.jpg").resize((1632, 1224), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=85)
    canvas = (ROOT / "samples" / "canvas-white-1.png").read_bytes()
    return {"drawing": Upload(canvas, "image/png", 2), "photo": Upload(file.getvalue(), "image/jpeg", 7)}


def measure(plan: Plan) -> tuple[Measured, Seconds, Seconds]:
    """Return all figures, the seconds of each start, and what each image's limit is in images a second."""
    measured: Measured = defaultdict(list)
    starts: Seconds = defaultdict(list)
    limits: Seconds = defaultdict(list)
    shown = images()
    steps = plan.rounds * len(shown) * (len(SERVERS) * len(plan.connections) + 1)
    with tqdm(total=steps, unit="run") as bar:
        for _ in range(plan.rounds):
            for server in SERVERS:
                bar.set_description(server.name)
                for name, image in shown.items():  # a start for each: some learn from what came before
                    with running(server, image, starts[server.name]) as (port, tree):
                        for connections in plan.connections:
                            figures = measure_once(port, tree, server.request(image), connections, plan)
                            measured[server.name, name, connections].append(figures)
                            bar.update()
            bar.set_description(LIMIT)
            for name, image in shown.items():
                limits[name].append(limit(image.content, plan.seconds))
                bar.update()
    return measured, starts, limits


def measure_once(port: int, tree: Tree, message: bytes, connections: int, plan: Plan) -> Figures:
    asyncio.run(load.run(port, message, connections, plan.warm_up))
    before = Spent.now(tree)
    done = asyncio.run(load.run(port, message, connections, plan.seconds))
    spent = Spent.now(tree).since(before)
    return Figures(
        rate=done.rate,
        latencies=[1000 * latency for latency in done.latencies],
        cpu=spent.tree / done.answers * 1000 if done.answers else math.nan,
        memory=tree.memory_bytes() / 1e6,
        starved=done.starved,
        failures=done.failures,
        others=100 * spent.others / spent.time,
    )


@contextmanager
def running(server: Server, image: Upload, starts: list[float]) -> Iterator[tuple[int, Tree]]:
    """Start a server, wait until it has read the image, and leave nothing of it."""
    with tempfile.TemporaryDirectory() as folder:
        part = server.part(next(free_ports()), image, folder)
        began = time.perf_counter()
        with Whole([part], Path(folder)):
            starts.append(time.perf_counter() - began)
            assert part.pid is not None  # noqa: S101 - it runs
            yield part.port, Tree(part.pid)


def limit(image: bytes, seconds: float) -> float:
    """Return how many images a second as many processes read as the servers have workers."""
    with environment(KEEP_MEMORY), ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        list(pool.map(read_for, [image] * WORKERS, [0.0] * WORKERS))  # imports, and loads the model
        return sum(pool.map(read_for, [image] * WORKERS, [seconds] * WORKERS))


def read_for(image: bytes, seconds: float) -> float:
    """Read batches of the image for some seconds; return images a second."""
    import cv2  # noqa: PLC0415 - the parent needs neither
    import torch  # noqa: PLC0415

    from inference_image.limits import Limits  # noqa: PLC0415
    from inference_image.model import Model  # noqa: PLC0415
    from inference_image.reading import Reading, read  # noqa: PLC0415

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    model = Model.load()
    read([image] * LIMIT_BATCH, model, Limits())
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        answers = read([image] * LIMIT_BATCH, model, Limits())
        json.dumps([answer.to_json() for answer in answers if isinstance(answer, Reading)])
        count += LIMIT_BATCH
    return count / (time.perf_counter() - began)


HEADS = (
    *("server", "connections", "requests/s", "p50, ms", "p99, ms"),
    *("processor, ms a request", "memory, MB", "left waiting", "failed", "others, % of a core"),
)


def speed(image: str, plan: Plan, measured: Measured, limits: Sequence[float]) -> Table:
    rows = [
        row(server.name, connections, measured[server.name, image, connections], plan)
        for connections in plan.connections
        for server in SERVERS
    ]
    title = f"{image}: medians of {plan.rounds} rounds, percentiles of all their answers"
    limit_row = (
        f"{LIMIT}, batches of {LIMIT_BATCH}",
        "",
        f"{statistics.median(limits):.1f}",
        *[""] * (len(HEADS) - 3),
    )
    return Table(title, HEADS, [*rows, limit_row])


def row(name: str, connections: int, rounds: Sequence[Figures], plan: Plan) -> Sequence[str]:
    rate, cpu, memory = (median(rounds, what) for what in ("rate", "cpu", "memory"))
    return (
        *(name, str(connections), rounded(rate, 1)),
        *(waited(percentile(rounds, number), plan) for number in (50, 99)),
        *(rounded(cpu, 2), rounded(memory, 0)),
        *(
            str(sum(counts))
            for counts in zip(*((each.starved, each.failures) for each in rounds), strict=True)
        ),
        rounded(max(each.others for each in rounds), 0),
    )


def percentile(rounds: Sequence[Figures], number: int) -> float:
    """Return the milliseconds that so many in a hundred took at most, of all rounds' answers together.

    NaN where less than three answers would be above it.
    """
    latencies = sorted(latency for figures in rounds for latency in figures.latencies)
    if len(latencies) * (100 - number) < 300:
        return math.nan
    return latencies[math.ceil(len(latencies) * number / 100) - 1]


def waited(milliseconds: float, plan: Plan) -> str:
    """Say of who was left waiting to the end how long that was at least."""
    if math.isinf(milliseconds):
        return f"> {longest(plan):.0f}"
    return rounded(milliseconds, 1)


def longest(plan: Plan) -> float:
    """Return how many milliseconds somebody can be left waiting before the others stop."""
    return 1000 * (load.PATIENCE + plan.seconds)


def median(rounds: Sequence[Figures], what: str) -> float:
    """Return the median of the rounds that know the figure, NaN where none does."""
    values: list[float] = [value for figures in rounds if not math.isnan(value := getattr(figures, what))]
    return statistics.median(values) if values else math.nan


def rounded(value: float, decimals: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{decimals}f}"


def start(starts: Seconds) -> Table:
    rows = [(name, f"{statistics.median(seconds):.1f}") for name, seconds in starts.items()]
    return Table("Start to the first answer", ("server", "s"), rows)


def multiples(plan: Plan, measured: Measured, limits: Seconds) -> Table:
    """Say how our rate compares, at every number of connections."""
    heads = ("image", "connections", "of FastAPI", "of FastAPI, whole image", "of the limit")
    rows = []
    for image, limit_rates in limits.items():
        for connections in plan.connections:
            ours, *others = (
                median(measured[server.name, image, connections], "rate") for server in (OURS, FASTAPI, PLAIN)
            )
            others.append(statistics.median(limit_rates))
            compared = [ours / other if other else math.nan for other in others]
            rows.append((image, str(connections), *(rounded(multiple, 2) for multiple in compared)))
    return Table("Our rate as a multiple", heads, rows)


def rates(image: str, plan: Plan, measured: Measured) -> Lines:
    found = points(image, plan, measured, lambda rounds: median(rounds, "rate"))
    return Lines(f"{image}: requests a second", "connections", "requests/s", found, doubling=True)


def slowest(image: str, plan: Plan, measured: Measured) -> Lines:
    found = points(image, plan, measured, lambda rounds: min(percentile(rounds, 99), longest(plan)))
    title = f"{image}: 99 of 100 answers took at most"
    return Lines(title, "connections", "p99, ms", found, doubling=True, steep=True)


def points(
    image: str, plan: Plan, measured: Measured, figure: Callable[[Sequence[Figures]], float]
) -> dict[str, list[tuple[float, float]]]:
    """Return a figure of each server over the number of connections."""
    return {
        server.name: [
            (float(connections), figure(measured[server.name, image, connections]))
            for connections in plan.connections
        ]
        for server in SERVERS
    }


def disturbances(measured: Measured) -> Iterator[str]:
    """Say that other work disturbed the measurement, if it did."""
    most = max((figures.others for rounds in measured.values() for figures in rounds), default=0.0)
    if most > DISTURBING:
        yield (
            f"Other work took up to {most:.0f} % of a core meanwhile: the rows where it did are of a machine "
            "that was not quiet."
        )


if __name__ == "__main__":
    command("python -m benchmarks.inference", __doc__, run)
