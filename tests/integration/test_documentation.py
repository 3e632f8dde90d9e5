"""What the pages say to type works, in the order of the page, against the system that `make run` starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infrastructure.local.parts import store_environment
from infrastructure.local.settings import ROOT, Settings
from infrastructure.local.stack import Stack, run_accuracy_job
from tests.documents import RUN, Snippet, snippets

SAID = {"README.md": ('"predicted": 2', '"true": 2')}  # by the page's first snippet


@pytest.fixture(scope="module")
def environment(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return that of a person who has set up all, beside a system that has made a report."""
    run_accuracy_job(stack.settings, stack.credentials)
    home = tmp_path_factory.mktemp("curl")
    (home / ".curlrc").write_text("fail-with-body\n")
    store = store_environment(stack.settings, stack.credentials)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, **store, "CURL_HOME": str(home), "PATH": path}


@pytest.mark.parametrize(
    "snippet", [each for each in snippets() if each.kind in RUN], ids=lambda snippet: snippet.page
)
def test_what_a_page_says_to_type_works(snippet: Snippet, stack: Stack, environment: dict[str, str]) -> None:
    words = ["bash", "-euo", "pipefail"] if snippet.kind == "bash" else [sys.executable, "-W", "error"]
    code = moved(snippet.code, stack.settings)
    ran = subprocess.run(
        [*words, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for said in SAID.get(snippet.page, ()):
        assert said in ran.stdout


def moved(code: str, settings: Settings) -> str:
    """Return the code with the addresses of this system."""
    for default, here in (
        (Settings().api_url, settings.api_url),
        (Settings().inference_url, settings.inference_url),
    ):
        code = code.replace(default, here)
    return code
