"""Nobody reaches another's images, on any route: generated from the document, which names every route."""

import json
from typing import Any

import pytest
import urllib3

from infrastructure.local.settings import ROOT
from tests.integration.chalice_app.system import System
from tests.integration.chalice_app.writer import Writer, problem

DOCUMENT: dict[str, Any] = json.loads((ROOT / "chalice_app" / "openapi.json").read_bytes())
Route = tuple[str, str, dict[str, Any]]  # method, path, operation
PRIVATE: list[Route] = [
    (method.upper(), path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if isinstance(operation, dict) and operation.get("security", DOCUMENT["security"])
]
OF_AN_IMAGE = [route for route in PRIVATE if "{id}" in route[1]]
LISTS = [path for method, path, _ in PRIVATE if method == "GET" and "{id}" not in path]
TOKENS = ["", "short", "Bearer", "x" * 10_000, "0123456789abcdef 0123456789abcdef", "../" * 12, "\t" * 40]


def _name(route: Route) -> str:
    return f"{route[0]} {route[1]}"


def _ask(writer: Writer, route: Route, id: str) -> urllib3.BaseHTTPResponse:
    """Send what the operation wants, so that only the writer can be wrong."""
    method, path, operation = route
    wanted = next(iter(operation.get("requestBody", {}).get("content", {})), None)
    body = {"application/json": b'{"true": 3}', None: None}.get(wanted, b"\x89PNG")
    headers = {"content_type": wanted} if wanted else {"accept": "image/png"}
    return writer.ask(method, path.replace("{id}", id), body, **headers)


@pytest.fixture(scope="module")
def owner(system: System) -> Writer:
    return Writer(system.url)


@pytest.fixture(scope="module")
def image(owner: Writer) -> str:
    id = str(owner.classify()["id"])
    assert owner.label(id, 5).status == 200
    return id


@pytest.mark.parametrize("route", OF_AN_IMAGE, ids=_name)
def test_another_writers_image_does_not_exist(system: System, owner: Writer, route: Route) -> None:
    id = owner.classify()["id"]
    of_it = {key for key in system.stored() if id in key}
    assert problem(_ask(Writer(system.url), route, id))["status"] == 404
    assert {key for key in system.stored() if id in key} == of_it
    assert _ask(owner, route, id).status < 300  # so the request was a good one


def test_what_is_public_is_the_model_and_the_api_itself() -> None:
    private = {path for _, path, _ in PRIVATE}
    assert DOCUMENT["paths"].keys() - private == {"/accuracy", "/health", "/openapi.json"}


def test_nothing_of_a_person_stays_in_a_cache_for_another(owner: Writer, image: str) -> None:
    seen = owner.image(image)
    again = owner.image(image, if_none_match=seen.headers["ETag"])
    assert (seen.status, again.status) == (200, 304)
    for answer in (seen, again):
        assert answer.headers["Cache-Control"].startswith("private")
        assert answer.headers["Vary"] == "Authorization"
    for path in (f"/classifications/{image}", *LISTS):
        assert owner.ask("GET", path).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", LISTS)
def test_lists_and_figures_are_the_writers_own(system: System, owner: Writer, image: str, path: str) -> None:
    mine, anothers = owner.ask("GET", path).data, Writer(system.url).ask("GET", path).data
    assert image.encode() not in anothers
    assert mine != anothers


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: repr(token[:12]))
@pytest.mark.parametrize("route", PRIVATE, ids=_name)
def test_without_a_token_of_the_right_form_there_is_nothing(local: System, route: Route, token: str) -> None:
    answer = _ask(Writer(local.url, token), route, "0" * 32)
    assert problem(answer)["status"] == 401


def test_the_same_idempotency_key_of_two_writers_is_two_keys(system: System, owner: Writer) -> None:
    other = Writer(system.url)
    assert owner.classify(idempotency_key="same")["id"] != other.classify(idempotency_key="same")["id"]
