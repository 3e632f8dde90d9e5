"""The API against its own document, over all routes of the app: a new one cannot be forgotten."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infrastructure.local.settings import ROOT
from tests.integration.chalice_app.system import System
from tests.integration.chalice_app.writer import ZERO, Writer

SETTINGS = Path(__file__).with_name("schemathesis.toml")
DOCUMENT = json.loads((ROOT / "chalice_app" / "openapi.json").read_text())
Route = tuple[str, str]  # method and path

# What makes a valid request of each route that needs more than its path.
REQUESTS: dict[Route, dict[str, str | bytes]] = {
    ("POST", "/classifications"): {"body": ZERO, "content_type": "image/png"},
    ("PUT", "/classifications/{id}/label"): {"body": b'{"true": 0}', "content_type": "application/json"},
    ("GET", "/classifications/{id}/image"): {"accept": "image/png"},
}


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


def public(route: Route) -> bool:
    method, path = route
    return bool(DOCUMENT["paths"][path][method.lower()].get("security") == [])


def ask(writer: Writer, route: Route, id: str) -> tuple[int, bytes]:
    method, path = route
    answer = writer.ask(method, path.replace("{id}", id), **REQUESTS.get(route, {}))  # type: ignore[arg-type]  # mixed
    return answer.status, answer.data


def test_the_document_has_every_route_and_no_other(routes: set[Route]) -> None:
    documented = {
        (method.upper(), path)
        for path, item in DOCUMENT["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert documented == routes


def test_every_route_is_either_public_or_refuses_who_has_no_token(system: System, routes: set[Route]) -> None:
    nobody = Writer(system.url, token="")
    for route in sorted(routes):
        status, _ = ask(nobody, route, "01935f2a-7c00-7abc-8def-0123456789ab")
        assert (status == 401) == (not public(route)), route
    assert {path for method, path in routes if public((method, path))} == {
        "/accuracy",
        "/health",
        "/openapi.json",
    }


def test_no_route_shows_or_changes_what_is_another_writers(system: System, routes: set[Route]) -> None:
    owner, stranger = Writer(system.url), Writer(system.url)
    for route in sorted(routes):
        id = owner.classify()["id"]
        stored = system.stored()
        status, body = ask(stranger, route, id)
        if "{id}" in route[1]:
            assert status == 404, route
            assert system.stored() == stored, route
            assert ask(owner, route, id)[0] < 300, f"{route}: the request is no good, so it has shown nothing"
        assert ZERO not in body, route
        assert id.encode() not in body or status == 404, route  # a 404 names the id that was asked for


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
