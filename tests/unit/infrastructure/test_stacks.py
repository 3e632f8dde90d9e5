"""What CloudFormation says of nested stacks and of stacks that are in trouble, in its API's own forms."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from infrastructure.aws.errors import DeploymentError
from infrastructure.aws.stacks import Change, Stacks, Template

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

BEFORE = datetime(2000, 1, 1, tzinfo=UTC)
LATER = datetime(2000, 1, 2, tzinfo=UTC)  # by AWS's clock, which this machine's is years ahead of
NESTED = "arn:aws:cloudformation:us-east-1:123456789012:stack/nested/1"
PROPOSED = {"StackName": "stage", "ChangeSetName": "arn:change-set"}


@pytest.fixture
def client() -> "CloudFormationClient":
    return boto3.client(
        "cloudformation", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )


@pytest.fixture
def stub(client: "CloudFormationClient") -> Stubber:
    return Stubber(client)


@pytest.fixture
def stacks(client: "CloudFormationClient") -> Stacks:
    return Stacks(client, {}, wait=lambda _: None)


def is_in(stub: Stubber, status: str, name: str = "stage") -> None:
    stack = {"StackName": "stage", "StackId": "arn:stage", "CreationTime": BEFORE, "StackStatus": status}
    stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": name})


def proposes(
    stub: Stubber,
    *changes: dict[str, Any],
    status: str = "CREATE_COMPLETE",
    nested: bool | None = None,  # does not matter
    **facts: str,
) -> None:
    others = (
        "StackName",
        "ChangeSetName",
        "ChangeSetType",
        "Parameters",
        "Capabilities",
        "Tags",
        "TemplateURL",
    )
    expected = None if nested is None else {"IncludeNestedStacks": nested, **dict.fromkeys(others, ANY)}
    stub.add_response("create_change_set", {"Id": "arn:change-set"}, expected)
    stub.add_response("describe_change_set", {"Status": "CREATE_IN_PROGRESS"}, PROPOSED)
    stub.add_response("describe_change_set", {"Status": status, **facts}, PROPOSED)
    if status == "CREATE_COMPLETE":
        stub.add_response("describe_change_set", {"Changes": list(changes)}, PROPOSED)


def change(name: str, kind: str, **more: str) -> dict[str, Any]:
    described = {"Action": "Modify", "LogicalResourceId": name, "ResourceType": kind, **more}
    return {"ResourceChange": described}


def happened(stub: Stubber, stack: str, *events: dict[str, Any]) -> None:
    listed = [
        {"StackId": stack, "EventId": "1", "StackName": "s", "Timestamp": LATER, **each} for each in events
    ]
    stub.add_response("describe_stack_events", {"StackEvents": listed}, {"StackName": stack})


def failed(name: str, kind: str, reason: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  as the API's
    facts = {"LogicalResourceId": name, "ResourceType": kind, "ResourceStatusReason": reason}
    return {"ResourceStatus": "UPDATE_FAILED", **facts, **more}


def test_the_changes_in_a_nested_stack_stand_for_that_stack(stacks: Stacks, stub: Stubber) -> None:
    nested = {"ChangeSetId": "arn:nested-set", "PhysicalResourceId": NESTED}
    is_in(stub, "UPDATE_COMPLETE")
    proposes(stub, change("Site", "AWS::CloudFormation::Stack", **nested), change("Api", "AWS::Some::Api"))
    inner = change("Page", "AWS::S3::Bucket", Replacement="True")
    expected = {"StackName": NESTED, "ChangeSetName": "arn:nested-set"}
    stub.add_response("describe_change_set", {"Changes": [inner]}, expected)
    stub.add_response("delete_change_set", {}, PROPOSED)
    with stub:
        assert stacks.preview("stage", Template(url="https://templates/root.yaml"), {}) == [
            Change("Modify", "Page", "AWS::S3::Bucket", replaced=True),
            Change("Modify", "Api", "AWS::Some::Api", replaced=False),
        ]
    stub.assert_no_pending_responses()


def has(stub: Stubber, stack: str, **ids: str) -> None:
    listed = [
        {
            "LogicalResourceId": logical,
            "PhysicalResourceId": id,
            "ResourceType": "AWS::Some::Thing",
            "ResourceStatus": "CREATE_COMPLETE" if id else "CREATE_FAILED",
            "LastUpdatedTimestamp": BEFORE,
        }
        for logical, id in ids.items()
    ]
    stub.add_response("list_stack_resources", {"StackResourceSummaries": listed}, {"StackName": stack})


def test_a_resource_is_found_through_nested_stacks_also_where_there_are_no_outputs(
    stacks: Stacks, stub: Stubber
) -> None:
    has(stub, "stage", Network="arn:network", Cluster=NESTED, Site="")
    has(stub, NESTED, Group="group-1")
    has(stub, "stage", Network="arn:network", Cluster=NESTED, Site="")
    with stub:
        assert stacks.find("stage", "Cluster.Group") == "group-1"
        assert stacks.find("stage", "Site.Bucket") is None
    stub.assert_no_pending_responses()


def test_a_stack_that_is_not_there_has_no_resources(stacks: Stacks, stub: Stubber) -> None:
    stub.add_client_error(
        "list_stack_resources", "ValidationError", "Stack with id stage does not exist", 400
    )
    with stub:
        assert stacks.find("stage", "Cluster.Group") is None


def test_templates_that_are_refused_are_said_to_be_with_the_reason(stacks: Stacks, stub: Stubber) -> None:
    is_in(stub, "UPDATE_COMPLETE")
    proposes(stub, status="FAILED", StatusReason="Parameters: [Image] must have values")
    stub.add_response("delete_change_set", {}, PROPOSED)
    with stub, pytest.raises(DeploymentError, match=r"templates of stage: .*\[Image\] must have values"):
        stacks.preview("stage", Template(body="{}"), {})


def test_where_a_look_into_nested_stacks_fails_each_of_them_is_one_change(
    stacks: Stacks, stub: Stubber
) -> None:
    is_in(stub, "UPDATE_COMPLETE")
    proposes(stub, status="FAILED", StatusReason="{{IntrinsicFunction:…}} is no security group", nested=True)
    stub.add_response("delete_change_set", {}, PROPOSED)
    is_in(stub, "UPDATE_COMPLETE")
    proposes(stub, change("Cluster", "AWS::CloudFormation::Stack"), nested=False)
    stub.add_response("delete_change_set", {}, PROPOSED)
    with stub:
        changes = stacks.preview("stage", Template(url="https://templates/root.yaml"), {})
    assert changes == [Change("Modify", "Cluster", "AWS::CloudFormation::Stack", replaced=False)]


def test_a_failure_is_told_by_the_resources_that_failed_wherever_they_are_nested(
    stacks: Stacks, stub: Stubber
) -> None:
    is_in(stub, "UPDATE_COMPLETE")
    is_in(stub, "UPDATE_COMPLETE")
    proposes(stub, change("Site", "AWS::CloudFormation::Stack"))
    happened(stub, "stage", failed("Old", "AWS::Some::Thing", "in another deployment", Timestamp=BEFORE))
    stub.add_response("execute_change_set", {}, {"StackName": ANY, "ChangeSetName": ANY})
    is_in(stub, "UPDATE_ROLLBACK_IN_PROGRESS")
    is_in(stub, "UPDATE_ROLLBACK_COMPLETE")
    happened(
        stub,
        "stage",  # the newest first
        failed("Api", "AWS::Some::Api", "Resource update cancelled"),
        failed("Site", "AWS::CloudFormation::Stack", "nested", PhysicalResourceId=NESTED),
        failed("Old", "AWS::Some::Thing", "in another deployment", Timestamp=BEFORE),
    )
    happened(stub, NESTED, failed("Page", "AWS::S3::Bucket", "the name is taken"))
    with stub, pytest.raises(DeploymentError) as raised:
        stacks.deploy("stage", Template(body="{}"), {})
    assert str(raised.value).splitlines() == [
        "stage ended as UPDATE_ROLLBACK_COMPLETE:",
        "  Page (AWS::S3::Bucket): the name is taken",
        "CloudFormation has put back what was there.",
    ]


def test_a_rollback_that_got_stuck_is_continued_before_anything_is_changed(
    stacks: Stacks, stub: Stubber
) -> None:
    is_in(stub, "UPDATE_ROLLBACK_FAILED")
    stub.add_response("continue_update_rollback", {}, {"StackName": "stage"})
    is_in(stub, "UPDATE_ROLLBACK_IN_PROGRESS")
    is_in(stub, "UPDATE_ROLLBACK_COMPLETE")
    is_in(stub, "UPDATE_ROLLBACK_COMPLETE")
    proposes(stub, status="FAILED", StatusReason="The submitted information didn't contain changes.")
    stub.add_response("delete_change_set", {}, PROPOSED)
    with stub:
        assert stacks.deploy("stage", Template(body="{}"), {}) == "stage is as it should be"
    stub.assert_no_pending_responses()


def test_a_stack_that_cannot_be_deleted_is_named_with_what_keeps_it(stacks: Stacks, stub: Stubber) -> None:
    is_in(stub, "UPDATE_COMPLETE")
    is_in(stub, "UPDATE_COMPLETE")
    happened(stub, "arn:stage")
    stub.add_response("delete_stack", {}, {"StackName": "stage"})
    is_in(stub, "DELETE_IN_PROGRESS", "arn:stage")
    is_in(stub, "DELETE_FAILED", "arn:stage")
    bucket = failed("Bucket", "AWS::S3::Bucket", "not empty", ResourceStatus="DELETE_FAILED")
    happened(stub, "arn:stage", bucket)
    with (
        stub,
        pytest.raises(DeploymentError, match=r"(?s)DELETE_FAILED.*Bucket \(AWS::S3::Bucket\): not empty"),
    ):
        stacks.delete("stage")
