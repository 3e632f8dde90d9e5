import json

import pytest
from openapi_spec_validator import validate

from chalice_app.openapi import served_at
from infrastructure.local.settings import ROOT

DOCUMENT = json.loads((ROOT / "chalice_app" / "openapi.json").read_text())


def test_the_document_is_valid_openapi() -> None:
    validate(DOCUMENT)


@pytest.mark.parametrize(
    ("path", "server"),
    [("/openapi.json", "/"), ("/api/openapi.json", "/api")],  # API Gateway names the stage in its paths
)
def test_the_document_leads_to_the_api_that_serves_it(path: str, server: str) -> None:
    assert served_at(path) == DOCUMENT | {"servers": [{"url": server}]}


def test_what_was_done_to_an_image_is_described_as_the_model_describes_it() -> None:
    model = json.loads((ROOT / "inference_image" / "openapi.json").read_text())
    of_the_model = model["components"]["schemas"]["Reading"]["properties"]["preprocessing"]
    assert DOCUMENT["components"]["schemas"]["Classification"]["properties"]["preprocessing"] == of_the_model
