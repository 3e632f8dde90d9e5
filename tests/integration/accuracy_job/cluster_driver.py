"""Runs beside the tests under spark-submit: counts each input with an engine, prints the reports as JSON.

With a third argument every task marks in that folder that it has started, and waits there for a file `go`.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from accuracy_job.__main__ import ENGINES, parser, plan
from accuracy_job.engines import COUNTING
from accuracy_job.kernel import Batch, Counts, merge
from accuracy_job.report import build
from accuracy_job.splits import Seen, Split, unseen

MADE = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass(frozen=True)
class Gated:
    """A split that is counted only once the gate is open."""

    split: Split
    gate: Path

    def batches(self) -> Iterator[Batch]:
        return self.split.batches()

    def counts(self, seen: Seen = unseen) -> Counts:
        (self.gate / f"{os.environ.get('WORKER')}-{uuid4()}").touch()
        while not (self.gate / "go").exists():
            time.sleep(0.01)
        return self.split.counts(seen)


def main(engine: str, inputs: str, gate: str = "") -> None:
    """Print the report on each of `inputs`, a JSON list."""
    reports = []
    for place in json.loads(inputs):
        work = plan(parser().parse_args([place, "--recount"]))
        splits = [Gated(split, Path(gate)) for split in work.splits] if gate else work.splits
        counts = merge(ENGINES[engine]()(COUNTING, splits, work.at_once), work.strays)
        reports.append(build(counts, MADE))
    print(json.dumps(reports))  # noqa: T201 -- what the tests read


if __name__ == "__main__":
    _, engine, inputs, *gate = sys.argv
    main(engine, inputs, *gate)
