import json
import re
from pathlib import Path
from typing import Any

import pytest

from infrastructure.reference import DOCUMENTS, METHODS, Reference, pages

PAGES = pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_reference_is_what_its_document_says(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == PAGES[page], "stale: run `make reference`"


@pytest.mark.parametrize(("page", "document"), DOCUMENTS.items(), ids=lambda path: path.name)
def test_every_call_status_and_field_is_in_the_reference(page: Path, document: Path) -> None:
    contract, text = json.loads(document.read_bytes()), PAGES[page]
    for path, item in contract["paths"].items():
        for method in item.keys() & METHODS:
            (section,) = re.findall(
                rf"^## {method.upper()} {re.escape(path)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
            )
            assert re.findall(r"^\| (\d+) \|", section, re.MULTILINE) == list(item[method]["responses"])
    for name, schema in contract["components"]["schemas"].items():
        (section,) = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        assert all(f"\n| `{field}` |" in section for field in schema.get("properties", ()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_a_reference_lead_to_a_schema(page: Path) -> None:
    heads = {head.lower() for head in re.findall(r"^## (.*)", PAGES[page], re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]*)\)", PAGES[page])) <= heads


def made(schema: dict[str, Any]) -> str:
    document = {
        "info": {"title": "One", "description": "Text."},
        "paths": {},
        "components": {"schemas": {"Thing": {"type": "object", "properties": {"field": schema}}}},
    }
    return Reference(document).page(Path("openapi.json")).splitlines()[-1]


@pytest.mark.parametrize(
    ("schema", "row"),
    [
        ({"type": "integer", "minimum": 0, "maximum": 9}, "integer from 0 to 9"),
        ({"type": ["number", "null"], "minimum": 0}, "number from 0 or null"),
        ({"enum": [0, "a|b", None]}, '`0` or `"a\\|b"` or `null`'),
        ({"const": False}, "`false`"),
        ({"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "string"}}, "list of 2 (string)"),
        ({"oneOf": [{"$ref": "#/components/schemas/Thing"}, {"type": "null"}]}, "[Thing](#thing) or null"),
        ({"type": "string", "format": "uuid"}, "string (uuid)"),
    ],
)
def test_a_value_is_described_in_words(schema: dict[str, Any], row: str) -> None:
    assert made(schema) == f"| `field` | {row} | Optional. |"
