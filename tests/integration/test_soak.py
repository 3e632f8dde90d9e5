"""The short form of `make soak`."""

from pathlib import Path

from tests.soak.ledger import UNANSWERED
from tests.soak.soak import soak


def test_under_load_with_faults_nothing_acknowledged_is_lost_and_nobody_sees_anothers(tmp_path: Path) -> None:
    outcome = soak(tmp_path, seconds=12, writers=12, seed=1, say=lambda _: None)
    assert outcome.discrepancies == []
    assert outcome.faults.total() >= 2
    assert outcome.recovered < 30  # 10 where nothing else runs: `make soak` prints it
    assert outcome.images > 20
    assert outcome.statuses.total() - outcome.statuses[UNANSWERED] > 100
