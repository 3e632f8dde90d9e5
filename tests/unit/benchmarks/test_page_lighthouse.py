import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.page_lighthouse import CATEGORIES, audit, read, table
from benchmarks.results import UnavailableError
from infrastructure.local.settings import ROOT
from tests.waiting import wait_until

AUDIT = "from benchmarks.page_lighthouse import audit; audit('http://127.0.0.1', 'mobile')"
# As Node.js does, which ends its browser then.
NPX = """#!/bin/sh
trap 'touch "$0.interrupted"; exit 130' INT
touch "$0.begun"
while :; do sleep 0.05; done
"""


def test_without_a_browser_the_audit_says_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="Chromium is needed"):
        audit("http://127.0.0.1", "mobile")


def test_an_interrupt_reaches_what_has_started_the_browser(tmp_path: Path) -> None:
    for name in ("npx", "chromium"):
        (tmp_path / name).write_text(NPX)
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    with subprocess.Popen(
        [sys.executable, "-c", AUDIT], cwd=ROOT, env=os.environ | {"PATH": path}, stderr=subprocess.DEVNULL
    ) as audited:
        try:
            wait_until((tmp_path / "npx.begun").exists)
            audited.send_signal(signal.SIGINT)
            wait_until(lambda: audited.poll() is not None)
        finally:
            audited.kill()
    assert (tmp_path / "npx.interrupted").exists()


def test_scores_are_of_a_hundred_and_the_first_paint_is_in_seconds() -> None:
    scored = {"categories": {name: {"score": 0.97} for name in CATEGORIES}}
    report = {**scored, "audits": {"first-contentful-paint": {"numericValue": 1123.4}}}
    without = {**scored, "audits": {"first-contentful-paint": {"errorMessage": "NO_FCP"}}}
    rows = table({"mobile": read(report), "desktop": read(without)}).rows
    assert rows == [("mobile", *["97"] * 4, "1.1"), ("desktop", *["97"] * 4, "–")]
