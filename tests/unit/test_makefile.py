"""What make makes of its variables."""

import os
import subprocess
from collections.abc import Mapping

import pytest

from infrastructure.local.settings import ROOT


def would_run(target: str, *given: str, inherited: Mapping[str, str] | None = None) -> list[str]:
    """Return the words of what `make TARGET` would run, were all set up."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    made = {".venv/bin/pip", ".venv/run.stamp", ".venv/dev.stamp", ".venv-audit/stamp"} - {target}
    make = subprocess.run(
        ["make", "-n", *(f"--old-file={stamp}" for stamp in made), target, *given],
        cwd=ROOT,
        env=environment | dict(inherited or {}),
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
