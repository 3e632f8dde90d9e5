"""What a benchmark finds, as data; and the command line that all benchmarks have."""

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol

from rich import box
from rich.console import Console
from rich.table import Table as Shown

from inference_image.cores import usable_cores
from infrastructure.local.interrupts import interrupt_once, interruptible
from infrastructure.local.settings import LocalError


@dataclass(frozen=True)
class Table:
    """Cells as they shall be read: rounded, without units where the head has them."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Bars:
    """A bar for each name, ours first: the median of its measurements, and their range."""

    title: str
    unit: str
    values: Mapping[str, Sequence[float]]
    ours: int = 1  # how many of the bars


@dataclass(frozen=True)
class Lines:
    """A line through points (x, y) for each name, ours first."""

    title: str
    x: str
    y: str
    points: Mapping[str, Sequence[tuple[float, float]]]
    doubling: bool = False  # x: its axis is logarithmic, and names the points' own
    steep: bool = False  # y: its axis is logarithmic


@dataclass(frozen=True)
class Result:
    tables: Sequence[Table]
    plots: Sequence[Bars | Lines] = ()
    versions: Mapping[str, str] = field(default_factory=dict)  # of the peers' packages
    warnings: Sequence[str] = ()  # why the figures may be wrong


class Run(Protocol):
    """What measures; quick is what fits into `make bench`."""

    def __call__(self, *, quick: bool) -> Result: ...


class UnavailableError(Exception):
    """This machine lacks what the benchmark needs; the message says what."""


def begin() -> None:
    """Begin a process that runs a benchmark: apart from the terminal, to be interrupted once.

    A new process finds this function and the next, but would find none of __main__.
    """
    os.setsid()
    interrupt_once()


def run(name: str, *, quick: bool) -> Result:
    """Run the benchmark of that name."""
    result: Result = import_module(f"benchmarks.{name}").run(quick=quick)
    return result


def command(program: str, description: str | None, run: Run) -> None:
    """Run one benchmark as its options say, and print its tables as Markdown."""
    parser = argparse.ArgumentParser(program, description=description)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and less data, as `make bench`")
    quick = parser.parse_args().quick
    before = os.getloadavg()[0]
    try:
        with interruptible():
            result = run(quick=quick)
    except (UnavailableError, LocalError) as missing:
        raise SystemExit(str(missing)) from None
    console = terminal()
    for part in lines(result):
        console.print(part)
    console.print(f"Load average before: {before:.2f}; cores: {usable_cores()}.")


def terminal() -> Console:
    return Console(highlight=False, width=180)  # a row is a line, also where the output goes into a file


def lines(result: Result) -> Iterator[Shown | str]:
    """Return what a terminal shows of it: the plots are for the page."""
    yield from map(shown, result.tables)
    yield from result.warnings


def shown(table: Table) -> Shown:
    """Return the table in Markdown's form, so that it can be pasted into the documentation."""
    text = Shown(*table.heads, title=table.title, title_justify="left", box=box.MARKDOWN)
    for column in text.columns[1:]:
        column.justify = "right"
    for row in table.rows:
        text.add_row(*row)
    return text
