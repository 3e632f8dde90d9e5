"""What of a deployment LocalStack can judge: CloudFormation of a bucket, `chalice deploy`, the page."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator

import boto3
import pytest

from infrastructure.aws import functions, site, smoke, templates
from infrastructure.aws.clients import Clients
from infrastructure.aws.errors import DeploymentError
from infrastructure.aws.functions import Functions
from infrastructure.aws.stacks import Stacks, Template
from infrastructure.aws.teardown import empty
from infrastructure.local import parts
from infrastructure.local.settings import ROOT, Settings
from infrastructure.local.stack import Running
from tests.localstack.deployment import STAGE, localstack

ARTEFACTS, SITE, DATA = "artefacts", "site", "legible-dev-data"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Yield where LocalStack and the model listen; the environment names LocalStack as AWS."""
    folder = tmp_path_factory.mktemp("localstack")
    settings = Settings.on_free_ports(folder)
    with (
        pytest.MonkeyPatch.context() as patch,
        Running([localstack(settings.s3_port, folder), parts.inference(settings)], folder / "logs"),
    ):
        for name, value in {
            "AWS_ENDPOINT_URL": settings.s3_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
        }.items():
            patch.setenv(name, value)
        yield settings


@pytest.fixture(scope="module")
def clients(settings: Settings) -> Clients:
    clients = Clients.of(boto3.Session())
    for bucket in (ARTEFACTS, SITE):
        clients.s3.create_bucket(Bucket=bucket)
    return clients


@pytest.fixture(scope="module")
def stacks(clients: Clients) -> Stacks:
    return Stacks(clients.cloudformation, {"Stage": "dev"}, wait=lambda _: None)


@pytest.fixture(scope="module")
def data(stacks: Stacks) -> str:
    stacks.deploy(DATA, Template(body=templates.text("data")), {})
    return stacks.outputs(DATA)["DataBucket"]


def test_the_template_of_the_data_makes_a_bucket_as_it_says(data: str, clients: Clients) -> None:
    s3 = clients.s3
    (rule,) = s3.get_bucket_encryption(Bucket=data)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert s3.get_bucket_versioning(Bucket=data)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=data)["PublicAccessBlockConfiguration"].values())
    (denied,) = json.loads(s3.get_bucket_policy(Bucket=data)["Policy"])["Statement"]
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_stack_that_is_as_it_should_be_is_left_alone(data: str, stacks: Stacks) -> None:
    assert stacks.deploy(DATA, Template(body=templates.text("data")), {}) == f"{DATA} is as it should be"
    assert stacks.preview(DATA, Template(body=templates.text("data")), {}) == []


def test_a_change_is_previewed_and_made(data: str, stacks: Stacks) -> None:
    changed = {"ImageDays": "30"}
    preview = stacks.preview(DATA, Template(body=templates.text("data")), changed)
    assert ("Modify", "Bucket") in {(change.action, change.resource) for change in preview}
    stacks.deploy(DATA, Template(body=templates.text("data")), changed)
    assert stacks.preview(DATA, Template(body=templates.text("data")), changed) == []
    assert stacks.outputs(DATA)["DataBucket"] == data


def test_a_template_that_is_refused_is_said_to_be(stacks: Stacks) -> None:
    with pytest.raises(DeploymentError, match="broken"):
        stacks.deploy(
            "broken", Template(body=json.dumps({"Resources": {"X": {"Type": "No::Such::Thing"}}})), {}
        )


def test_a_stack_that_is_not_there_has_no_state_and_is_deleted_already(stacks: Stacks) -> None:
    assert stacks.status("nothing") is None
    assert stacks.outputs("nothing") == {}
    assert stacks.delete("nothing") == "nothing is gone"


def test_a_bucket_is_emptied_of_every_version(clients: Clients) -> None:
    s3 = clients.s3
    s3.create_bucket(Bucket="versioned")
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put_object(Bucket="versioned", Key="k", Body=body)
    s3.delete_object(Bucket="versioned", Key="k")
    assert empty(s3, "versioned")
    s3.delete_bucket(Bucket="versioned")
    assert not empty(s3, "versioned")


def test_the_page_is_uploaded_with_types_and_cache_headers_and_old_files_go(clients: Clients) -> None:
    clients.s3.put_object(Bucket=SITE, Key="old.js", Body=b"")
    keys = site.upload(clients.s3, SITE)
    listed = {item["Key"] for item in clients.s3.list_objects_v2(Bucket=SITE)["Contents"]}
    assert listed == set(keys)
    heads = {key: clients.s3.head_object(Bucket=SITE, Key=key) for key in keys}
    assert heads["index.html"]["ContentType"] == "text/html; charset=utf-8"
    assert heads["app.js"]["ContentType"] == "text/javascript; charset=utf-8"
    assert heads["favicon.svg"]["ContentType"] == "image/svg+xml"
    assert heads["config.json"]["CacheControl"] == "no-cache"
    assert heads["index.html"]["CacheControl"].startswith("public, max-age=0, s-maxage=")
    config = clients.s3.get_object(Bucket=SITE, Key="config.json")["Body"].read()
    assert json.loads(config) == {"api": "/api"}


def there(clients: Clients) -> dict[str, list[str]]:
    """Return the names of what Chalice makes."""
    found = clients.functions.list_functions()["Functions"]
    return {
        "functions": sorted(function["FunctionName"] for function in found),
        "apis": [api["id"] for api in clients.apigateway.get_rest_apis()["items"]],
        "roles": sorted(role["RoleName"] for role in clients.iam.list_roles()["Roles"]),
        "rules": [rule["Name"] for rule in clients.events.list_rules()["Rules"]],
    }


@pytest.fixture(scope="module")
def deployed(settings: Settings, clients: Clients, data: str) -> str:
    """Deploy the functions; return the API's id."""
    outputs = {
        "EnvironmentBucket": data,
        "EnvironmentInferenceUrl": settings.inference_url,
        "EnvironmentPageOrigin": settings.page_url,
    }
    return Functions(clients, STAGE, ARTEFACTS).deploy(functions.environment(outputs))


def test_the_functions_are_deployed_and_their_state_is_kept_where_the_next_deployment_finds_it(
    deployed: str, clients: Clients
) -> None:
    assert there(clients) == {
        "functions": [f"legible-{STAGE}", f"legible-{STAGE}-sweep"],
        "apis": [deployed],
        "roles": [f"legible-{STAGE}-api_handler", f"legible-{STAGE}-sweep"],
        "rules": [f"legible-{STAGE}-sweep-event"],
    }
    assert Functions(clients, STAGE, ARTEFACTS).api_id() == deployed


def test_a_visitor_of_the_deployed_stage_sees_an_image_through_to_the_report(
    deployed: str, settings: Settings, data: str
) -> None:
    def run_job() -> None:
        command = [sys.executable, "-m", "accuracy_job", f"s3://{data}"]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    api = f"{settings.s3_url}/_aws/execute-api/{deployed}/{functions.GATEWAY_STAGE}"
    page = dataclasses.replace(parts.page(settings), environment={"LEGIBLE_API_URL": api})
    with Running([page], settings.data / "page"):
        assert smoke.try_out(settings.page_url, run_job).startswith("a 0 was read as 0, labelled, counted")


def test_a_stage_that_does_not_answer_is_said_not_to_work(settings: Settings) -> None:
    waits: list[float] = []
    with pytest.raises(DeploymentError, match="does not work"):
        smoke.try_out(settings.page_url, lambda: None, waits.append)  # the page has been stopped
    assert len(waits) == smoke.ATTEMPTS - 1


def test_a_deployment_that_was_cut_off_before_its_state_was_kept_leaves_no_second_api(
    deployed: str, settings: Settings, clients: Clients, data: str
) -> None:
    clients.s3.delete_object(Bucket=ARTEFACTS, Key=f"chalice/{STAGE}.json")
    stranger = clients.apigateway.create_rest_api(name="legible")["id"]  # of another stage
    variables = {
        "LEGIBLE_BUCKET": data,
        "LEGIBLE_INFERENCE_URL": settings.inference_url,
        "LEGIBLE_PAGE_ORIGIN": settings.page_url,
    }
    id = Functions(clients, STAGE, ARTEFACTS).deploy(variables)
    assert sorted(there(clients)["apis"]) == sorted([id, stranger])
    clients.apigateway.delete_rest_api(restApiId=stranger)


def test_what_chalice_has_made_is_removed_by_name_and_is_then_gone(deployed: str, clients: Clients) -> None:
    roles = [f"legible-{STAGE}-api_handler", f"legible-{STAGE}-sweep"]
    removed = functions.remove(clients, STAGE)
    assert f"legible-{STAGE}" in removed
    assert there(clients) == {"functions": [], "apis": [], "roles": roles, "rules": []}
    assert functions.remove_roles(clients, STAGE) == roles
    assert there(clients)["roles"] == []
    assert functions.remove(clients, STAGE) == functions.remove_roles(clients, STAGE) == []
