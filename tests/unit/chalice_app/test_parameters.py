import uuid
from typing import Any

import pytest
from chalice.app import Request
from hypothesis import given
from hypothesis import strategies as st

from chalice_app import parameters
from chalice_app.problems import Problem


def request(body: bytes = b"", query: dict[str, list[str]] | None = None, **headers: str) -> Request:
    event: dict[str, Any] = {
        "multiValueQueryStringParameters": query,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "pathParameters": {},
        "requestContext": {"httpMethod": "POST", "resourcePath": "/"},
        "body": body,
        "stageVariables": {},
    }
    return Request(event)


def test_a_body_within_the_limit_is_the_image() -> None:
    assert parameters.image(request(b"abc"), max_bytes=3) == b"abc"


@pytest.mark.parametrize(("body", "status"), [(b"", 400), (b"abcd", 413)])
def test_an_empty_or_oversized_body_is_refused(body: bytes, status: int) -> None:
    with pytest.raises(Problem) as error:
        parameters.image(request(body), max_bytes=3)
    assert error.value.status == status


@pytest.mark.parametrize("text", ["0", "101", "-1", "x", "1e1", "²", "9" * 300])
def test_a_limit_outside_1_to_100_is_refused_and_named(text: str) -> None:
    with pytest.raises(Problem) as error:
        parameters.limit(request(query={"limit": [text]}))
    assert (error.value.status, error.value.members["value"]) == (400, text)


def test_the_limit_is_20_unless_said() -> None:
    assert parameters.limit(request()) == 20
    assert parameters.limit(request(query={"limit": ["100"]})) == 100


@given(st.uuids())
def test_a_cursor_is_read_back(id: uuid.UUID) -> None:
    text = parameters.cursor_to(id)
    assert text is not None
    assert parameters.cursor(request(query={"cursor": [text]})) == id


@pytest.mark.parametrize("text", ["", "zzz", "!", "a" * 5000, "ä", "a" * 22, "A" * 22 + "=="])
def test_a_foreign_cursor_is_refused(text: str) -> None:
    with pytest.raises(Problem) as error:
        parameters.cursor(request(query={"cursor": [text]}))
    assert error.value.status == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"", 400), (b"\xff", 400), (b"[" * 100_000, 400), (b"[]", 422), (b"7", 422)],
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes, status: int) -> None:
    with pytest.raises(Problem) as error:
        parameters.json_object(request(body))
    assert error.value.status == status


@pytest.mark.parametrize(("text", "number"), [("7", 7), ("7.0", 7), ("0.0", 0), ("-0.0", 0), ("7e0", 7)])
def test_an_integer_is_one_however_it_is_written(text: str, number: int) -> None:
    true = parameters.json_object(request(f'{{"true": {text}}}'.encode()))["true"]
    assert (true, type(true)) == (number, int)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_json_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(Problem) as error:
        parameters.json_object(request(f'{{"true": {text}}}'.encode()))
    assert error.value.status == 400


@pytest.mark.parametrize("text", ["7.5", "1e999"])
def test_what_is_no_integer_stays_none(text: str) -> None:
    assert type(parameters.json_object(request(f'{{"true": {text}}}'.encode()))["true"]) is float


@pytest.mark.parametrize("given_id", ["a\nb", "a b", '"', "x" * 129, "ä", ""])
def test_a_request_id_that_does_not_fit_a_log_line_is_not_taken_over(given_id: str) -> None:
    assert parameters.request_id(request(x_request_id=given_id)) == ""  # there is no Lambda to name it


def test_a_request_id_is_taken_over() -> None:
    assert parameters.request_id(request(x_request_id="abc-1")) == "abc-1"


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_an_idempotency_key_has_1_to_255_characters(key: str) -> None:
    with pytest.raises(Problem) as error:
        parameters.idempotency_key(request(idempotency_key=key))
    assert error.value.status == 400


@pytest.mark.parametrize("key", ["x", "x" * 255])
def test_an_idempotency_key_of_that_length_is_taken(key: str) -> None:
    assert parameters.idempotency_key(request(idempotency_key=key)) == key


@pytest.mark.parametrize(
    ("known", "answer"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ("*", True),
        (" * ", True),
        ('"b"', False),
        ("a", False),
        ("", False),
    ],
)
def test_a_version_that_the_caller_names_is_one_it_has(known: str, answer: bool) -> None:
    assert parameters.has_version(request(if_none_match=known), '"a"') is answer


def test_without_if_none_match_the_caller_has_nothing() -> None:
    assert not parameters.has_version(request(), '"a"')


OTHER_ACCEPTS = ["", "*/*", "image/*", "text/html, image/png", "application/json"]


def behind_api_gateway(accept: str) -> Request:
    asked = request(accept=accept)
    asked.context["apiId"] = "abc"
    return asked


@pytest.mark.parametrize("accept", ["image/png", "IMAGE/PNG;q=0.9, */*", "application/octet-stream"])
def test_api_gateway_gives_bytes_to_who_asks_for_them_first(accept: str) -> None:
    parameters.accept_bytes(behind_api_gateway(accept))


@pytest.mark.parametrize("accept", OTHER_ACCEPTS)
def test_who_would_get_base64_from_api_gateway_is_told_so(accept: str) -> None:
    with pytest.raises(Problem) as error:
        parameters.accept_bytes(behind_api_gateway(accept))
    assert error.value.status == 406


@pytest.mark.parametrize("accept", OTHER_ACCEPTS)
def test_without_a_gateway_everybody_gets_bytes(accept: str) -> None:
    asked = request(accept=accept)
    parameters.accept_bytes(asked)
    assert asked.headers["accept"] == "*/*"  # what makes Chalice hand them out
