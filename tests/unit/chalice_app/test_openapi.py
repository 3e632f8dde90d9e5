import json
from urllib.parse import urljoin

import pytest
from openapi_spec_validator import validate

from infrastructure.local.settings import ROOT

DOCUMENT = json.loads((ROOT / "chalice_app" / "openapi.json").read_text())


def test_the_document_is_valid_openapi() -> None:
    validate(DOCUMENT)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8001/openapi.json", "https://d111.cloudfront.net/api/openapi.json"]
)
def test_the_document_leads_to_the_api_beside_it_also_where_a_stage_stands_before_the_path(
    address: str,
) -> None:
    (server,) = DOCUMENT["servers"]
    assert urljoin(address, server["url"]) == address.removesuffix("openapi.json")


def test_what_was_done_to_an_image_is_described_as_the_model_describes_it() -> None:
    model = json.loads((ROOT / "inference_image" / "openapi.json").read_text())
    of_the_model = model["components"]["schemas"]["Reading"]["properties"]["preprocessing"]
    assert DOCUMENT["components"]["schemas"]["Classification"]["properties"]["preprocessing"] == of_the_model
