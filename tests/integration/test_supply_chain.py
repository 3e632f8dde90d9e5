"""What ships, and what was committed, is as it may be."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.supply_chain.licences import installed, is_fine, not_fine
from tests.supply_chain.secrets import credentials, history
from tests.supply_chain.vulnerabilities import pinned


def test_all_that_is_installed_has_a_licence_that_is_fine() -> None:
    assert not_fine(installed()) == []


@pytest.mark.parametrize("said", ["", "GPL-3.0-only", "MIT AND AGPL-3.0-only", "Proprietary"])
def test_a_licence_that_is_not_known_to_be_fine_is_not(said: str) -> None:
    assert not is_fine("package", said)


def test_no_credentials_were_ever_committed() -> None:
    assert credentials(history()) == []


def test_what_came_and_went_on_a_branch_and_what_a_merge_added_is_history(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
        nobodys = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}  # no hooks, no signatures
        command = ["git", *identity, *words]
        subprocess.run(command, cwd=tmp_path, env=os.environ | nobodys, check=True, capture_output=True)

    def commit(text: str) -> None:
        (tmp_path / "file").write_text(text)
        git("add", "file")
        git("commit", "-m", "a commit")

    git("init", "-b", "main")
    commit("at first")
    git("checkout", "-b", "branch")
    commit("gone again")
    commit("at first")
    git("checkout", "main")
    git("merge", "--no-ff", "--no-commit", "branch")
    commit("by the merge alone")
    assert {"gone again", "by the merge alone"} <= {*history(tmp_path)}


@pytest.mark.parametrize(
    "line",
    [
        "key = 'AKIA" + "Q4N7ZP2M9X3W8T5V'",
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "https://somebody:" + "hunter2hunter2@host/",
        "ghp_" + "a1B2" * 9,
    ],
)
def test_credentials_are_recognized(line: str) -> None:
    assert len(credentials([line])) == 1


def test_everything_pinned_is_audited() -> None:
    names = {line.split("==")[0] for line in pinned()}
    assert {"urllib3", "pillow", "localstack-core", "checkov", "pip-audit"} <= names
