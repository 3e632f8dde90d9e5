"""The references of both HTTP interfaces, as Markdown, from their OpenAPI 3.1 documents.

Run: python -m infrastructure.reference, or make reference.
"""

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infrastructure.local.settings import ROOT

DOCUMENTS = {
    ROOT / "docs" / "api-reference.md": ROOT / "chalice_app" / "openapi.json",
    ROOT / "docs" / "serving-reference.md": ROOT / "inference_image" / "openapi.json",
}
METHODS = {"get", "post", "put", "delete"}
Node = Mapping[str, Any]


def main() -> None:
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")


def pages() -> dict[Path, str]:
    """Return what the pages should be."""
    return {
        page: Reference(json.loads(document.read_bytes())).page(document.relative_to(ROOT))
        for page, document in DOCUMENTS.items()
    }


class Reference:
    """One document's parts as lines of Markdown."""

    def __init__(self, document: Node) -> None:
        self._document = document

    def page(self, source: Path) -> str:
        info, schemas = self._document["info"], self._document["components"]["schemas"]
        lines = [
            *(f"# {info['title']}: reference", ""),
            *(f"`make reference` made this from [{source}](../{source}): changes belong there.", ""),
            *(info["description"], ""),
            *(line for path, item in self._document["paths"].items() for line in self._calls(path, item)),
            *(line for name, schema in schemas.items() for line in self._schema(name, schema)),
        ]
        return "\n".join(lines).rstrip() + "\n"

    def _calls(self, path: str, item: Node) -> Iterator[str]:
        for method in [name for name in item if name in METHODS]:
            operation = {"security": self._document.get("security"), **item[method]}
            operation["parameters"] = [*item.get("parameters", ()), *operation.get("parameters", ())]
            yield from (f"## {method.upper()} {path}", "")
            yield from self._call(operation)

    def _call(self, operation: Node) -> Iterator[str]:
        yield from (f"{operation['summary']}. {operation.get('description', '')}".rstrip(), "")
        if operation["security"]:
            yield from ("`Authorization: Bearer <token>` is needed.", "")
        yield from _table(("parameter", "in", "type", ""), map(self._parameter, operation["parameters"]))
        for media_types, body in _bodies(operation.get("requestBody", {})):
            yield from (f"The body: {media_types}.", "")
            yield from _table(("field", "type", ""), self._fields("", body.get("schema", {})))
            yield from _example(body)
        answers = {status: self._found(answer) for status, answer in operation["responses"].items()}
        yield from _table(("status", "", "body", "headers"), map(self._answer, answers.items()))
        for _, body in _bodies(next(iter(answers.values()))):
            yield from _example(body)

    def _found(self, node: Node) -> Node:
        """Return the node, or what it refers to, with what the node says otherwise of it."""
        found: Any = self._document
        for name in node.get("$ref", "").split("/")[1:]:
            found = found[name]
        return {**found, **node} if "$ref" in node else node

    def _parameter(self, node: Node) -> tuple[str, ...]:
        parameter = self._found(node)
        what = _described(parameter, optional=not parameter.get("required"))
        return f"`{parameter['name']}`", parameter["in"], _kind(parameter["schema"]), what

    def _answer(self, answer: tuple[str, Node]) -> tuple[str, ...]:
        status, found = answer
        bodies = [self._body(*each) for each in _bodies(found)]
        headers = ", ".join(f"`{name}`" for name in found.get("headers", {}))
        return status, found["description"], "; ".join(bodies), headers

    def _body(self, media_types: str, body: Node) -> str:
        schema = body.get("schema")
        if not schema:
            return media_types
        fields = ", ".join(f"`{name}`" for name in schema.get("properties", ()))
        return f"{_kind(schema)} of {fields}" if fields else _kind(schema)

    def _schema(self, name: str, schema: Node) -> Iterator[str]:
        yield from (f"## {name}", "")
        yield from (schema["description"], "") if "description" in schema else ()
        if "properties" not in schema:
            yield from (f"{_kind(schema)}.".capitalize(), "")
        yield from _table(("field", "type", ""), self._fields("", schema))

    def _fields(self, prefix: str, schema: Node) -> Iterator[tuple[str, ...]]:
        """Yield a row for each field, and below it for the fields of what it holds."""
        for name, field in schema.get("properties", {}).items():
            what = _described(field, optional=name not in schema.get("required", ()))
            yield f"`{prefix}{name}`", _kind(field), what
            yield from self._fields(f"{prefix}{name}.", field)
            yield from self._fields(f"{prefix}{name}[].", field.get("items", {}))
            yield from self._fields(f"{prefix}{name}.*.", field.get("additionalProperties", {}))


def _kind(schema: Node) -> str:
    """Say what a value may be."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "oneOf" in schema:
        return " or ".join(map(_kind, schema["oneOf"]))
    if "const" in schema or "enum" in schema:
        return " or ".join(f"`{json.dumps(value)}`" for value in schema.get("enum") or [schema["const"]])
    if "type" not in schema:
        return "anything"
    first, *others = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if first == "array":
        count = f"{schema['maxItems']} " if schema.get("minItems") == schema.get("maxItems", -1) else ""
        first = f"list of {count}({_kind(schema['items'])})"
    return " or ".join([first + _bounds(schema), *others])


def _bounds(schema: Node) -> str:
    """Say the limits of a number or a text, as far as there are any."""
    words = {
        "format": " ({format})",
        "pattern": " `{pattern}`",
        "minimum": " from {minimum}",
        "maximum": " to {maximum}",
        "maxLength": " of {maxLength} characters at most",
        "default": ", {default} unless given",
    }
    return "".join(text.format(**schema) for key, text in words.items() if key in schema)


def _described(node: Node, *, optional: bool) -> str:
    return f"{'Optional. ' if optional else ''}{node.get('description', '')}".strip()


def _bodies(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield the bodies of a request or an answer, each with all media types that it is for."""
    media_types: dict[str, list[str]] = {}
    for media_type, body in node.get("content", {}).items():
        media_types.setdefault(json.dumps(body), []).append(f"`{media_type}`")
    return ((", ".join(names), json.loads(body)) for body, names in media_types.items())


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    if cells:
        yield from (f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *cells))
        yield ""


def _example(body: Node) -> Iterator[str]:
    if "example" in body:
        text = json.dumps(body["example"], ensure_ascii=False, indent=2)
        numbers_in_a_line = re.sub(r"\[[^\[\]{}\"]+\]", lambda found: " ".join(found[0].split()), text)
        yield from ("```json", numbers_in_a_line, "```", "")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
