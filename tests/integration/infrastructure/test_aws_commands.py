"""`python -m infrastructure.aws` as a person types it, where nothing is yet; and the engine that it calls."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference_image.model import Model
from infrastructure.aws import prices, templates
from infrastructure.aws.errors import DeploymentError
from infrastructure.aws.image import DOCKERFILE, PLATFORM, ContainerEngine
from infrastructure.aws.stages import STAGES
from infrastructure.local.settings import ROOT
from tests.integration.infrastructure.aws_account import moto_server
from tests.processes import started
from tests.unit.infrastructure.cloudformation import REGION
from tests.waiting import PATIENCE_SECONDS

ENGINE = """#!/bin/sh
echo "$@" >> "$0.calls"
if [ "$1" = login ]; then cat > "$0.password"; fi
if [ "$1" = push ] && [ -e "$0.broken" ]; then echo "the disk is full" >&2; exit 1; fi
"""


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield the variables by which the commands find an empty account."""
    with moto_server(tmp_path_factory.mktemp("moto")) as address:
        yield {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
        }


def command(account: dict[str, str], *arguments: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "infrastructure.aws", *arguments, "--stage", "dev"],
        cwd=ROOT,
        env=os.environ | account,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_plan_lists_what_would_be_made_and_what_it_costs(account: dict[str, str]) -> None:
    done = command(account, "plan")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"legible-dev-data: {len(templates.additions('data'))} changes" in done.stdout
    assert "Add Bucket (AWS::S3::Bucket)" in done.stdout
    assert f"{prices.total(prices.at_rest(STAGES['dev'])):.2f}" in done.stdout


def test_the_status_of_what_is_not_there_says_so(account: dict[str, str]) -> None:
    done = command(account, "status")
    assert (done.returncode, done.stdout.count("not there")) == (0, 3), done.stdout + done.stderr


def test_an_endpoint_without_a_scheme_is_named(account: dict[str, str]) -> None:
    done = command(account | {"AWS_ENDPOINT_URL": "localhost:4566"}, "status")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "Invalid endpoint: localhost:4566. It begins with http:// or https://.\n"


@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [
        ("prod\n", 1, "Nothing was removed."),
        ("", 1, "Nothing was removed."),
        ("dev\n", 0, "legible-dev is gone"),
    ],
)
def test_a_stage_is_destroyed_only_if_its_name_is_typed(
    account: dict[str, str], typed: str, status: int, said: str
) -> None:
    done = command(account, "destroy", typed=typed)
    assert (done.returncode, done.stderr) == (status, ""), done.stdout + done.stderr
    assert said in done.stdout


def test_a_command_that_is_stopped_says_how_to_go_on(account: dict[str, str]) -> None:
    words = [sys.executable, "-m", "infrastructure.aws", "destroy", "--stage", "dev"]
    with started(words, os.environ | account, stdin=subprocess.PIPE) as process:
        assert process.stdout
        said = more = process.stdout.read(1)
        while more and "Type its name" not in said:
            said += (more := process.stdout.read(1))
        process.terminate()
        rest, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert "Run the same command again" in rest


def test_a_deployment_that_cannot_begin_is_a_line_and_a_status(account: dict[str, str]) -> None:
    done = command(account, "deploy")
    assert (done.returncode, done.stderr) == (1, "")
    assert "Checking the account and this machine failed" in done.stdout
    assert "Nothing has been changed." in done.stdout


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a `docker` that notes what it is called with."""
    docker = tmp_path / "docker"
    docker.write_text(ENGINE)
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return docker


def test_the_engine_builds_for_the_platform_of_the_instances_and_pushes_logged_in(engine: Path) -> None:
    found = ContainerEngine.find()
    found.build("registry/model:1")
    found.push("registry/model:1", "AWS", "secret")
    info, build, *pushing = engine.with_name("docker.calls").read_text().splitlines()
    assert (found.name, info) == ("docker", "info")
    labels = f"--build-arg=VERSION=1 --build-arg=MODEL={Model.load().version}"
    names = f"--file {DOCKERFILE} --tag registry/model:1 {labels}"
    assert build == f"build --pull --platform {PLATFORM} {names} {ROOT}"
    login = "login --username AWS --password-stdin registry"
    assert pushing == [login, "push registry/model:1", "logout registry"]
    assert engine.with_name("docker.password").read_text() == "secret"  # and so in no list of processes


def test_a_push_that_fails_says_why_and_leaves_nobody_logged_in(engine: Path) -> None:
    engine.with_name("docker.broken").touch()
    with pytest.raises(DeploymentError, match="docker push: the disk is full"):
        ContainerEngine("docker").push("registry/model:1", "AWS", "secret")
    assert engine.with_name("docker.calls").read_text().splitlines()[-1] == "logout registry"


def test_without_an_engine_it_is_said_what_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeploymentError, match="Neither Docker nor podman answers"):
        ContainerEngine.find()
