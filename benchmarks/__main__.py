"""Every benchmark, each in a process of its own, and one page of what they found.

Run: python -m benchmarks, or make bench.
"""

import argparse
import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console

from benchmarks.machine import describe
from benchmarks.report import Section, page
from benchmarks.results import Result, UnavailableError, begin, lines, run, terminal
from infrastructure.local.interrupts import interruptible
from infrastructure.local.settings import ROOT, LocalError

NAMES = ("preprocessing", "api", "page", "page_lighthouse", "accuracy", "inference")  # the short ones first
PAGE = ROOT / "build" / "bench" / "index.html"


def main() -> None:
    options = _options()
    console = terminal()
    machine = describe()
    sections: list[Section] = []
    options.output.parent.mkdir(parents=True, exist_ok=True)
    for name in options.names or NAMES:
        console.rule(name)
        sections.append(_section(name, quick=not options.full))
        _show(console, sections[-1].result)
        options.output.write_text(page(machine, sections))  # each time, for one that fails ends the run
    console.print(f"The page: {options.output}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all unless named")
    parser.add_argument("--full", action="store_true", help="what each does by itself: 40 minutes")
    parser.add_argument("--output", type=Path, default=PAGE, help="where the page goes (%(default)s)")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    return options


def _section(name: str, *, quick: bool) -> Section:
    began = time.perf_counter()
    try:
        result: Result | str = _alone(name, quick=quick)
    except (UnavailableError, LocalError) as missing:
        result = str(missing)
    command = f"python -m benchmarks {name}{'' if quick else ' --full'}"
    description = import_module(f"benchmarks.{name}").__doc__ or name
    return Section(command, description, time.perf_counter() - began, result)


def _alone(name: str, *, quick: bool) -> Result:
    """Run it in a process of its own: what it leaves in variables or in memory is not there for the next.

    Ctrl-C reaches this process alone, which passes it on once and waits until the benchmark has ended what it
    had started.
    """
    with ProcessPoolExecutor(1, get_context("spawn"), begin) as pool:
        process = pool.submit(os.getpid).result()
        try:
            return pool.submit(run, name, quick=quick).result()
        except KeyboardInterrupt:
            os.kill(process, signal.SIGINT)
            raise


def _show(console: Console, result: Result | str) -> None:
    for part in [result] if isinstance(result, str) else lines(result):
        console.print(part)


if __name__ == "__main__":
    with interruptible():
        main()
