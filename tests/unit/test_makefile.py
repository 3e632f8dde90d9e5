"""What make makes of its variables."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from infrastructure.local.settings import ROOT

# What pip makes no script of; its own, which is but looked for; and one that is installed in the same line.
BINARIES = {"python", "activate", "ruff", "weed", "uv", "pip", "pre-commit"}


def without_make() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}


def would_run(target: str, *given: str, inherited: Mapping[str, str] | None = None) -> list[str]:
    """Return the words of what `make TARGET` would run, were all set up."""
    made = {".venv/bin/pip", ".venv/run.stamp", ".venv/dev.stamp", ".venv-audit/stamp"} - {target}
    make = subprocess.run(
        ["make", "-n", *(f"--old-file={stamp}" for stamp in made), target, *given],
        cwd=ROOT,
        env=without_make() | dict(inherited or {}),
        capture_output=True,
        text=True,
        check=True,
    )
    return make.stdout.split()


SWITCHES = [
    ("destroy", "YES", "--yes"),
    ("destroy", "DELETE_DATA", "--delete-data"),
    ("deploy", "REBUILD", "--rebuild"),
    ("bench", "FULL", "--full"),
    ("lock", "UPGRADE", "--upgrade"),
]


@pytest.mark.parametrize(("target", "variable", "flag"), SWITCHES)
def test_a_switch_is_on_with_1_and_with_nothing_else(target: str, variable: str, flag: str) -> None:
    assert flag in would_run(target, f"{variable}=1")
    for off in ("", "0", "no", "false"):
        assert flag not in would_run(target, f"{variable}={off}")


def test_data_is_deleted_only_if_the_command_line_says_so() -> None:
    assert "--delete-data" not in would_run("destroy", inherited={"DELETE_DATA": "1"})


@pytest.mark.parametrize("name", ["localstack", "checkov", "audit"])
def test_one_python_makes_every_environment(name: str) -> None:
    stamp = f".venv-{name}/stamp"
    words = would_run(stamp, "-W", f"tests/{name}-requirements.lock", "PYTHON=python3.0")
    assert f".venv-{name}" in words
    assert "python3.0" not in words


@pytest.mark.parametrize(("finds_its_packages", "again"), [(0, False), (1, True)])
def test_what_a_python_that_was_upgraded_no_longer_finds_is_set_up_again(
    finds_its_packages: int, tmp_path: Path, *, again: bool
) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("infrastructure/requirements.lock", "inference_image/requirements.txt"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (python := tmp_path / ".venv/bin/python").write_text(f"#!/bin/sh\nexit {finds_its_packages}\n")
    python.chmod(0o755)
    for name in ("bin/pip", "run.stamp"):
        (tmp_path / ".venv" / name).touch()
    make = ["make", "-n", ".venv/run.stamp"]
    made = subprocess.run(make, cwd=tmp_path, env=without_make(), capture_output=True, text=True, check=True)
    assert ("-m venv --clear .venv" in made.stdout) == again


def test_nothing_runs_a_script_that_names_the_folder_which_it_was_installed_in() -> None:
    ours = f"safe.directory={ROOT}"
    listed = subprocess.run(
        ["git", "-c", ours, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = [
        ROOT / name for name in listed.stdout.split("\0") if re.search(r"(Makefile|\.(md|ya?ml|py))$", name)
    ]
    named = {
        name
        for file in files
        for name in re.findall(r"\.venv[\w-]*/bin/([\w-]+)|with_name\(\"([\w-]+)\"\)", file.read_text())
    }
    assert {script or beside for script, beside in named} <= BINARIES
