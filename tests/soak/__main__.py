"""`make soak`: load with faults on a system of its own, and a check of every acknowledged request."""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infrastructure.local.interrupts import interruptible
from model_training.arguments import positive
from tests.soak.ledger import UNANSWERED
from tests.soak.soak import Outcome, soak


def main() -> int:
    """Soak, print the figures; exit with 1 if anything is not as it was acknowledged."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=positive, default=120, help="of load with faults (%(default)s)")
    parser.add_argument("--writers", type=positive, default=48, help="who send at once (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of what is sent and killed (%(default)s)")
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="legible-soak-") as folder:
        outcome = soak(Path(folder), options.seconds, options.writers, options.seed, console.print)
    show(outcome, console)
    return 1 if outcome.discrepancies else 0


def show(outcome: Outcome, console: Console) -> None:
    table = Table("figure", "value")
    table.add_row("sustained without faults", f"{outcome.sustainable:.0f} requests/s")
    table.add_row("offered with faults", f"{outcome.offered:.0f} requests/s")
    table.add_row("done with faults", f"{outcome.answered:.0f} requests/s")
    for status, count in sorted(outcome.statuses.items()):
        table.add_row("no answer" if status == UNANSWERED else f"answered {status}", f"{count}")
    for fault, count in sorted(outcome.faults.items()):
        table.add_row(fault, f"{count}")
    table.add_row("answers normally after the last fault", f"{outcome.recovered:.1f} s")
    table.add_row("images and labels that are there", f"{outcome.images}, {outcome.labels}")
    table.add_row("discrepancies", f"{len(outcome.discrepancies)}")
    console.print(table)
    for discrepancy in outcome.discrepancies[:50]:
        console.print(discrepancy)


if __name__ == "__main__":
    with interruptible():
        sys.exit(main())
