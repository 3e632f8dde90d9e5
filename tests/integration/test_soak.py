"""The short form of `make soak`."""

from pathlib import Path

from tests.soak.ledger import UNANSWERED
from tests.soak.soak import CALM_SECONDS, SETTLE_SECONDS, soak


def test_under_load_with_faults_nothing_acknowledged_is_lost_and_nobody_sees_anothers(tmp_path: Path) -> None:
    outcome = soak(tmp_path, seconds=12, writers=12, seed=1, say=lambda _: None)
    assert outcome.discrepancies == []
    assert outcome.faults.total() >= 2
    assert outcome.recovered < SETTLE_SECONDS  # after which it is given up; `make soak` prints it
    assert outcome.images > outcome.sustainable
    answered = outcome.statuses.total() - outcome.statuses[UNANSWERED]
    assert (
        answered > (CALM_SECONDS + 1) * outcome.sustainable
    )  # so with faults as much as in a second without
