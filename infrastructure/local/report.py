"""What `make run` and `make demo` print: the samples, the accuracy and the confusion matrix."""

from typing import Any

from rich.table import Table
from rich.text import Text

from infrastructure.local.samples import Sent


def samples_table(sent: list[Sent]) -> Table:
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


def confusion_table(report: dict[str, Any]) -> Table:
    table = Table(title="Confusion matrix: rows are true, columns are predicted", title_justify="left")
    table.add_column("", style="bold")
    for digit in range(10):
        table.add_column(str(digit), justify="right")
    for true, row in enumerate(report["confusion_matrix"]):
        table.add_row(
            str(true), *(_cell(count, right=true == predicted) for predicted, count in enumerate(row))
        )
    return table


def _cell(count: int, *, right: bool) -> Text:
    if count == 0:
        return Text("·", style="dim")
    return Text(str(count), style="green" if right else "bold red")


def accuracy_line(report: dict[str, Any]) -> str:
    low, high = report["accuracy_interval"]
    return (
        f"Accuracy {report['accuracy']:.1%} of {report['pairs']} labelled images "
        f"(95 % interval {low:.1%} to {high:.1%})"
    )
