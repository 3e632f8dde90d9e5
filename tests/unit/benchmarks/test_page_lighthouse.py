from pathlib import Path

import pytest

from benchmarks.page_lighthouse import audit
from benchmarks.results import UnavailableError


def test_without_a_browser_the_audit_says_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="Chromium is needed"):
        audit("http://127.0.0.1", "mobile")
