import os
import time
from pathlib import Path

from inference_image.heartbeats import SILENT_SECONDS, Heartbeats


def test_all_are_silent_until_they_have_read(tmp_path: Path) -> None:
    heartbeats = Heartbeats(tmp_path, 2)
    assert heartbeats.silent() == [0, 1]
    heartbeats.beat(0)
    assert heartbeats.silent() == [1]
    assert heartbeats.last(1) is None


def test_one_that_beats_no_more_becomes_silent(tmp_path: Path) -> None:
    heartbeats = Heartbeats(tmp_path, 1)
    heartbeats.beat(0)
    past = time.time() - SILENT_SECONDS - 1
    os.utime(tmp_path / "worker-0", (past, past))
    assert heartbeats.silent() == [0]


def test_a_forgotten_worker_never_beat(tmp_path: Path) -> None:
    heartbeats = Heartbeats(tmp_path, 1)
    heartbeats.beat(0)
    heartbeats.forget(0)
    heartbeats.forget(0)
    assert heartbeats.last(0) is None
