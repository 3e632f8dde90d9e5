import uuid
from datetime import UTC, datetime

import pytest
import uuid6

from chalice_app import keys

ID = uuid.UUID("0193527a-7c00-7abc-8def-0123456789ab")


def test_the_date_in_a_key_is_the_ids_own() -> None:
    day = keys.created(ID).date().isoformat()
    assert keys.record(ID) == f"classifications/{day}/{ID}.json"
    assert keys.label(ID) == f"labels/date={day}/{ID}.json"


def test_an_id_tells_when_it_was_made() -> None:
    before = datetime.now(UTC)
    assert abs((keys.created(uuid6.uuid7()) - before).total_seconds()) < 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "../../etc",
        str(ID).upper(),
        ID.hex,
        f"{{{ID}}}",
        str(uuid.UUID(int=1, version=4)),
        f"{ID} ",
        f"{ID}/image",
        "e677d21f-dc00-7000-8000-000000000000",  # made in the year 10000
        "ffffffff-ffff-7fff-bfff-ffffffffffff",
    ],
)
def test_only_a_canonical_uuid7_is_an_id(text: str) -> None:
    assert keys.parse_id(text) is None


@pytest.mark.parametrize("text", [str(ID), "e677d21f-dbff-7fff-bfff-ffffffffffff"])
def test_an_id_is_read_back(text: str) -> None:
    assert str(keys.parse_id(text)) == text


def test_an_index_key_gives_back_what_was_put_in() -> None:
    assert keys.parse_index(keys.index("w", ID)) == (ID, None)
    assert keys.parse_index(keys.pair("w", ID, 0, 9)) == (ID, (0, 9))
