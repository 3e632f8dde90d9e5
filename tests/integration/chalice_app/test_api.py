"""What callers see, with a real store and the real model: the same on one machine and on (offline) AWS."""

import base64
import hashlib
import io
import json
import secrets
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import urllib3
import uuid6
from PIL import Image

from chalice_app import keys
from infrastructure.local.settings import BUCKET, ROOT
from tests.integration.chalice_app.system import System
from tests.integration.chalice_app.writer import ZERO, Writer, kept, problem
from tests.waiting import wait_until

CONTRACT = json.loads((ROOT / "chalice_app" / "openapi.json").read_text())


def png_that_claims(width: int, height: int) -> bytes:
    """Return a small PNG whose header promises many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(10_000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"", 400, id="an empty body"),
        pytest.param(b"This is a text.", 415, id="a text file"),
        pytest.param(ZERO[:150], 422, id="a truncated PNG"),
        pytest.param(png_that_claims(10_000, 10_000), 413, id="a bomb of 100 megapixels"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(4_500_000), 413, id="a body of more than 4.5 MB"),
    ],
)
def test_what_is_no_usable_image_is_refused_and_not_stored(
    system: System, writer: Writer, body: bytes, status: int
) -> None:
    before = system.stored()
    answer = writer.post(body, idempotency_key="k")
    assert problem(answer)["status"] == status
    assert not system.stored() - before


def test_a_body_of_20_mb_is_refused_on_one_machine_as_by_the_gateway(local: System) -> None:
    assert Writer(local.url).post(bytes(20_000_000)).status == 413


def test_a_body_of_unknown_length_is_read_on_one_machine_as_by_the_gateway(local: System) -> None:
    writer = Writer(local.url)
    headers = {"Authorization": f"Bearer {writer.token}", "Content-Type": "image/png"}
    chunks = (ZERO[start : start + 1000] for start in range(0, len(ZERO), 1000))
    answer = urllib3.request("POST", f"{local.url}/classifications", body=chunks, headers=headers)
    assert (answer.status, answer.json()["predicted"]) == (201, 0)
    assert writer.image(answer.json()["id"]).data == ZERO


def test_an_answer_to_head_has_no_body_that_would_be_taken_for_the_next_one(local: System) -> None:
    address = urlsplit(local.url)
    with closing(HTTPConnection(address.hostname or "", address.port, timeout=10)) as connection:
        for method, status in (("HEAD", 405), ("GET", 200)):
            connection.request(method, "/health")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status


def test_a_body_that_api_gateway_would_corrupt_is_refused_with_the_types_to_send(writer: Writer) -> None:
    answer = writer.post(content_type="application/x-www-form-urlencoded")
    assert answer.status == 415
    assert "image/png" in problem(answer)["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (method.upper(), path)
        for path, methods in CONTRACT["paths"].items()
        for method, operation in methods.items()
        if method in {"get", "delete"}
    ],
)
def test_where_there_is_no_body_its_type_is_nobodys_concern(method: str, path: str, writer: Writer) -> None:
    id = writer.classify()["id"]
    answer = writer.ask(method, path.replace("{id}", id), content_type="text/plain", accept="image/png")
    missing = {404} if path == "/accuracy" else set()  # the report of a job that has not run yet
    assert answer.status in {200, 204, *missing}, answer.data


def test_a_label_in_a_form_is_refused_with_the_type_to_send(writer: Writer) -> None:
    label = f"/classifications/{writer.classify()['id']}/label"
    answer = writer.ask("PUT", label, b"true=7", content_type="application/x-www-form-urlencoded")
    assert answer.status == 415
    assert "application/json" in problem(answer)["detail"]


@pytest.mark.parametrize("token", ["", "short", "0" * 64])
def test_a_wrong_token_is_refused(system: System, token: str) -> None:
    answer = Writer(system.url, token).ask("GET", "/legibility")
    assert problem(answer)["status"] == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")  # API Gateway itself gives it another name


@pytest.mark.parametrize("true", [10, -1, 7.5, "7", True, None])
def test_what_is_no_digit_is_refused_as_a_label(writer: Writer, true: object) -> None:
    id = writer.classify()["id"]
    assert problem(writer.label(id, true))["status"] == 422
    assert writer.legibility()["labelled"] == 0


def test_a_label_that_is_no_json_is_refused(writer: Writer) -> None:
    path = f"/classifications/{writer.classify()['id']}/label"
    assert problem(writer.ask("PUT", path, b"{", content_type="application/json"))["status"] == 400


def test_a_zero_is_a_zero_all_the_way(writer: Writer) -> None:
    record = writer.classify()
    assert record["predicted"] == 0
    assert writer.label(record["id"], 0).json()["true"] == 0
    assert writer.record(record["id"])["true"] == 0
    assert writer.legibility()["confusion_matrix"][0][0] == 1


def test_two_uploads_of_one_file_do_not_overwrite_each_other(writer: Writer) -> None:
    name = 'attachment; filename="digit.png"'
    first = writer.classify(content_disposition=name)
    second = writer.classify(content_disposition=name)
    listed = writer.ask("GET", "/classifications").json()["classifications"]
    assert [record["id"] for record in listed] == [second["id"], first["id"]]


def test_pages_go_back_in_time_and_join_without_gap_or_overlap(writer: Writer) -> None:
    made = [writer.classify()["id"] for _ in range(3)]
    first = writer.ask("GET", "/classifications?limit=2").json()
    second = writer.ask("GET", f"/classifications?limit=2&cursor={first['cursor']}").json()
    assert [record["id"] for record in first["classifications"] + second["classifications"]] == made[::-1]
    assert second["cursor"] is None


def test_the_newest_come_first_of_more_images_than_the_store_lists_at_once(
    system: System, writer: Writer
) -> None:
    index = keys.index_prefix(hashlib.sha256(writer.token.encode()).hexdigest())
    days_before = [uuid6.uuid7().int - (number << 108) for number in range(1, 1200)]
    s3 = system.s3
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda id: s3.put_object(Bucket=BUCKET, Key=f"{index}{UUID(int=id)}"), days_before))
    made = [writer.classify()["id"] for _ in range(3)]
    first = writer.ask("GET", "/classifications?limit=2").json()
    assert [record["id"] for record in first["classifications"]] == made[:0:-1]
    second = writer.ask("GET", f"/classifications?limit=2&cursor={first['cursor']}").json()
    assert [record["id"] for record in second["classifications"]] == made[:1]  # the others have no record
    assert second["cursor"] is not None
    assert writer.legibility()["images"] == 1199 + 3


def test_a_label_sent_twice_counts_once_and_a_correction_replaces_it(writer: Writer) -> None:
    id = writer.classify()["id"]
    for true in (6, 6):
        writer.label(id, true)
    figures = writer.legibility()
    assert (figures["labelled"], figures["confusion_matrix"][6][0]) == (1, 1)
    writer.label(id, 0)
    figures = writer.legibility()
    assert (figures["labelled"], figures["confusion_matrix"][0][0]) == (1, 1)


def test_a_replayed_request_makes_no_second_record_and_another_body_is_a_conflict(writer: Writer) -> None:
    first = writer.classify(idempotency_key="k")
    assert writer.classify(idempotency_key="k") == first
    assert problem(writer.post(ZERO + b"\0", idempotency_key="k"))["status"] == 409
    assert len(writer.ask("GET", "/classifications").json()["classifications"]) == 1


def test_one_request_sent_many_times_at_once_is_one_record(system: System, writer: Writer) -> None:
    before = system.stored()
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: writer.post(idempotency_key="k"), range(6)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(system.stored() - before) == 4  # reservation, image, record and index


def test_labels_sent_at_once_count_once(writer: Writer) -> None:
    id = writer.classify()["id"]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda true: writer.label(id, true), [0, 6, 0, 6, 0, 6]))
    assert {answer.status for answer in answers} == {200}
    last = writer.label(id, 0).json()
    figures = writer.legibility()
    assert (last["true"], figures["labelled"], figures["confusion_matrix"][0][0]) == (0, 1, 1)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_an_image_of_any_format_comes_back_byte_for_byte(writer: Writer, format: str) -> None:  # noqa: A002
    file = io.BytesIO()
    Image.open(io.BytesIO(ZERO)).save(file, format)
    record = writer.classify(file.getvalue(), content_type=f"image/{format.lower()}")
    assert record["media_type"] == f"image/{format.lower()}"
    image = writer.image(record["id"], accept=record["media_type"])
    assert image.data == file.getvalue()
    assert image.headers["Content-Type"] == record["media_type"]
    assert image.headers["X-Content-Type-Options"] == "nosniff"


def test_an_image_that_the_caller_has_is_not_sent_again(writer: Writer) -> None:
    id = writer.classify()["id"]
    first = writer.image(id)
    assert first.headers["Cache-Control"].startswith("private")
    again = writer.image(id, if_none_match=first.headers["ETag"])
    assert (again.status, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert writer.image(id, if_none_match='"another"').data == ZERO


def test_nobody_gets_an_image_corrupted_by_the_gateway(writer: Writer) -> None:
    id = writer.classify()["id"]
    for accept in ("", "*/*", "text/html, image/png"):
        answer = writer.image(id, accept=accept)
        if answer.status == 406:  # by API Gateway, which would send base64
            assert "Accept" in problem(answer)["detail"]
        else:
            assert answer.data == ZERO


def test_what_is_deleted_is_gone_with_all_its_traces(system: System, writer: Writer) -> None:
    before = system.stored()
    id = writer.classify(idempotency_key="k")["id"]
    writer.label(id, 0)
    assert len(system.stored() - before) == 6  # image, record, label, reservation, two keys of the index
    assert writer.delete(id).status == 204
    assert not system.stored() - before
    assert problem(writer.ask("GET", f"/classifications/{id}"))["status"] == 404
    assert problem(writer.delete(id))["status"] == 404


def test_an_image_that_the_model_does_not_answer_is_kept_on_aws_too_and_completed_when_it_is_read(
    deployed: System,
) -> None:
    writer = Writer(deployed.url)
    with deployed.without_model():
        id = kept(writer.post())
        assert writer.image(id).data == ZERO
        assert problem(writer.label(id, 0))["status"] == 409
    wait_until(lambda: writer.record(id)["status"] == "classified")
    assert writer.record(id)["predicted"] == 0
    assert not any(key.startswith(f"pending/{id}") for key in deployed.stored())


def test_the_accuracy_job_reports_to_the_api(system: System, writer: Writer) -> None:
    writer.label(writer.classify()["id"], 8)
    system.run_accuracy_job()
    answer = writer.ask("GET", "/accuracy")
    report = answer.json()
    assert report["confusion_matrix"][8][0] >= 1
    assert report["pairs"] == sum(map(sum, report["confusion_matrix"]))
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    assert writer.ask("GET", "/accuracy", if_none_match=answer.headers["ETag"]).status == 304


def test_health_names_the_store_and_the_model(writer: Writer) -> None:
    health = writer.ask("GET", "/health").json()
    assert health["status"] == "ok"
    assert health["dependencies"]["store"] == {"status": "ok"}
    assert health["dependencies"]["inference"]["model"].startswith("digits-")


def test_the_page_may_call_and_read_errors_and_no_other_origin_may(system: System, writer: Writer) -> None:
    for origin in (system.page_origin, "https://elsewhere.example"):
        preflight = writer.ask(
            "OPTIONS", "/classifications", origin=origin, access_control_request_method="POST"
        )
        assert preflight.headers["Access-Control-Allow-Origin"] == system.page_origin  # and never `*`
        allowed = set(preflight.headers["Access-Control-Allow-Headers"].split(","))
        assert {"Authorization", "Content-Type", "Idempotency-Key", "If-None-Match"} <= allowed
        refused = writer.ask("GET", "/classifications?limit=0", origin=origin)
        assert refused.headers["Access-Control-Allow-Origin"] == system.page_origin
    assert "ETag" in refused.headers["Access-Control-Expose-Headers"].split(",")


def test_the_log_of_a_request_has_its_id_and_neither_token_nor_image_nor_its_path(
    system: System, writer: Writer
) -> None:
    request_id = f"test-{secrets.token_hex(8)}"
    answer = writer.post(x_request_id=request_id)
    assert answer.headers["X-Request-Id"] == request_id
    id = answer.json()["id"]
    writer.ask("GET", f"/classifications/{id}")
    wait_until(lambda: request_id in system.log())
    log = system.log()
    lines = [json.loads(line) for line in log.splitlines() if request_id in line]
    assert [(line["route"], line["status"]) for line in lines] == [("POST /classifications", 201)]
    assert lines[0]["milliseconds"] > 0
    for secret in (writer.token, id, base64.b64encode(ZERO[:30]).decode(), repr(ZERO[:10])[2:-1]):
        assert secret not in log


def test_the_model_logs_the_same_request_id(local: System, request: pytest.FixtureRequest) -> None:
    request_id = f"test-{secrets.token_hex(8)}"
    Writer(local.url).classify(x_request_id=request_id)
    folder = request.getfixturevalue("stack").settings.data / "logs"
    wait_until(lambda: request_id in (folder / "model.log").read_text())


def test_the_served_document_names_every_method_of_every_route(writer: Writer) -> None:
    document = writer.ask("GET", "/openapi.json").json()
    for path, item in document["paths"].items():
        for method in ("get", "put", "post", "delete", "patch"):
            answer = writer.ask(method.upper(), path.replace("{id}", "x"))
            # Chalice says 405, API Gateway 403.
            assert (answer.status not in {403, 405}) == (method in item), (method, path)
