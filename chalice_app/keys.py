"""Where everything about a classification lies in S3. Most keys follow from its id alone.

Ids are UUIDv7 (RFC 9562): they sort by time of creation, and `{date}` is read off them.
"""

from datetime import UTC, datetime
from uuid import UUID

REPORT = "reports/latest.json"
PENDING = "pending/"  # before the ids of images that wait for the model: what the sweep lists
INTENTS = "intents/"  # before the ids of requests that are at work, or died: what the sweep lists as well


def parse_id(text: str) -> UUID | None:
    """Return the id that `text` spells in its canonical form, or None."""
    try:
        id = UUID(text)
        created(id)  # 48 bits of milliseconds go beyond the year 9999, dates do not
    except ValueError:
        return None
    return id if str(id) == text and id.version == 7 else None


def created(id: UUID) -> datetime:
    """Return when an id was made, in UTC, to the millisecond (its first 48 bits)."""
    return datetime.fromtimestamp((id.int >> 80) / 1000, UTC)


def first_id(moment: datetime) -> UUID:
    """Return the least of all ids that can be made from a moment on."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _date(id: UUID) -> str:
    return created(id).date().isoformat()


def image(id: UUID) -> str:
    return f"images/{id}"


def record(id: UUID) -> str:
    return f"classifications/{_date(id)}/{id}.json"


def pending(id: UUID) -> str:
    return f"{PENDING}{id}"


def parse_pending(key: str) -> UUID:
    return UUID(key.removeprefix(PENDING))


def intent(request: UUID) -> str:
    return f"{INTENTS}{request}"


def intended(key: str) -> datetime:
    """Return when an intent was written, from its key."""
    return created(UUID(key.removeprefix(INTENTS)))


def label(id: UUID) -> str:
    return f"labels/date={_date(id)}/{id}.json"


def idempotency(writer: str, key_sha256: str) -> str:
    return f"idempotency/{writer}/{key_sha256}.json"


# The writer's index: one key for every image, and a second one beside it for every labelled image, which
# carries the pair. So a LIST alone gives the figures of 500 images. The label object stays the authority.


def index_prefix(writer: str) -> str:
    return f"writers/{writer}/"


def index(writer: str, id: UUID) -> str:
    return f"{index_prefix(writer)}{id}"


def pair(writer: str, id: UUID, true: int, predicted: int) -> str:
    return f"{index(writer, id)}.true-{true}.predicted-{predicted}"


def parse_index(key: str) -> tuple[UUID, tuple[int, int] | None]:
    """Return the id of an index key, and the (true, predicted) pair if the key carries one."""
    id, *pair = key.rpartition("/")[2].split(".")
    if not pair:
        return UUID(id), None
    true, predicted = (int(part[-1]) for part in pair)
    return UUID(id), (true, predicted)
