"""Credentials in the history: every line that a commit has ever added, and every message."""

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.core.scan import scan_line
from detect_secrets.settings import transient_settings

from infrastructure.local.settings import ROOT

# Those that know the form of a credential. The others call every hash and every word "secret" one.
GUESSES = {"Base64HighEntropyString", "HexHighEntropyString", "KeywordDetector", "IPPublicDetector"}
# Merges, too, against each of their parents; and what came and went on a branch before it was merged.
WHOLE = ["--all", "--full-history", "-m"]
OURS = f"safe.directory={ROOT}"  # also where a checkout is mounted that another user owns
SHOWN = ["--patch", "--unified=0", "--no-color", "--no-ext-diff"]
LOG = ["git", "-c", OURS, "log", *WHOLE, *SHOWN, "--", ".", ":!*.lock"]


def history(repository: Path = ROOT) -> Iterator[str]:
    """Yield what the commits of all branches have added, with their messages."""
    text = subprocess.run(LOG, cwd=repository, capture_output=True, check=True).stdout.decode(
        errors="replace"
    )
    return (line.removeprefix("+") for line in text.splitlines() if not line.startswith("-"))


def credentials(lines: Iterable[str]) -> list[str]:
    """Return the kind of each credential that the lines hold, with where it begins."""
    kinds: Iterable[type] = get_mapping_from_secret_type_to_class().values()
    plugins = [{"name": kind.__name__} for kind in kinds if kind.__name__ not in GUESSES]
    with transient_settings({"plugins_used": plugins, "filters_used": []}):
        return [f"{found.type}: {line[:40]}…" for line in sorted(set(lines)) for found in scan_line(line)]
