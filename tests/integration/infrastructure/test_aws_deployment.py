"""The order of calls of deploy, redeploy, interrupted deploy and destroy, against emulated services."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from accuracy_job.package import files
from infrastructure.aws import account, functions, image, job, steps
from infrastructure.aws.errors import DeploymentError
from infrastructure.aws.release import Release
from infrastructure.aws.stages import STAGES
from infrastructure.aws.status import rows
from infrastructure.aws.teardown import Teardown
from infrastructure.local.settings import ROOT
from tests.integration.infrastructure.aws_account import (
    Account,
    Api,
    Interrupted,
    Moto,
    Registry,
    moto_server,
)

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_emr_serverless import EMRServerlessClient

DEV = STAGES["dev"]
STRIDE = 11  # between the calls that a deployment is interrupted at; 1 takes minutes


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    with moto_server(tmp_path_factory.mktemp("moto")) as address:
        yield Moto(address)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> job.Package:
    folder = tmp_path_factory.mktemp("package")
    (folder / "environment.tar.gz").write_text("an interpreter")
    for name, content in files().items():
        (folder / name).write_bytes(content)
    return job.Package.find(folder)


class Deployment:
    """A person at a keyboard, who deploys and destroys one stage of one account."""

    def __init__(self, moto: Moto, package: job.Package) -> None:
        self.account = Account(moto)
        self.registry = Registry(self.account)
        self.api = Api(self.account)
        self.tried: list[str] = []
        self.said: list[str] = []
        self._package = package

    def release(self) -> Release:
        return Release(
            DEV,
            self.account.clients,
            engine=lambda: self.registry,
            api=lambda _bucket: self.api,
            package=lambda: self._package,
            try_out=self._try_out,
            wait=self.account.wait,
        )

    def deploy(self) -> list[str]:
        """Deploy; return the calls that have changed something."""
        return self._run(self.release().steps())

    def destroy(self, *, delete_data: bool = False) -> list[str]:
        calls = self._run(Teardown(DEV, self.account.clients, delete_data, self.account.wait).steps())
        self.api.id = ""
        return calls

    def deploy_interrupted_at(self, number: int) -> bool:
        """Deploy, but only to the call of this number; return whether it came that far."""
        self.account.asked, self.account.interrupt_at = 0, number
        try:
            self.deploy()
        except Interrupted:
            return True
        finally:
            self.account.interrupt_at = None
        return False

    def there(self) -> dict[str, object]:
        """Return all that there is, but for generated names."""
        s3, ecs = self.account.client("s3"), self.account.client("ecs")
        clusters = ecs.describe_clusters(clusters=ecs.list_clusters()["clusterArns"])["clusters"]
        objects = {
            (item["Name"].rpartition("-")[0], entry["Key"])
            for item in s3.list_buckets()["Buckets"]
            for entry in s3.list_objects_v2(Bucket=item["Name"]).get("Contents", [])
        }
        groups = self.account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        return {
            "stacks": self.account.stacks.names(),
            "resources": self.account.stacks.resources(),
            "objects": objects,
            "clusters": sum(cluster["status"] == "ACTIVE" for cluster in clusters),
            "instances": sum(len(group["Instances"]) for group in groups),
            "repositories": len(self.account.client("ecr").describe_repositories()["repositories"]),
            "api": self.api.id,
            "variables": sorted(self.api.variables),
        }

    def versions_of_packages(self) -> list[str]:
        """Return the versions of all that was uploaded of the accuracy job."""
        s3, bucket = self.account.client("s3"), self.release().stacks.outputs("legible-dev-foundation")
        found = s3.list_object_versions(Bucket=bucket["ArtefactBucket"], Prefix="job/")
        return [version["VersionId"] for version in found["Versions"]]

    def _run(self, todo: list[steps.Step]) -> list[str]:
        self.account.calls.clear()
        steps.run(todo, self.said.append)
        return list(self.account.calls)

    def _try_out(self, page: str, run_job: Callable[[], None]) -> str:
        self.account.ask("visitor.try_out")
        self.tried.append(page)
        self.run_job = run_job
        return "it works"


@pytest.fixture
def deployment(moto: Moto, package: job.Package) -> Deployment:
    return Deployment(moto, package)


def in_order(calls: list[str], expected: list[str]) -> bool:
    """Tell whether the expected calls are among the calls, in their order."""
    rest = iter(calls)
    return all(any(call.startswith(wanted) for call in rest) for wanted in expected)


ORDER = [
    "iam.CreateServiceLinkedRole",
    "cloudformation.ExecuteChangeSet legible-dev-data",
    "cloudformation.UpdateTerminationProtection",
    "cloudformation.ExecuteChangeSet legible-dev-foundation",
    "engine.push",
    "s3.PutObject",
    "cloudformation.ExecuteChangeSet legible-dev",
    "chalice.deploy",
    "cloudformation.ExecuteChangeSet legible-dev",
    "s3.PutObject",
    "cloudfront.CreateInvalidation",
]


def test_an_empty_account_gets_a_whole_stage_in_the_order_that_each_part_needs(
    deployment: Deployment,
) -> None:
    calls = deployment.deploy()
    assert in_order(calls, ORDER)
    assert deployment.account.stacks.names() == dict.fromkeys(
        ("legible-dev-data", "legible-dev-foundation"), "CREATE_COMPLETE"
    ) | {"legible-dev": "UPDATE_COMPLETE"}
    assert deployment.registry.pushed == [image.content_tag()]
    assert deployment.api.variables["LEGIBLE_PAGE_ORIGIN"] == deployment.tried[0]
    assert deployment.tried[0].startswith("https://")
    assert deployment.api.network == {
        "subnet_ids": ["Network.PrivateSubnetA", "Network.PrivateSubnetB"],
        "security_group_ids": ["Network.FunctionGroup"],
    }


def test_the_last_check_starts_the_job_as_the_schedule_does(
    deployment: Deployment,
) -> None:
    deployment.deploy()
    deployment.run_job()
    emr = deployment.account.client("emr-serverless")
    (application,) = (item["id"] for item in emr.list_applications()["applications"])
    (run,) = emr.list_job_runs(applicationId=application)["jobRuns"]
    started = emr.get_job_run(applicationId=application, jobRunId=run["id"])["jobRun"]
    bucket = deployment.api.variables["LEGIBLE_BUCKET"]
    assert started["jobDriver"]["sparkSubmit"]["entryPointArguments"][0] == f"s3://{bucket}"
    assert run["executionRole"].endswith("role/Job.JobRole")


def test_each_step_says_what_it_did_and_how_long_it_took(deployment: Deployment) -> None:
    deployment.deploy()
    names = [step.name for step in deployment.release().steps()]
    assert [said.removesuffix(" …") for said in deployment.said[::2]] == names
    assert all(said.endswith(" s)") for said in deployment.said[1::2])


def test_a_second_deployment_changes_no_stack_builds_no_image_and_uploads_no_package(
    deployment: Deployment,
) -> None:
    deployment.deploy()
    before, packages = deployment.there(), deployment.versions_of_packages()
    calls = deployment.deploy()
    assert not [call for call in calls if "Execute" in call or "push" in call]
    assert deployment.there() == before
    assert deployment.versions_of_packages() == packages
    assert len(packages) == len(job.FILES)


def test_an_image_that_is_rebuilt_takes_the_place_of_the_one_of_the_same_files_for_good(
    deployment: Deployment,
) -> None:
    steps.run(deployment.release().steps()[:4], deployment.said.append)
    repository = deployment.release().stacks.outputs("legible-dev-foundation")["Repository"]
    ecr, registry, content = deployment.account.clients.ecr, deployment.registry, image.content_tag()
    first, _ = image.publish(ecr, repository, registry, content)
    second, was_built = image.publish(ecr, repository, registry, content, rebuilt="2026-12-01")
    assert was_built
    assert second != first
    assert image.publish(ecr, repository, registry, content, rebuilt="2026-12-01") == (second, False)
    assert image.publish(ecr, repository, registry, content) == (second, False)


def test_the_image_that_runs_is_tagged_as_released(deployment: Deployment) -> None:
    deployment.deploy()
    ecr = deployment.account.client("ecr")
    outputs = deployment.release().stacks.outputs("legible-dev-foundation")
    name, content = outputs["Repository"].partition("/")[2], image.content_tag()
    (found,) = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": content}])["imageDetails"]
    assert [tag.startswith(image.RELEASED) for tag in found["imageTags"] if tag != content] == [True]


def test_a_changed_template_changes_its_resources_and_nothing_else(deployment: Deployment) -> None:
    deployment.deploy()
    deployment.api.id = "d4e5f6"  # as if somebody had deleted the API: Chalice made another
    calls = deployment.deploy()
    assert [call for call in calls if "Execute" in call] == ["cloudformation.ExecuteChangeSet legible-dev"]
    assert deployment.release().plan()["legible-dev"] == []


def test_a_deployment_that_is_interrupted_at_any_call_ends_whole_when_it_is_repeated(
    moto: Moto, package: job.Package
) -> None:
    whole = Deployment(moto, package)
    whole.account.asked = 0
    whole.deploy()
    expected, count = whole.there(), whole.account.asked
    assert count > 50
    for number in range(0, count, STRIDE):
        deployment = Deployment(moto, package)
        assert deployment.deploy_interrupted_at(number)
        deployment.deploy()
        found = deployment.there()
        assert set(found["stacks"]) == set(expected["stacks"])  # type: ignore[call-overload]  # a mapping
        assert {**found, "stacks": None} == {**expected, "stacks": None}, f"interrupted at call {number}"


def test_a_release_that_fails_leaves_what_was_there_and_says_which_resource_and_what_to_do(
    deployment: Deployment,
) -> None:
    deployment.deploy()
    deployment.account.stacks.broken = {"Site.Distribution"}
    deployment.api.id = "d4e5f6"
    with pytest.raises(
        DeploymentError, match=r"(?s)Site.Distribution.*it is broken.*put back what was there"
    ):
        deployment.deploy()
    deployment.account.stacks.broken = set()
    deployment.deploy()
    assert deployment.account.stacks.names()["legible-dev"] == "UPDATE_COMPLETE"


def test_a_stack_whose_creation_failed_is_made_again(deployment: Deployment) -> None:
    deployment.account.stacks.broken = {"Inference.Service"}
    with pytest.raises(DeploymentError, match=r"legible-dev ended as ROLLBACK_FAILED"):
        deployment.deploy()  # its instances are protected
    deployment.account.stacks.broken = set()
    calls = deployment.deploy()
    assert in_order(
        calls, ["cloudformation.DeleteStack legible-dev", "cloudformation.ExecuteChangeSet legible-dev"]
    )
    assert deployment.tried


def test_an_account_without_room_is_left_alone(deployment: Deployment) -> None:
    deployment.account.quotas[account.INSTANCE_CPUS.code] = 0
    with pytest.raises(
        DeploymentError, match=r"(?s)vCPUs of On-Demand.*request-service-quota-increase.*Nothing"
    ):
        deployment.deploy()
    assert deployment.account.calls == []


def test_room_for_the_network_is_looked_for_whenever_the_stage_has_none(deployment: Deployment) -> None:
    full = len(deployment.account.client("ec2").describe_vpcs()["Vpcs"])
    deployment.account.stacks.broken = {"Network.PublicSubnetA"}
    with pytest.raises(DeploymentError, match="ROLLBACK_COMPLETE"):
        deployment.deploy()
    deployment.account.stacks.broken = set()
    deployment.account.quotas[account.NETWORKS.code] = full
    with pytest.raises(DeploymentError, match=r"(?s)networks \(VPCs\).*Nothing has been changed"):
        deployment.deploy()
    deployment.account.quotas[account.NETWORKS.code] = full + 1
    deployment.deploy()
    deployment.deploy()  # which needs no further one


def test_a_plan_for_an_empty_account_lists_everything_and_changes_nothing(deployment: Deployment) -> None:
    deployment.account.calls.clear()
    plan = deployment.release().plan()
    assert deployment.account.calls == []
    assert {change.action for changes in plan.values() for change in changes} == {"Add"}
    assert "AWS::ECS::Service" in {change.type for change in plan["legible-dev"]}


def test_a_plan_for_a_stage_whose_creation_failed_lists_everything(deployment: Deployment) -> None:
    whole = deployment.release().plan()
    deployment.account.stacks.broken = {"Site.Distribution"}
    with pytest.raises(DeploymentError):
        deployment.deploy()
    assert deployment.release().plan() == {**whole, "legible-dev-data": [], "legible-dev-foundation": []}


def test_a_plan_for_a_stage_that_is_as_it_should_be_is_empty(deployment: Deployment) -> None:
    deployment.deploy()
    assert list(deployment.release().plan().values()) == [[], [], []]


def test_a_plan_for_other_files_of_the_model_server_says_what_they_change(deployment: Deployment) -> None:
    deployment.deploy()
    ecr = deployment.account.client("ecr")
    (repository,) = (item["repositoryName"] for item in ecr.describe_repositories()["repositories"])
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": image.content_tag()}])
    plan = deployment.release().plan()
    assert plan["legible-dev-data"] == plan["legible-dev-foundation"] == []
    assert "AWS::ECS::TaskDefinition" in {change.type for change in plan["legible-dev"]}


def make_role(deployment: Deployment, bucket: str) -> str:
    """Make the API's role as Chalice does, for a data bucket; return its name, which all regions share."""
    iam, role = deployment.account.client("iam"), functions.role_name("dev", "api_handler")
    policy = (ROOT / ".chalice" / "policy-api.json").read_text().replace("BUCKET", bucket)
    iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")
    iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=policy)
    return role


def test_a_stage_that_is_in_another_region_is_not_deployed_a_second_time(deployment: Deployment) -> None:
    role = make_role(deployment, "legible-dev-data-elsewhere")
    with pytest.raises(DeploymentError, match=rf"(?s){role}.*give that region.*Nothing"):
        deployment.deploy()
    assert deployment.account.calls == []


def test_destroying_in_one_region_leaves_the_roles_of_another(deployment: Deployment) -> None:
    role = make_role(deployment, "legible-dev-data-elsewhere")
    deployment.destroy(delete_data=True)
    assert [role] == [found["RoleName"] for found in deployment.account.client("iam").list_roles()["Roles"]]
    assert any("another region" in said for said in deployment.said)


def test_a_regions_own_roles_hinder_no_deployment_and_go_with_the_stage(deployment: Deployment) -> None:
    deployment.deploy()
    role = make_role(deployment, deployment.api.variables["LEGIBLE_BUCKET"])
    deployment.deploy()
    assert "iam.DeleteRole" in deployment.destroy()
    assert role not in {found["RoleName"] for found in deployment.account.client("iam").list_roles()["Roles"]}


def test_a_destroyed_stage_leaves_the_data_and_nothing_else(deployment: Deployment) -> None:
    deployment.deploy()
    calls = deployment.destroy()
    expected = ["autoscaling.SetInstanceProtection", "cloudformation.DeleteStack legible-dev"]
    assert in_order(calls, [*expected, "cloudformation.DeleteStack legible-dev-foundation"])
    there = deployment.there()
    assert there["stacks"] == {"legible-dev-data": "CREATE_COMPLETE"}
    assert there["resources"] == {"Bucket": "AWS::S3::Bucket", "TlsOnly": "AWS::S3::BucketPolicy"}
    assert (there["clusters"], there["instances"], there["repositories"]) == (0, 0, 0)


class BusyApplication:
    """moto's application with jobs, which end a while after they are cancelled; it stops a while later."""

    def __init__(self, client: "EMRServerlessClient", *runs: str) -> None:
        self.exceptions = client.exceptions
        self._client = client
        self._looks_until_stopped = 0
        self.runs = dict.fromkeys(runs, "RUNNING")

    def list_job_runs(self, states: list[str], **_of: str) -> dict[str, list[dict[str, str]]]:
        found = [{"id": id, "state": state} for id, state in self.runs.items() if state in states]
        return {"jobRuns": found}

    def cancel_job_run(self, jobRunId: str, **_of: str) -> None:  # noqa: N803  boto3's
        assert self.runs[jobRunId] == "RUNNING"
        self.runs[jobRunId] = "CANCELLING"

    def stop_application(self, applicationId: str) -> None:  # noqa: N803  likewise
        assert set(self.runs.values()) == {"CANCELLED"}
        assert not self._looks_until_stopped, "an application that is stopping cannot be stopped"
        self._looks_until_stopped = 2
        self._client.stop_application(applicationId=applicationId)

    def get_application(self, applicationId: str) -> dict[str, dict[str, Any]]:  # noqa: N803  likewise
        found = self._client.get_application(applicationId=applicationId)
        self._looks_until_stopped = max(0, self._looks_until_stopped - 1)
        if self._looks_until_stopped:
            found["application"]["state"] = "STOPPING"
        return cast("dict[str, dict[str, Any]]", found)


def test_a_job_that_runs_is_cancelled_before_its_application_is_stopped(deployment: Deployment) -> None:
    deployment.deploy()
    emr, looks = BusyApplication(deployment.account.clients.emr, "nightly", "last check"), 0

    def wait(seconds: float) -> None:
        nonlocal looks
        looks += "CANCELLING" in emr.runs.values()
        if looks == 2:
            emr.runs = dict.fromkeys(emr.runs, "CANCELLED")
        deployment.account.wait(seconds)

    clients = replace(deployment.account.clients, emr=cast("EMRServerlessClient", emr))
    steps.run(Teardown(DEV, clients, delete_data=False, wait=wait).steps(), deployment.said.append)
    assert looks >= 2
    assert deployment.account.stacks.names() == {"legible-dev-data": "CREATE_COMPLETE"}


class GoneApplication:
    """EMR after somebody has deleted the application by hand."""

    def __init__(self, client: "EMRServerlessClient") -> None:
        self.exceptions = client.exceptions

    def get_application(self, applicationId: str) -> None:  # noqa: N803  boto3's
        raise self.exceptions.ResourceNotFoundException(
            {"Error": {"Message": applicationId}}, "GetApplication"
        )


def test_an_application_that_is_gone_already_keeps_nothing_from_being_removed(deployment: Deployment) -> None:
    deployment.deploy()
    client = deployment.account.clients.emr
    for application in client.list_applications()["applications"]:
        client.stop_application(applicationId=application["id"])  # of moto's, which CloudFormation deletes
    emr = GoneApplication(client)
    clients = replace(deployment.account.clients, emr=cast("EMRServerlessClient", emr))
    wait = deployment.account.wait
    steps.run(Teardown(DEV, clients, delete_data=False, wait=wait).steps(), deployment.said.append)
    assert deployment.account.stacks.names() == {"legible-dev-data": "CREATE_COMPLETE"}


class SlowLambda:
    """An EC2 where Lambda holds an interface for some looks; it needs the function's role to give it back."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def describe_network_interfaces(self, **_filters: object) -> dict[str, list[dict[str, str]]]:
        return {"NetworkInterfaces": [{"Status": "in-use"}] if self.looks else []}


def test_roles_stay_until_lambda_has_given_the_networks_addresses_back(deployment: Deployment) -> None:
    deployment.deploy()
    iam, ec2, role = deployment.account.client("iam"), SlowLambda(looks=3), "legible-dev-sweep"
    iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")

    def roles() -> list[str]:
        return [found["RoleName"] for found in iam.list_roles()["Roles"]]

    def wait(seconds: float) -> None:
        if ec2.looks:
            assert role in roles()
            ec2.looks -= 1
        deployment.account.wait(seconds)

    clients = replace(deployment.account.clients, ec2=cast("EC2Client", ec2))
    steps.run(Teardown(DEV, clients, delete_data=False, wait=wait).steps(), deployment.said.append)
    assert ec2.looks == 0
    assert role not in roles()


def test_data_survives_a_destroyed_stage_and_is_found_by_the_next(deployment: Deployment) -> None:
    deployment.deploy()
    bucket = deployment.api.variables["LEGIBLE_BUCKET"]
    deployment.account.client("s3").put_object(Bucket=bucket, Key="labels/kept", Body=b"7")
    deployment.destroy()
    deployment.deploy()
    assert deployment.api.variables["LEGIBLE_BUCKET"] == bucket
    assert deployment.account.client("s3").get_object(Bucket=bucket, Key="labels/kept")["Body"].read() == b"7"


def test_data_is_deleted_with_all_its_versions_when_that_is_asked_for(deployment: Deployment) -> None:
    deployment.deploy()
    s3, bucket = deployment.account.client("s3"), deployment.api.variables["LEGIBLE_BUCKET"]
    for body in (b"1", b"2"):
        s3.put_object(Bucket=bucket, Key="images/x", Body=body)
    s3.delete_object(Bucket=bucket, Key="images/x")
    deployment.destroy(delete_data=True)
    assert deployment.account.stacks.names() == {}
    assert s3.list_buckets()["Buckets"] == []


def test_a_half_deployed_stage_is_destroyed_as_well(moto: Moto, package: job.Package) -> None:
    for number in (0, 20, 30, 45, 60, 70):
        deployment = Deployment(moto, package)
        assert deployment.deploy_interrupted_at(number)
        deployment.destroy(delete_data=True)
        assert deployment.account.stacks.names() == {}, f"interrupted at call {number}"
        assert deployment.account.client("s3").list_buckets()["Buckets"] == []


def test_a_stage_whose_creation_failed_is_destroyed_as_well(deployment: Deployment) -> None:
    deployment.account.stacks.broken = {"Watching.Topic"}
    with pytest.raises(DeploymentError, match=r"Watching\.Topic"):
        deployment.deploy()
    assert deployment.account.stacks.names()["legible-dev"] == "ROLLBACK_FAILED"
    deployment.destroy(delete_data=True)
    assert deployment.account.stacks.names() == {}
    assert deployment.there()["instances"] == 0


def test_a_stage_that_is_still_being_made_is_destroyed_once_it_is(deployment: Deployment) -> None:
    def wait(seconds: float) -> None:
        if deployment.account.stacks.names().get("legible-dev") == "CREATE_IN_PROGRESS":
            raise Interrupted
        deployment.account.wait(seconds)

    with pytest.raises(Interrupted):
        steps.run(replace(deployment.release(), wait=wait).steps(), deployment.said.append)
    deployment.destroy(delete_data=True)
    assert deployment.account.stacks.names() == {}
    assert deployment.there()["instances"] == 0


def test_what_is_not_there_is_destroyed_without_complaint(deployment: Deployment) -> None:
    deployment.destroy(delete_data=True)
    assert any("there are none" in said for said in deployment.said)
    assert any("legible-dev-data is gone" in said for said in deployment.said)


def test_status_tells_what_is_there(deployment: Deployment) -> None:
    before = dict(rows(DEV, deployment.account.clients))
    assert set(before.values()) == {"not there"}
    deployment.deploy()
    after = dict(rows(DEV, deployment.account.clients))
    assert after["page"] == deployment.tried[0]
    assert after["model server"].startswith("0 of 1 tasks")
    assert "@sha256:" in after["image"]
    assert after["alarms"] == "none"


class ForgetfulEcs:
    """An ECS that knows a deleted service no more, which takes the real one an hour."""

    def __init__(self, ecs: "ECSClient", *, knows_the_cluster: bool) -> None:
        self.exceptions = ecs.exceptions
        self._knows_the_cluster = knows_the_cluster

    def describe_services(self, services: list[str], **_cluster: str) -> dict[str, list[dict[str, str]]]:
        if not self._knows_the_cluster:
            raise self.exceptions.ClusterNotFoundException({}, "DescribeServices")
        return {"services": [], "failures": [{"arn": services[0], "reason": "MISSING"}]}


def test_status_tells_also_what_somebody_has_deleted_by_hand(deployment: Deployment) -> None:
    deployment.deploy()
    clients = deployment.account.clients
    for knows_the_cluster in (True, False):
        ecs = cast("ECSClient", ForgetfulEcs(clients.ecs, knows_the_cluster=knows_the_cluster))
        assert dict(rows(DEV, replace(clients, ecs=ecs)))["model server"].startswith("not there")
    (cluster,) = clients.ecs.list_clusters()["clusterArns"]
    (service,) = clients.ecs.list_services(cluster=cluster)["serviceArns"]
    clients.ecs.delete_service(cluster=cluster, service=service, force=True)
    assert dict(rows(DEV, clients))["model server"].startswith("not there")
