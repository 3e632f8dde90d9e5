"""What Lighthouse says of the page: four scores at phone and at desktop size, each of which must reach 95.

Node.js is needed; its npx fetches Lighthouse. Run: python -m benchmarks.page_lighthouse, or make lighthouse
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.page import chromium
from benchmarks.results import Result, Table, UnavailableError, shown, terminal
from infrastructure.local import parts
from infrastructure.local.interrupts import interruptible
from infrastructure.local.settings import ROOT, Settings
from infrastructure.local.stack import Running
from tests.browser.conftest import CHROMIUM_FLAGS

LIGHTHOUSE = "lighthouse@12.8.2"  # the last that runs on the Node.js of Debian 12
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
LEAST = 95  # of 100
FORMS = {"mobile": [], "desktop": ["--preset=desktop"]}  # mobile is what it takes unless told
REPORTS = ROOT / "build" / "lighthouse"


class Audit(NamedTuple):
    """What it says of the page at one size."""

    scores: dict[str, int]  # by category, 0 to 100
    first_paint: float | None  # milliseconds, of the first content; None where there was none


def main() -> int:
    """Print the scores; return 1 if one is too low."""
    try:
        found = audits()
    except UnavailableError as missing:
        raise SystemExit(str(missing)) from None
    terminal().print(shown(table(found)))
    return int(any(score < LEAST for each in found.values() for score in each.scores.values()))


def run(*, quick: bool) -> Result:
    del quick  # two audits are all there is
    return Result([table(audits())], versions={"Lighthouse": LIGHTHOUSE.partition("@")[2]})


def audits() -> dict[str, Audit]:
    """Audit the page as it is served, and keep the reports; return what they say by form."""
    if shutil.which("npx") is None:
        raise UnavailableError(
            "Lighthouse needs Node.js 18 or newer with npm; on Debian: apt-get install npm"
        )
    REPORTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.on_free_ports(Path(folder))
        with Running([parts.page(settings)], settings.data / "logs"):
            return {form: audit(settings.page_url, form) for form in FORMS}


def audit(address: str, form: str) -> Audit:
    """Audit the page at an address; the reports are kept as FORM.report.html and .json."""
    command = [
        *("npx", "--yes", LIGHTHOUSE, address, *FORMS[form], "--quiet"),
        *("--output=html", "--output=json", f"--output-path={REPORTS / form}"),
        f"--only-categories={','.join(CATEGORIES)}",
        f"--chrome-flags={' '.join(['--headless=new', *CHROMIUM_FLAGS[:-1]])}",
    ]
    # A group of its own, for below npx is Node.js, which ends the browser on SIGINT alone.
    started = subprocess.Popen(command, env=os.environ | {"CHROME_PATH": chromium()}, start_new_session=True)
    with started as process:
        try:
            status = process.wait()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            process.wait()
            raise
    if status != 0:
        raise UnavailableError(f"Lighthouse gave up on the page at {form} size; it says above why.")
    return read(json.loads((REPORTS / f"{form}.report.json").read_text()))


def read(report: dict[str, Any]) -> Audit:
    found = {name: report["categories"][name]["score"] for name in CATEGORIES}
    return Audit(
        {name: round(100 * (score or 0)) for name, score in found.items()},  # null: it could not make one
        report["audits"]["first-contentful-paint"].get("numericValue"),
    )


def table(found: dict[str, Audit]) -> Table:
    rows = [
        (form, *(str(each.scores[name]) for name in CATEGORIES), seconds(each.first_paint))
        for form, each in found.items()
    ]
    return Table("Of 100", ("", *CATEGORIES, "first contentful paint, s"), rows)


def seconds(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds / 1000:.1f}"


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    with interruptible():
        sys.exit(main())
