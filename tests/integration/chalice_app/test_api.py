"""The API over HTTP, with the real store and the real model behind it: what is refused, and how."""

import base64
import io
import json
import secrets
import struct
import zlib
from collections.abc import Callable
from typing import Any

import boto3
import pytest
import urllib3
from PIL import Image

from infrastructure.local.parts import store_environment
from infrastructure.local.samples import Sample
from infrastructure.local.settings import BUCKET
from infrastructure.local.stack import Stack

HTTP = urllib3.PoolManager()
ZERO = next(sample.path for sample in Sample.all() if sample.path.name == "mnist-2.png").read_bytes()


class Writer:
    def __init__(self, stack: Stack, token: str) -> None:
        self._url = stack.settings.api_url
        self._token = token

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> urllib3.BaseHTTPResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {self._token}", **named}
        return HTTP.request(method, self._url + path, body=body, headers=sent, timeout=30.0)

    def classify(self, image: bytes = ZERO, **headers: str) -> dict[str, Any]:
        answer = self.ask("POST", "/classifications", image, content_type="image/png", **headers)
        assert answer.status == 201, answer.data
        record: dict[str, Any] = answer.json()
        assert answer.headers["Location"] == f"/classifications/{record['id']}"
        return record

    def label(self, id: str, body: bytes) -> urllib3.BaseHTTPResponse:
        return self.ask("PUT", f"/classifications/{id}/label", body, content_type="application/json")


def problem(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    """Return the problem details of an answer, after a look at their form."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == answer.status
    assert document["title"]
    assert document["detail"]
    assert "Traceback" not in answer.data.decode()
    return document


def png_that_claims(width: int, height: int) -> bytes:
    """Return a small PNG whose header promises many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(10_000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


@pytest.fixture
def token() -> str:
    return secrets.token_urlsafe(32)


@pytest.fixture
def writer(stack: Stack, token: str) -> Writer:
    return Writer(stack, token)


@pytest.fixture
def stored(stack: Stack) -> Callable[[], set[str]]:
    environment = store_environment(stack.settings, stack.credentials)
    s3 = boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL_S3"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    )

    def keys() -> set[str]:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return {item["Key"] for page in pages for item in page.get("Contents", [])}

    return keys


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"", 400, id="an empty body"),
        pytest.param(b"This is a text.", 415, id="a text file"),
        pytest.param(ZERO[:150], 422, id="a truncated PNG"),
        pytest.param(png_that_claims(10_000, 10_000), 413, id="a bomb of 100 megapixels"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(20_000_000), 413, id="a body of 20 MB"),
    ],
)
def test_what_is_no_usable_image_is_refused_and_not_stored(
    writer: Writer, stored: Callable[[], set[str]], body: bytes, status: int
) -> None:
    before = stored()
    answer = writer.ask("POST", "/classifications", body, content_type="image/png", idempotency_key="k")
    assert problem(answer)["status"] == status
    assert stored() == before


def test_a_body_that_api_gateway_would_corrupt_is_refused_with_the_types_to_send(writer: Writer) -> None:
    answer = writer.ask("POST", "/classifications", ZERO, content_type="application/x-www-form-urlencoded")
    assert answer.status == 415
    assert "image/png" in problem(answer)["detail"]


@pytest.mark.parametrize("token", ["", "short", "0" * 64])
@pytest.mark.parametrize("path", ["/classifications", "/legibility"])
def test_a_wrong_token_is_refused(stack: Stack, path: str, token: str) -> None:
    answer = Writer(stack, token).ask("GET", path)
    assert problem(answer)["status"] == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_another_writers_id_is_not_found(stack: Stack, writer: Writer) -> None:
    id = writer.classify()["id"]
    stranger = Writer(stack, secrets.token_urlsafe(32))
    for method, path in [("GET", ""), ("GET", "/image"), ("DELETE", "")]:
        answer = stranger.ask(method, f"/classifications/{id}{path}", accept="image/png")
        assert problem(answer)["status"] == 404
    assert problem(stranger.label(id, b'{"true": 0}'))["status"] == 404
    assert writer.ask("GET", f"/classifications/{id}").json()["true"] is None


@pytest.mark.parametrize(
    ("body", "status"),
    [(b'{"true": 10}', 422), (b'{"true": "7"}', 422), (b'{"true": true}', 422), (b"{}", 422), (b"{", 400)],
)
def test_what_is_no_digit_is_refused_as_a_label(writer: Writer, body: bytes, status: int) -> None:
    id = writer.classify()["id"]
    assert problem(writer.label(id, body))["status"] == status
    assert writer.ask("GET", "/legibility").json()["labelled"] == 0


def test_a_zero_is_a_zero_all_the_way(writer: Writer) -> None:
    record = writer.classify()
    assert record["predicted"] == 0
    assert writer.label(record["id"], b'{"true": 0}').json()["true"] == 0
    assert writer.ask("GET", f"/classifications/{record['id']}").json()["true"] == 0
    assert writer.ask("GET", "/legibility").json()["confusion_matrix"][0][0] == 1


def test_two_uploads_of_one_file_do_not_overwrite_each_other(writer: Writer) -> None:
    name = 'attachment; filename="digit.png"'
    first = writer.classify(content_disposition=name)
    second = writer.classify(content_disposition=name)
    listed = writer.ask("GET", "/classifications").json()["classifications"]
    assert [record["id"] for record in listed] == [second["id"], first["id"]]


def test_an_idempotency_key_may_have_spaces_and_other_letters(writer: Writer) -> None:
    key = "my digit/ü 7%2F+.png".encode().decode("latin-1")
    assert writer.classify(idempotency_key=key)["id"] == writer.classify(idempotency_key=key)["id"]


def test_a_label_sent_twice_counts_once_and_a_correction_replaces_it(writer: Writer) -> None:
    id = writer.classify()["id"]
    writer.label(id, b'{"true": 6}')
    writer.label(id, b'{"true": 6}')
    figures = writer.ask("GET", "/legibility").json()
    assert (figures["labelled"], figures["confusion_matrix"][6][0]) == (1, 1)
    writer.label(id, b'{"true": 0}')
    figures = writer.ask("GET", "/legibility").json()
    assert (figures["labelled"], figures["confusion_matrix"][0][0]) == (1, 1)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_an_image_of_any_format_comes_back_byte_for_byte(writer: Writer, format: str) -> None:  # noqa: A002
    file = io.BytesIO()
    Image.open(io.BytesIO(ZERO)).save(file, format)
    answer = writer.ask(
        "POST", "/classifications", file.getvalue(), content_type="application/octet-stream"
    ).json()
    assert answer["media_type"] == f"image/{format.lower()}"
    image = writer.ask("GET", f"/classifications/{answer['id']}/image", accept=answer["media_type"])
    assert image.data == file.getvalue()
    assert image.headers["Content-Type"] == answer["media_type"]


def test_an_image_that_the_caller_has_is_not_sent_again(writer: Writer) -> None:
    path = f"/classifications/{writer.classify()['id']}/image"
    first = writer.ask("GET", path, accept="image/png")
    assert first.headers["Cache-Control"].startswith("private")
    again = writer.ask("GET", path, accept="image/png", if_none_match=first.headers["ETag"])
    assert (again.status, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert writer.ask("GET", path, accept="image/png", if_none_match='"another"').data == ZERO


def test_bytes_are_refused_to_who_would_get_them_corrupted_by_the_gateway(writer: Writer) -> None:
    path = f"/classifications/{writer.classify()['id']}/image"
    for accept in ("", "*/*", "text/html, image/png"):
        assert problem(writer.ask("GET", path, accept=accept))["status"] == 406


def test_what_is_deleted_is_gone_with_all_its_traces(writer: Writer, stored: Callable[[], set[str]]) -> None:
    before = stored()
    id = writer.classify(idempotency_key="k")["id"]
    writer.label(id, b'{"true": 0}')
    assert writer.ask("DELETE", f"/classifications/{id}").status == 204
    assert stored() == before
    assert problem(writer.ask("GET", f"/classifications/{id}"))["status"] == 404


def test_the_page_may_call_and_read_errors_and_no_other_origin_may(stack: Stack, writer: Writer) -> None:
    preflight = writer.ask("OPTIONS", "/classifications", origin=stack.settings.page_url)
    assert preflight.headers["Access-Control-Allow-Origin"] == stack.settings.page_url
    assert {"Authorization", "Idempotency-Key"} <= set(
        preflight.headers["Access-Control-Allow-Headers"].split(",")
    )
    refused = writer.ask("GET", "/classifications?limit=0", origin=stack.settings.page_url)
    assert refused.headers["Access-Control-Allow-Origin"] == stack.settings.page_url


def test_a_request_id_is_answered(writer: Writer) -> None:
    assert writer.ask("GET", "/legibility", x_request_id="mine-1").headers["X-Request-Id"] == "mine-1"


def test_the_log_of_a_request_has_its_id_in_both_parts_and_neither_token_nor_image(
    stack: Stack, token: str, writer: Writer
) -> None:
    request_id = f"test-{secrets.token_hex(8)}"
    writer.classify(x_request_id=request_id)
    logs = {name: (stack.settings.data / "logs" / f"{name}.log").read_text() for name in ("API", "model")}
    lines = [json.loads(line) for line in logs["API"].splitlines() if request_id in line]
    assert [(line["route"], line["status"]) for line in lines] == [("POST /classifications", 201)]
    assert lines[0]["milliseconds"] > 0
    assert request_id in logs["model"]
    for log in logs.values():
        assert token not in log
        assert base64.b64encode(ZERO[:30]).decode() not in log
        assert repr(ZERO[:10])[2:-1] not in log


def test_a_method_that_a_path_does_not_have_is_a_problem(writer: Writer) -> None:
    assert problem(writer.ask("PATCH", "/legibility"))["status"] == 405


def test_the_served_document_names_every_route_and_method(stack: Stack, writer: Writer) -> None:
    document = json.loads(writer.ask("GET", "/openapi.json").data)
    for path, item in document["paths"].items():
        for method in ("get", "put", "post", "delete"):
            answer = writer.ask(method.upper(), path.replace("{id}", "x"))
            assert (answer.status not in {403, 405}) == (method in item), (method, path)
