import json

import pytest

from chalice_app.problems import Problem


def members(value: object) -> dict[str, object]:
    """What the document of a refused value has, read as strictly as JavaScript does."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    document: dict[str, object] = json.loads(
        Problem(422, "no", value=value).response().body, parse_constant=refuse
    )
    return document


@pytest.mark.parametrize("value", [None, 0, True, 7.5, "", "seven", "x" * 300, 10**400])
def test_an_offending_value_is_named(value: object) -> None:
    assert members(value)["value"] == value


@pytest.mark.parametrize("value", ["é" * 301, [], [[7]], {"a": 1}, float("inf"), float("nan")])
def test_a_value_that_is_long_or_no_json_is_left_out(value: object) -> None:
    assert set(members(value)) == {"type", "title", "status", "detail"}
