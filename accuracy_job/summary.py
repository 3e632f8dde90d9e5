"""The report in short, for a terminal."""

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from accuracy_job.kernel import DIGITS
from accuracy_job.report import Report

MAX_WIDTH = 1000  # columns; ten counts of any size


def printable(text: str) -> str:
    """Escape what a terminal would take for a command: names of files and columns may hold anything."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def show(report: Report, console: Console) -> None:
    """Print the accuracy, what limits its meaning, and the confusion matrix."""
    for line in _lines(report):
        console.print(printable(line), markup=False, highlight=False, soft_wrap=True)
    table = _matrix(report["confusion_matrix"])
    # A count cut short would be a wrong one, so a narrow terminal breaks the lines instead.
    whole = Measurement.get(console, console.options.update(width=MAX_WIDTH), table)
    console.width = max(console.width, whole.maximum)
    console.print(table)


def _lines(report: Report) -> list[str]:
    rejected, coverage = report["rejected"], report["coverage"]
    lines = [_accuracy(report)]
    if report["calibration"]["ece"] is not None:
        lines.append(f"expected calibration error {report['calibration']['ece']:.4f}")
    if coverage and coverage["accuracy_bounds"]:
        low, high = coverage["accuracy_bounds"]
        lines.append(
            f"{coverage['labelled']:,} of {coverage['classifications']:,} classifications are labelled: "
            f"over all of them the accuracy is from {low:.2%} to {high:.2%}"
        )
    lines += [
        f"rejected {e['count']:,}: {e['reason']}, as in {e['examples'][0]}" for e in rejected["reasons"]
    ]
    return lines


def _accuracy(report: Report) -> str:
    if report["accuracy"] is None:
        return "no pairs"
    low, high = report["accuracy_interval"]
    accuracy, pairs = report["accuracy"], report["pairs"]
    return f"accuracy {accuracy:.2%} of {pairs:,} pairs (95 % interval {low:.2%} to {high:.2%})"


def _matrix(matrix: list[list[int]]) -> Table:
    table = Table("true", title="predicted", box=box.SIMPLE_HEAD, title_style="")
    for digit in range(DIGITS):
        table.add_column(str(digit), justify="right", no_wrap=True)
    for digit, row in enumerate(matrix):
        cells = [Text(f"{count:,}", "green" if digit == i else "red") for i, count in enumerate(row)]
        table.add_row(str(digit), *[cell if row[i] else Text("·", "dim") for i, cell in enumerate(cells)])
    return table
