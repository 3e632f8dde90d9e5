"""`chalice deploy` and `chalice delete` themselves, and what runs by the schedule, in (offline) AWS."""

import json
from collections.abc import Iterator

import pytest

from infrastructure.local.settings import BUCKET
from tests.integration.chalice_app.writer import Writer, kept
from tests.localstack.deployment import STAGE, Deployment
from tests.waiting import wait_until

SCHEDULE_SECONDS = 60


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(tmp_path_factory.mktemp("deployment")) as deployment:
        yield deployment


def resources(deployment: Deployment) -> dict[str, list[str]]:
    """Return the names of all that there is in the account, but for buckets."""
    functions = deployment.client("lambda").list_functions()["Functions"]
    return {
        "functions": sorted(function["FunctionName"] for function in functions),
        "apis": [api["name"] for api in deployment.client("apigateway").get_rest_apis()["items"]],
        "roles": sorted(role["RoleName"] for role in deployment.client("iam").list_roles()["Roles"]),
        "rules": [rule["Name"] for rule in deployment.client("events").list_rules()["Rules"]],
    }


DEPLOYED = {
    "functions": [f"legible-{STAGE}", f"legible-{STAGE}-sweep"],
    "apis": ["legible"],
    "roles": [f"legible-{STAGE}-api_handler", f"legible-{STAGE}-sweep"],
    "rules": [f"legible-{STAGE}-sweep-event"],
}


def test_one_deployment_makes_an_api_two_functions_with_a_role_each_and_a_schedule(
    deployment: Deployment,
) -> None:
    assert resources(deployment) == DEPLOYED


def test_a_second_deployment_changes_what_is_there_and_adds_nothing(deployment: Deployment) -> None:
    deployment.deploy()
    assert resources(deployment) == DEPLOYED


def test_each_function_has_the_memory_time_and_policy_of_its_own(deployment: Deployment) -> None:
    for name, policy_name, memory, seconds in (
        (f"legible-{STAGE}", "api_handler", 1024, 29),
        (f"legible-{STAGE}-sweep", "sweep", 512, 60),
    ):
        function = deployment.client("lambda").get_function_configuration(FunctionName=name)
        assert (function["MemorySize"], function["Timeout"]) == (memory, seconds)
        role = f"legible-{STAGE}-{policy_name}"
        assert function["Role"].endswith(f"/{role}")
        policy = deployment.client("iam").get_role_policy(RoleName=role, PolicyName=role)["PolicyDocument"]
        text = json.dumps(policy)
        assert f"arn:aws:s3:::{BUCKET}/classifications/*" in text
        assert "s3:*" not in text


def test_what_is_pending_is_completed_by_the_schedule_without_anybody_reading_it(
    deployment: Deployment,
) -> None:
    s3 = deployment.client("s3")
    deployment.model.stop(deadline=0)
    id = kept(Writer(deployment.api_url).post())
    deployment.model.start(deployment.logs)

    def completed() -> bool:
        return "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix=f"pending/{id}")

    assert not completed()
    wait_until(completed, SCHEDULE_SECONDS * 2)
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="classifications/")["Contents"]
    (key,) = (item["Key"] for item in listed if id in item["Key"])
    record = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    assert (record["status"], record["predicted"]) == ("classified", 0)


def test_a_deletion_leaves_nothing_but_the_data(deployment: Deployment) -> None:
    deployment.chalice("delete")
    assert resources(deployment) == {"functions": [], "apis": [], "roles": [], "rules": []}
    assert deployment.client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"] > 0
