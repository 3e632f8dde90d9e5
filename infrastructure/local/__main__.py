"""python -m infrastructure.local run | demo | accuracy: everything on this machine.

run        starts the store, the model, the API and the page; sends the samples; serves until ctrl-C
demo       does the same on a throw-away folder and free ports, and ends by itself
accuracy   runs the accuracy job on the store that `run` keeps running
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from infrastructure.local.credentials import Credentials
from infrastructure.local.interrupts import interruptible
from infrastructure.local.part import Part
from infrastructure.local.samples import Person, Sample, Sent
from infrastructure.local.settings import LocalError, Settings, is_free
from infrastructure.local.stack import Stack, run_accuracy_job
from infrastructure.terminal import be_lenient

console = Console(markup=False, emoji=False)  # names of folders, and errors, are no markup


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status: 0 done, 1 failed. Interrupted, it exits with 130."""
    parser = argparse.ArgumentParser(
        prog="python -m infrastructure.local",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Ports and data are moved by LEGIBLE_PAGE_PORT, LEGIBLE_API_PORT, LEGIBLE_INFERENCE_PORT, "
        "LEGIBLE_S3_PORT and LEGIBLE_DATA.",
    )
    commands = {"run": run, "demo": demo, "accuracy": accuracy}
    parser.add_argument("command", choices=commands)
    chosen = parser.parse_args(arguments).command
    try:
        with interruptible():
            commands[chosen]()
    except LocalError as error:
        console.print(str(error), style="bold red", highlight=False, soft_wrap=True)
        return 1
    return 0


def run() -> None:
    """Run everything until ctrl-C."""
    settings = Settings.from_environment(os.environ)
    with _started(settings) as stack:
        _show_the_way_of_an_image(stack)
        _print_addresses(settings)
        with contextlib.suppress(KeyboardInterrupt):  # the way to end it, and no error
            stack.watch()
        console.print("Stopping …")


def demo() -> None:
    """Run everything once; fail unless every sample was answered, labelled and counted."""
    with tempfile.TemporaryDirectory(prefix="legible-") as folder:
        settings = Settings.on_free_ports(Path(folder))
        with _started(settings) as stack:
            sent, report = _show_the_way_of_an_image(stack)
    if not report["pairs"] == len(sent) == len(Sample.all()):
        raise LocalError(f"{len(sent)} samples were labelled, but the report counts {report['pairs']}.")
    console.print("Every sample was answered, labelled and counted.")


def accuracy() -> None:
    """Run the accuracy job on the running store."""
    settings = Settings.from_environment(os.environ)
    if is_free(settings.s3_port):
        raise LocalError(f"No store listens on {settings.s3_url}. Start it in another window: make run")
    if not Credentials.are_in(settings.data):
        raise LocalError(f"{settings.data} holds no store's credentials. Name the folder with LEGIBLE_DATA.")
    run_accuracy_job(settings, Credentials.of(settings.data))


def _started(settings: Settings) -> Stack:
    console.print(f"Starting. The data lies in {settings.data}", soft_wrap=True, highlight=False)
    started = time.monotonic()

    def say(part: Part) -> None:
        console.print(f"  the {part.name} is ready after {time.monotonic() - started:.1f} s", highlight=False)

    return Stack(settings, say)


def _show_the_way_of_an_image(stack: Stack) -> tuple[list[Sent], dict[str, Any]]:
    """Send the samples, run the job, print what came of it; return what was sent, and the report."""
    person = Person(stack.settings.api_url, stack.credentials.samples_token)
    samples = Sample.all()
    sending = track(
        person.send(samples), "Sending the samples", len(samples), console=console, transient=True
    )
    sent = list(sending)
    console.print(_table(sent))
    run_accuracy_job(stack.settings, stack.credentials)
    return sent, person.accuracy()


def _table(sent: list[Sent]) -> Table:
    table = Table(title="The samples", title_justify="left")
    table.add_column("image")
    for heading in ("true", "predicted", "confidence", "ms"):
        table.add_column(heading, justify="right")
    for one in sent:
        right = one.record["predicted"] == one.sample.true
        table.add_row(
            one.sample.path.name,
            str(one.sample.true),
            Text(str(one.record["predicted"]), style="" if right else "bold red"),
            f"{one.record['confidence']:.3f}",
            "sent before" if one.milliseconds is None else f"{one.milliseconds:.0f}",
        )
    return table


def _print_addresses(settings: Settings) -> None:
    console.print(
        f"""
The page        {settings.page_url}
The API         {settings.api_url}/openapi.json
The model       {settings.inference_url}
The S3 store    {settings.s3_url}  (credentials in {settings.data / "credentials.json"})

Press ctrl-C to stop. The data stays.""",
        highlight=False,
        soft_wrap=True,
    )


if __name__ == "__main__":
    be_lenient()
    sys.exit(main())
