"""The command line of the accuracy job: input to report."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from io import TextIOWrapper
from typing import NamedTuple, cast

from obstore.store import ObjectStore
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from accuracy_job import days, files, thresholds, writers
from accuracy_job.checks import Names
from accuracy_job.days import Day
from accuracy_job.engines import COUNTING, Engine, local
from accuracy_job.files import InputError, StoreError, are_files, endpoint, forget_empty
from accuracy_job.kernel import Counts, merge
from accuracy_job.report import Report, build
from accuracy_job.splits import Split
from accuracy_job.store import (
    CLASSIFICATIONS_COUNTING,
    CONNECTIONS,
    LATEST,
    REPORTS,
    classified_days,
    delete,
    errors_named,
    latest,
    open_store,
    publish,
    put,
)
from accuracy_job.summary import printable, show

# Not 1: that is Python's own, after a traceback.
OK, BAD_INPUT, STORE_FAILED, BELOW, DIFFERENT, INTERRUPTED = 0, 2, 3, 4, 5, 130
SIGNAL_SECONDS = 0.2  # how late ctrl-C may be seen

EPILOG = """\
examples:
  python -m accuracy_job s3://legible                      the labels of a store, which gets the report
  python -m accuracy_job pairs.csv                         a file of pairs; nothing is written
  python -m accuracy_job 'pairs/*.parquet' --output out    writes out/reports/: JSON, a page, PNG
  python -m accuracy_job hadoop-output/ --verify           a folder of parts; checked with scikit-learn
  python -m accuracy_job s3://legible --fail-under accuracy=0.97 --fail-under digits.7.recall=0.9
  python -m accuracy_job pairs.csv --true label --predicted guess
  python -m accuracy_job 's3://bucket/pairs/*.parquet' --engine spark

exit status:
  0    the report is made
  1    a mistake of the job itself: the traceback says where
  2    the arguments or variables are wrong, or the input cannot be read as pairs
  3    the store, the cluster, the folder for the report, or standard output, does not answer as it should
  4    the report is made, and a figure is below its --fail-under
  5    --verify found a figure that scikit-learn does not confirm; the report is not written
  130  interrupted; nothing is half written
"""


def spark() -> Engine:
    """Import PySpark only where it is asked for: it is not installed everywhere."""
    try:
        from accuracy_job.engines import spark as engine  # noqa: PLC0415
    except ImportError as error:
        raise InputError(f"{error}: --engine spark needs accuracy_job/spark-requirements.txt") from error
    return engine.run


ENGINES: dict[str, Callable[[], Engine]] = {"local": lambda: local.run, "spark": spark}


class Output(Console):
    """Standard output, of which `| head` may read the beginning alone: that is no failure of the job."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered goes there


class Work(NamedTuple):
    """What there is to do."""

    splits: Sequence[Split]
    at_once: int  # splits, on this machine
    output: str | None  # where the report goes
    before: Report | None  # the latest that is there
    source: str | None  # what the report says it is of
    store: ObjectStore | None = None  # the Legible store, if the input is one
    days: Sequence[Day] = ()  # of that store: the splits
    strays: Counts = Counts()


def main(arguments: list[str] | None = None) -> int:
    """Run the job. Returns the exit status."""
    options = parser().parse_args(arguments)
    errors = Console(stderr=True, emoji=False)
    forget_empty(os.environ)
    try:
        return interruptible(partial(run, options, errors))
    except InputError as error:
        status, message = BAD_INPUT, str(error)
    except StoreError as error:
        status, message = STORE_FAILED, str(error)
    except KeyboardInterrupt:
        errors.show_cursor()
        status, message = INTERRUPTED, "interrupted"
    complain(errors, message)
    return status


def interruptible(work: Callable[[], int]) -> int:
    """Work in another thread: Python sees ctrl-C between its own steps, not while a library is at work."""
    working = ThreadPoolExecutor(1).submit(work)
    while not working.done():
        wait([working], SIGNAL_SECONDS)  # a signal just before an endless wait would not end it
    return working.result()


def parser() -> argparse.ArgumentParser:
    """Return the options, with --help as their one description."""
    described = argparse.ArgumentParser(
        "python -m accuracy_job",
        description="Count (true, predicted) pairs: accuracy, confusion matrix, calibration.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = described.add_argument
    option(
        "input", metavar="INPUT", help="s3://bucket[/prefix] of a Legible store, or a file, folder or glob"
    )
    option("--output", metavar="PLACE", help="folder or s3://bucket[/prefix] that gets the report")
    option(
        "--engine", choices=ENGINES, default="local", help="what runs the map and the reduce (%(default)s)"
    )
    option("--verify", action="store_true", help="keep all pairs in memory and compare with scikit-learn")
    option(
        "--fail-under",
        metavar="FIGURE=NUMBER",
        type=thresholds.parse,
        action="append",
        default=[],
        help="end with status 4 if that figure of the report is lower or null; may be given many times",
    )
    option("--cloudwatch", metavar="NAMESPACE", help="publish the main figures, and what is below, there")
    option(
        "--writers", action="store_true", help="also count per writer: one small object for each, in a store"
    )
    option("--recount", action="store_true", help="count every label again, also those of unchanged days")
    for part, name in Names().of_parts().items():
        option(
            f"--{part}", metavar="NAME", help=f"the column, or JSON field, of that part of a pair ({name})"
        )
    return described


def run(options: argparse.Namespace, errors: Console) -> int:
    """Read, count, report, verify, publish, show, judge."""
    client = cloudwatch() if options.cloudwatch else None  # what is wrong with it, before anything is written
    for figure, _ in options.fail_under:
        thresholds.check(figure)  # is none before anything is counted
    with errors_named(options.input):
        work = plan(options)
        counts = merge(counted(work, options.engine, errors), work.strays)
        classifications = None if work.store is None else classified(work.store, options.engine, errors)
    if classifications == 0 and not work.days:
        complain(errors, f"{options.input} holds no classification and no label: is this the store?")
    report = build(counts, datetime.now(UTC), classifications, work.before, work.source)
    below = [threshold for threshold in options.fail_under if not threshold.is_met(report)]
    with errors_named(options.input):
        if options.verify and not verified(report, work.splits, errors):
            return DIFFERENT
    if work.output is not None:
        with errors_named(work.output):
            publish_all(open_store(work.output), report, errors)
            if options.writers:
                publish_writers(work, work.output, options.engine, errors)
    with errors_named("standard output"):
        show(report, Output(emoji=False))
    for figure, least in below:
        complain(errors, f"{figure} is {thresholds.figure(report, figure)}, below {least}")
    if client:
        thresholds.to_cloudwatch(client, options.cloudwatch, report, options.fail_under)
    return BELOW if below else OK


def publish_all(store: ObjectStore, report: Report, errors: Console) -> None:
    """Write the report as JSON, and then for people: a page, and its pictures."""
    publish(store, report)
    with errors.status("drawing the report's pictures"):
        from accuracy_job.page import page  # noqa: PLC0415 -- matplotlib takes seconds to import
        from accuracy_job.pictures import NAMES, pictures  # noqa: PLC0415

        drawn = pictures(report)
        put(store, f"{REPORTS}latest.html", page(report, drawn).encode())
        for name in NAMES:
            key = f"{REPORTS}latest-{name}.png"
            if name in drawn:
                put(store, key, drawn[name])
            else:
                delete(store, key)  # an older report's


def publish_writers(work: Work, output: str, engine: str, errors: Console) -> None:
    """Write one small object for each writer whose counts changed."""
    with errors.status("counting each writer's pairs"):
        totals = ENGINES[engine]()(writers.COUNTING, work.days, cores())
        changed = writers.publish(open_store(output), totals)
    errors.print(f"accuracy_job: the counts of {changed:,} writers changed", highlight=False)


def cloudwatch() -> thresholds.CloudWatch:
    """Return a client of CloudWatch. Raises InputError where a variable is missing or wrong."""
    import boto3  # noqa: PLC0415 -- asked for rarely
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    endpoint("CLOUDWATCH")
    region = os.environ.get("AWS_REGION")  # which the store's client reads, and boto3 does not
    try:
        return cast("thresholds.CloudWatch", boto3.client("cloudwatch", region_name=region))
    except (BotoCoreError, ValueError) as error:  # the latter of an address that boto3 does not take
        raise InputError(f"CloudWatch: {error}") from error


def plan(options: argparse.Namespace) -> Work:
    """Return the splits of the input, and where the report goes: without --output, a store keeps its own."""
    names = chosen(options)
    if are_files(options.input):
        if options.writers:
            raise InputError("--writers is for the labels of a store: files name no writers")
        if options.output and files.would_find(options.input, f"{options.output}/{LATEST}"):
            raise InputError(
                f"{options.output}: the report would be read as input the next time: name another --output"
            )
        splits = files.splits(options.input, names)
        return Work(splits, cores(), options.output, last_report(options.output), options.input)
    if names != Names():
        raise InputError(f"{options.input}: labels of a store have their own names; names are for files")
    output = options.input if options.output is None else options.output
    store, before, kept = open_store(options.input), last_report(output), open_store(output)
    found = days.find(store, kept, recount=options.recount)
    source = None if store == kept else options.input  # everybody may read a store's own: it names no bucket
    return Work(found, CONNECTIONS, output, before, source, store, found, days.strays(store))


def last_report(output: str | None) -> Report | None:
    """Return the latest report of a place: what is wrong there is found before anything is counted."""
    if output is None:
        return None
    with errors_named(output):
        return latest(open_store(output))


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def chosen(options: argparse.Namespace) -> Names:
    """Return the names of the parts. One that was asked for must be there."""
    given = {part: name for part in Names().of_parts() if (name := getattr(options, part)) is not None}
    names = Names(**given, required=Names().required | given.keys())
    for name, parts in Counter(names.of_parts().values()).items():
        if parts > 1:
            raise InputError(f"{name}: one column, or JSON field, cannot be {parts} parts of a pair")
    return names


def classified(store: ObjectStore, engine: str, errors: Console) -> int:
    """Return how many classifications the store holds."""
    with errors.status("listing the classifications"):
        return ENGINES[engine]()(CLASSIFICATIONS_COUNTING, classified_days(store), CONNECTIONS)


def counted(work: Work, engine: str, console: Console) -> Counts:
    """Run the engine, and show on a terminal how many pairs went by."""
    shown = (SpinnerColumn(), TextColumn("{task.completed:,.0f} pairs"), TimeElapsedColumn())
    with Progress(*shown, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("pairs", total=None)
        counting = files.COUNTING if work.store is None else COUNTING
        return ENGINES[engine]()(counting, work.splits, work.at_once, partial(progress.advance, task))


def verified(report: Report, splits: Sequence[Split], errors: Console) -> bool:
    """Tell whether scikit-learn agrees, and where it does not."""
    from accuracy_job.verify import differences  # noqa: PLC0415 -- scikit-learn takes seconds to import

    with errors.status("computing every figure again"):
        found = differences(report, (batch for split in splits for batch in split.batches()))
    for difference in found:
        complain(errors, difference)
    if not found:
        errors.print("accuracy_job: scikit-learn confirms the figures", highlight=False)
    return not found


def complain(errors: Console, message: str) -> None:
    """Print what is wrong, in one line."""
    errors.print(
        f"accuracy_job: {printable(message)}", style="red", markup=False, highlight=False, soft_wrap=True
    )


if __name__ == "__main__":
    # Closed, a stream is None.
    streams = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, TextIOWrapper)]
    for stream in streams:  # what a terminal cannot show is a "?" there, and no failure
        stream.reconfigure(errors="replace")
    exit_status = main()
    if exit_status in {INTERRUPTED, BAD_INPUT, STORE_FAILED}:
        # An orderly exit would wait for a store that hangs; and Arrow's threads may still call us for a CSV
        # that cannot be read: one run in a hundred aborted then, or never ended. Nor does standard output
        # take at the end what it did not take before.
        with suppress(OSError):
            for stream in streams:
                stream.flush()
        os._exit(exit_status)
    sys.exit(exit_status)
