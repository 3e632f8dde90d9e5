import json
from pathlib import Path

from openapi_spec_validator import validate

DOCUMENT = Path(__file__).parents[3] / "chalice_app" / "openapi.json"


def test_the_document_is_valid_openapi() -> None:
    validate(json.loads(DOCUMENT.read_text()))
