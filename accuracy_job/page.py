"""The report as one page of HTML that needs nothing else: its pictures are inside."""

from base64 import b64encode
from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from accuracy_job.report import Report

ENVIRONMENT = Environment(
    loader=PackageLoader("accuracy_job", "."),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
)
IMAGE = Markup('<img src="data:image/png;base64,{}" alt="{}">')


def page(report: Report, pictures: Mapping[str, bytes]) -> str:
    """Return the page. Pictures are PNG by name; what is not among them is left out."""

    def picture(name: str, alt: str) -> str:
        return IMAGE.format(b64encode(pictures[name]).decode(), alt) if name in pictures else ""

    rows = [(digit["digit"], digit) for digit in report["digits"]]
    rows += [(f"{name} average", report[f"{name}_average"]) for name in ("macro", "weighted")]
    template = ENVIRONMENT.get_template("page.html")
    return template.render(report=report, rows=rows, pictures=pictures, picture=picture)
