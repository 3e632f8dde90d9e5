"""One page of HTML that needs nothing else: the machine, and each benchmark's tables and plots."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from benchmarks.machine import Machine
from benchmarks.plots import MANY, svg
from benchmarks.results import Bars, Lines, Result

ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
IMAGE = Markup('<img src="data:image/svg+xml;base64,{}" alt="{}">')


@dataclass(frozen=True)
class Section:
    """One benchmark; in place of a result it may have the reason why there is none."""

    command: str
    description: str  # the module's: a line, an empty one, the rest
    seconds: float
    result: Result | str

    @property
    def title(self) -> str:
        return self.description.partition("\n")[0].rstrip(".")

    @property
    def text(self) -> str:
        return self.description.partition("\n")[2].partition("Run:")[0].strip()


def page(machine: Machine, sections: Sequence[Section]) -> str:
    template = ENVIRONMENT.get_template("report.html")
    return template.render(machine=machine, sections=sections, picture=_picture, many=MANY)


def _picture(plot: Bars | Lines) -> Markup:
    return IMAGE.format(b64encode(svg(plot)).decode(), plot.title)
