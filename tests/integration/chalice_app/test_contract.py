"""The API against its own document, over all routes of the app: a new one cannot be forgotten."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infrastructure.local.settings import ROOT
from tests.integration.chalice_app.system import System
from tests.integration.chalice_app.writer import Writer

SETTINGS = Path(__file__).with_name("schemathesis.toml")
DOCUMENT = json.loads((ROOT / "chalice_app" / "openapi.json").read_text())
Route = tuple[str, str]  # method and path


@pytest.fixture(scope="module")
def routes() -> set[Route]:
    """Return the method and path of every route, from the app itself."""
    script = "import app, json; print(json.dumps({path: list(of) for path, of in app.app.routes.items()}))"
    environment = {
        "LEGIBLE_BUCKET": "unused",
        "LEGIBLE_INFERENCE_URL": "http://unused",
        "LEGIBLE_PAGE_ORIGIN": "http://unused",
    }
    listed = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        check=True,
    )
    return {(method, path) for path, methods in json.loads(listed.stdout).items() for method in methods}


def test_the_document_has_every_route_and_no_other(routes: set[Route]) -> None:
    documented = {
        (method.upper(), path)
        for path, item in DOCUMENT["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert documented == routes


def test_schemathesis_finds_nothing_with_all_its_checks(local: System, tmp_path: Path) -> None:
    local.run_accuracy_job()  # so that there is a report to read
    writer = Writer(local.url)
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(SETTINGS)),
        *("run", f"{local.url}/openapi.json", "--no-color"),
        *("-H", f"Authorization: Bearer {writer.token}", "-H", "Accept: image/png"),
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    summary = ran.stdout[ran.stdout.find("SUMMARY") :]
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Tested: 9" in summary, summary
    print(summary)  # noqa: T201  the evidence
