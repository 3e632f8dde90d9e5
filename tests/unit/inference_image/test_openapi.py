import json

from openapi_spec_validator import validate

from inference_image.server import OPENAPI


def test_the_document_is_valid_openapi() -> None:
    validate(json.loads(OPENAPI.read_text()))
