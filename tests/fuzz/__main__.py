"""`make fuzz`: hostile bodies through the API and the model on a system of its own, and what they took."""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from infrastructure.local.interrupts import interruptible
from model_training.arguments import positive
from tests.fuzz.bodies import body
from tests.fuzz.campaign import Campaign, Cost
from tests.integration.chalice_app.system import running


def main() -> int:
    """Send the bodies, print the figures; exit with 1 if there are findings."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=positive, default=20_000, help="bodies (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="what the bodies follow from (%(default)s)")
    options = parser.parse_args()
    console = Console()
    bodies = (body(options.seed, number) for number in range(options.count))
    with (
        tempfile.TemporaryDirectory(prefix="legible-fuzz-") as folder,
        running(Path(folder)) as (system, (_, _, api)),
    ):
        campaign = Campaign(system, api)
        campaign.run(track(bodies, "bodies", total=options.count, console=console))
    show(campaign, console)
    return 1 if campaign.findings else 0


def show(campaign: Campaign, console: Console) -> None:
    table = Table("figure", *campaign.parts)
    parts = campaign.parts.values()
    for status in sorted({status for part in parts for status in part.statuses}):
        table.add_row(f"answered {status}", *(str(part.statuses[status]) for part in parts))
    table.add_row("longest request, s", *(_shown(part.seconds) for part in parts))
    table.add_row("most memory for one request, MB", *(_shown(part.megabytes) for part in parts))
    table.add_row("largest process, MB", *(f"{part.peak_megabytes:.0f}" for part in parts))
    console.print(table)
    console.print(f"{campaign.late} were late; a known digit was read {campaign.probes + 1} times")
    console.print(f"findings: {len(campaign.findings)}", *campaign.findings[:50], sep="\n")


def _shown(cost: Cost) -> str:
    return f"{cost.amount:.1f} ({cost.kind}, body {cost.number})"


if __name__ == "__main__":
    with interruptible():
        sys.exit(main())
