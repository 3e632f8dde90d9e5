"""Counts of a part of the input, kept as JSON until the part changes."""

import json
from typing import Any, NamedTuple

import numpy as np
from obstore.store import ObjectStore

from accuracy_job.kernel import BINS, DIGITS, Counts, Group, Newest, Rejected


class Partial(NamedTuple):
    """Counts, and the state of the input that they are of."""

    state: str
    counts: Counts


def read(store: ObjectStore, key: str) -> Partial | None:
    """Return what is kept under a key, None where nothing is that can be used."""
    try:
        kept = json.loads(bytes(store.get(key).bytes()))
        return Partial(kept["state"], _counts(kept))
    except (FileNotFoundError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def write(store: ObjectStore, key: str, partial: Partial) -> None:
    """Keep counts under a key."""
    store.put(key, json.dumps({"state": partial.state, **_plain(partial.counts)}).encode())


def _plain(counts: Counts) -> dict[str, Any]:
    return {
        "matrices": [[*group, matrix.tolist()] for group, matrix in counts.matrices.items()],
        "calibration": counts.calibration.tolist(),
        "rejected": [[reason, each.count, each.examples] for reason, each in counts.rejected.items()],
        "confused": [[*cell, ids] for cell, ids in counts.confused.items()],
    }


def _counts(kept: dict[str, Any]) -> Counts:
    return Counts(
        {
            Group(model, day): np.array(matrix, np.int64).reshape(DIGITS, DIGITS)
            for model, day, matrix in kept["matrices"]
        },
        np.array(kept["calibration"], np.int64).reshape(3, BINS),
        {reason: Rejected(count, tuple(examples)) for reason, count, examples in kept["rejected"]},
        {(true, predicted): Newest(ids) for true, predicted, ids in kept["confused"]},
    )
