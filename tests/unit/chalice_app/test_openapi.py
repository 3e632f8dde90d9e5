import json

from openapi_spec_validator import validate

from infrastructure.local.settings import ROOT

DOCUMENT = json.loads((ROOT / "chalice_app" / "openapi.json").read_text())


def test_the_document_is_valid_openapi() -> None:
    validate(DOCUMENT)


def test_what_was_done_to_an_image_is_described_as_the_model_describes_it() -> None:
    model = json.loads((ROOT / "inference_image" / "openapi.json").read_text())
    of_the_model = model["components"]["schemas"]["Reading"]["properties"]["preprocessing"]
    assert DOCUMENT["components"]["schemas"]["Classification"]["properties"]["preprocessing"] == of_the_model
