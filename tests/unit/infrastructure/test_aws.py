"""What of a deployment needs no AWS: names, types, sizes, prices, steps."""

import dataclasses
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from accuracy_job import package
from infrastructure import deployment
from infrastructure.aws import account, functions, image, instances, job, prices, site, steps
from infrastructure.aws.__main__ import main
from infrastructure.aws.errors import DeploymentError, answered_by_aws
from infrastructure.aws.stages import STAGES
from infrastructure.local.settings import ROOT

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_service_quotas import ServiceQuotasClient


def test_every_file_of_the_page_has_a_type() -> None:
    for path in site.FOLDER.rglob("*"):
        assert path.is_dir() or site.media_type(path.name)


def test_a_file_of_an_unknown_kind_is_named() -> None:
    with pytest.raises(DeploymentError, match=r"photo\.xyz.*\.xyz"):
        site.media_type("photo.xyz")


def test_outputs_become_variables_by_a_fixed_rule() -> None:
    outputs = {"EnvironmentInferenceUrl": "http://m", "EnvironmentBucket": "b", "Topic": "t"}
    assert functions.environment(outputs) == {"LEGIBLE_INFERENCE_URL": "http://m", "LEGIBLE_BUCKET": "b"}


def test_functions_are_named_as_chalice_names_them() -> None:
    assert functions.function_name("dev", "api_handler") == "legible-dev"
    assert functions.function_name("dev", "sweep") == "legible-dev-sweep"


def test_the_same_files_have_the_same_tag_and_others_another(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    before = image.content_tag(tmp_path)
    assert before == image.content_tag(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_bytes(b"")
    assert image.content_tag(tmp_path) == before
    (tmp_path / "a").rename(tmp_path / "b")
    assert image.content_tag(tmp_path) != before


def test_the_functions_code_can_be_read_by_everybody_whatever_the_checkouts_modes(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        deployment.prepare(tmp_path, "dev", {"LEGIBLE_BUCKET": "b"})
    finally:
        os.umask(before)
    code = [tmp_path / "app.py", tmp_path / "vendor", *(tmp_path / "vendor").rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in code if path.is_file()} == {0o644}
    assert {path.stat().st_mode & 0o777 for path in code if path.is_dir()} == {0o755}


def test_the_image_can_be_read_by_its_user_whatever_the_checkouts_modes() -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) /srv", image.DOCKERFILE.read_text(), re.MULTILINE)
    assert copied == ["inference_image"]


def test_an_image_is_pushed_without_attestations_that_would_count_as_images(tmp_path: Path) -> None:
    engine = tmp_path / "docker"
    engine.write_text('#!/bin/sh\ntest "$BUILDX_NO_DEFAULT_ATTESTATIONS" = 1\n')
    engine.chmod(0o755)
    image.ContainerEngine(str(engine)).build("tag")


def test_a_missing_package_of_the_job_is_said_to_be_and_how_it_is_made(tmp_path: Path) -> None:
    (tmp_path / "main.py").touch()
    with pytest.raises(DeploymentError, match=r"lacks job.zip, environment.tar.gz .* accuracy_job.emr build"):
        job.Package.find(tmp_path)


@pytest.fixture
def package_folder(tmp_path: Path) -> Path:
    (tmp_path / "environment.tar.gz").write_text("an interpreter")
    for name, content in package.files().items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_a_package_has_a_key_that_follows_from_its_content(package_folder: Path) -> None:
    before = job.Package.find(package_folder).key()
    assert before == job.Package.find(package_folder).key()
    (package_folder / "environment.tar.gz").write_text("another one")
    assert job.Package.find(package_folder).key() != before


def test_a_refused_upload_is_said_to_be(package_folder: Path) -> None:
    s3 = boto3.client("s3", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(s3) as stub:
        stub.add_response("list_objects_v2", {})
        stub.add_client_error("put_object", "ExpiredToken", "the token has expired")
        with (
            pytest.raises(DeploymentError, match=r"ExpiredToken.*: the token has expired"),
            answered_by_aws(),
        ):
            job.Package(package_folder).upload(s3, "bucket")


@pytest.mark.parametrize("name", package.files())
def test_a_package_of_other_code_or_requirements_is_refused_with_how_it_is_made(
    package_folder: Path, name: str
) -> None:
    (package_folder / name).write_text("of last month")
    with pytest.raises(DeploymentError, match=rf"not of this code: {name}\. .* accuracy_job\.emr build"):
        job.Package.find(package_folder)


def test_an_unknown_stage_is_answered_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["status", "--stage", "test"])
    message = capsys.readouterr().err.splitlines()[-1]
    assert all(stage in message for stage in STAGES)


def test_a_nat_gateway_costs_itself_and_its_address_and_saves_those_of_the_instances() -> None:
    prod = STAGES["prod"]
    without = prices.at_rest(prod)
    with_nat = prices.at_rest(dataclasses.replace(prod, nat=True))
    saved = {item.price: item.quantity for item in without if item not in with_nat}
    added = {item.price: item.quantity for item in with_nat if item not in without}
    assert saved == {"public IPv4 address hour": prod.min_instances * prices.HOURS}
    assert added == {"NAT gateway hour": prices.HOURS, "public IPv4 address hour": prices.HOURS}


def test_a_failed_step_is_named_with_its_advice_and_ends_the_deployment() -> None:
    def fail() -> str:
        raise DeploymentError("no room")

    said: list[str] = []
    todo = [
        steps.Step("Making room", fail, "Clean up."),
        steps.Step("Moving in", lambda: said.append("moved") or "", ""),  # type: ignore[func-returns-value]  # tells
    ]
    with pytest.raises(DeploymentError, match=r"Making room failed: no room\nClean up\."):
        steps.run(todo, said.append)
    assert said == ["Making room …"]


class Quotas:
    """An account to which one quota was applied; to all else AWS's own, 10, applies."""

    def __init__(self, code: str, error: str = "NoSuchResourceException") -> None:
        self._code = code
        self._error = error

    def get_service_quota(self, ServiceCode: str, QuotaCode: str) -> dict[str, Any]:  # noqa: N803
        if QuotaCode == self._code:
            return {"Quota": {"Value": 20.0}}
        raise ClientError({"Error": {"Code": self._error, "Message": ServiceCode}}, "GetServiceQuota")

    def get_aws_default_service_quota(self, **_code: str) -> dict[str, Any]:
        return {"Quota": {"Value": 10.0}}


def test_where_no_quota_was_applied_awss_own_holds() -> None:
    quotas = cast("ServiceQuotasClient", Quotas(account.NETWORKS.code))
    assert account.NETWORKS.short_of(20, quotas) is None
    assert account.FUNCTIONS.short_of(10, quotas) is None
    assert str(account.FUNCTIONS.short_of(11, quotas)).startswith("10 concurrent executions of Lambda are")


def test_what_else_aws_says_of_a_quota_is_no_answer() -> None:
    quotas = cast("ServiceQuotasClient", Quotas("", "AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        account.FUNCTIONS.short_of(1, quotas)


class Scaling:
    """A group of instances in these states, which refuses what AWS refuses."""

    def __init__(self, *states: str) -> None:
        self.states = {f"i-{number}": state for number, state in enumerate(states)}
        self.released: list[str] = []

    def describe_auto_scaling_groups(self, AutoScalingGroupNames: list[str]) -> dict[str, Any]:  # noqa: N803
        instances = [{"InstanceId": id, "LifecycleState": state} for id, state in self.states.items()]
        return {"AutoScalingGroups": [{"Instances": instances} for _ in AutoScalingGroupNames]}

    def update_auto_scaling_group(self, **_settings: object) -> None: ...

    def set_instance_protection(self, InstanceIds: list[str], **_settings: object) -> None:  # noqa: N803
        assert {self.states[id] for id in InstanceIds} == {"InService"}
        self.released += InstanceIds


@pytest.mark.parametrize(
    ("states", "released"), [(("Terminating", "InService", "Pending"), ["i-1"]), (("Pending",), []), ((), [])]
)
def test_only_instances_in_service_are_released(states: tuple[str, ...], released: list[str]) -> None:
    scaling = Scaling(*states)
    assert instances.release(cast("AutoScalingClient", scaling), "group") == len(released)
    assert scaling.released == released


class Scheduler:
    """A schedule of one request."""

    def get_schedule(self, Name: str) -> dict[str, Any]:  # noqa: N803  boto3's, as below
        return {"Target": {"Input": json.dumps({"ApplicationId": Name})}}


class Emr:
    """An application whose one run goes through these states."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)

    def start_job_run(self, applicationId: str, clientToken: str) -> dict[str, str]:  # noqa: N803
        assert clientToken
        return {"applicationId": applicationId, "jobRunId": "1"}

    def get_job_run(self, **_run: str) -> dict[str, Any]:
        return {"jobRun": {"state": self.states.pop(0), "stateDetails": "no memory"}}


def run_job(emr: Emr) -> float:
    """Run the job; return how long that took."""
    waited: list[float] = []
    scheduler, client = cast("EventBridgeSchedulerClient", Scheduler()), cast("EMRServerlessClient", emr)
    job.run(scheduler, client, "nightly", waited.append)
    return sum(waited)


def test_the_job_is_waited_for_until_it_has_ended() -> None:
    assert run_job(Emr("SUBMITTED", "RUNNING", "SUCCESS")) == 2 * job.POLL_SECONDS


@pytest.mark.parametrize("end", ["FAILED", "CANCELLED"])
def test_a_job_that_did_not_succeed_is_said_to_with_the_reason(end: str) -> None:
    with pytest.raises(DeploymentError, match=f"ended as {end}: no memory"):
        run_job(Emr("RUNNING", end))


@pytest.mark.parametrize("variables", [{}, {"AWS_DEFAULT_REGION": ""}])
def test_without_a_region_the_command_says_what_to_set(
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert main(["status", "--stage", "dev"]) == 1
    assert "AWS_DEFAULT_REGION" in capsys.readouterr().out


def test_every_command_and_step_is_in_the_docs() -> None:
    docs = (ROOT / "docs" / "aws.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for command in ("plan", "deploy", "status", "destroy"):
        assert f"make {command} STAGE=dev" in docs
        assert f"\n{command}: " in makefile
    recipe = (ROOT / "infrastructure" / "aws" / "release.py").read_text()
    named = re.findall(r'Step\(\s*"([^"]+)"', recipe)
    assert len(named) > 10
    assert all(f"| {name} |" in docs for name in named)


def test_the_costs_in_the_docs_are_those_that_the_plan_prints() -> None:
    docs = (ROOT / "docs" / "aws.md").read_text()
    for stage in STAGES.values():
        assert f"**{prices.total(prices.at_rest(stage)):.2f}**" in docs
    items = prices.per_million()
    assert f"**{prices.total(items):.2f}**" in docs
    for item in items:
        assert f"| {item.what} | {item.dollars:.2f} |" in docs
    writes = sum(item.dollars for item in items if item.price == "S3 write")
    share = round(100 * writes / prices.total(items))
    assert f"{share} % of the costs per image are writes to S3" in docs
