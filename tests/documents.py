"""The pages that tell people what to do, and the snippets in them.

The info string of a fence says what becomes of it. `bash` and `python` run in a test, `bash aws` needs an
account, `bash long` runs until it is stopped, or for minutes. `text` and `json` are no commands.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from infrastructure.local.settings import ROOT

PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("[!.]*/README.md")]
)
RUN = {"bash", "python"}
MARKED = {"bash aws", "bash long"}
NO_COMMANDS = {"text", "json"}
FENCE = re.compile(r"^ *```(.*)\n((?:.*\n)*?) *```$", re.MULTILINE)


class Snippet(NamedTuple):
    page: str  # relative to the root
    kind: str  # the info string
    code: str


def snippets() -> list[Snippet]:
    return [snippet for page in PAGES for snippet in snippets_of(page)]


def snippets_of(page: Path) -> Iterator[Snippet]:
    for kind, code in FENCE.findall(page.read_text(encoding="utf-8")):
        yield Snippet(str(page.relative_to(ROOT)), kind, code)


def prose(page: Path) -> str:
    """Return the page without its fences."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))
