"""CloudFormation, as much of it as `Stacks` calls.

It evaluates the real templates, makes what a deployment touches by calls of its own, and is as slow and as
stubborn as the real one: operations take time, buckets with objects and protected instances are not deleted.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from botocore.exceptions import ClientError

from infrastructure.aws import templates
from tests.integration.infrastructure.aws_resources import Client, make, refused
from tests.unit.infrastructure.cloudformation import REGION, Attribute, Resource, Stack


class _BrokenError(Exception):
    """A resource cannot be made."""


class Ask(Protocol):
    """What is told of every call, and may refuse to let it through."""

    def __call__(self, call: str, *, changes: bool = False) -> None: ...


@dataclass
class Made:
    resource: Resource
    attribute: Attribute
    delete: Callable[[], object]


@dataclass
class StackState:
    id: str
    status: str = "REVIEW_IN_PROGRESS"
    then: str = ""  # the status once the time has passed
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    made: dict[str, Made] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    protected: bool = False
    events: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class ChangeSet:
    stack: str
    name: str  # of the template
    body: str
    parameters: Mapping[str, str]
    changes: list[dict[str, str]]


class CloudFormation:
    """As much of boto3's client as `Stacks` calls. `broken` names resources that cannot be made."""

    def __init__(self, ask: Ask, client: Client) -> None:
        self._ask = ask
        self._client = client
        self._stacks: dict[str, StackState] = {}
        self._change_sets: dict[str, ChangeSet] = {}
        self.broken: set[str] = set()
        self.meta = type("Meta", (), {"region_name": REGION})

    def proceed(self) -> None:
        for name, stack in list(self._stacks.items()):
            stack.status, stack.then = stack.then or stack.status, ""
            if stack.status == "DELETE_COMPLETE":
                del self._stacks[name]

    def names(self) -> dict[str, str]:
        return {name: stack.status for name, stack in self._stacks.items()}

    def resources(self) -> dict[str, str]:
        """Return all that is made, by path, with what identifies it."""
        made = [item for stack in self._stacks.values() for item in stack.made.items()]
        return {path: item.resource.type for path, item in made}

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803  boto3's names, here and below
        self._ask("cloudformation.DescribeStacks")
        stack = self._find(StackName)
        known = {} if stack.status == "CREATE_IN_PROGRESS" else stack.outputs
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in known.items()]
        return {"Stacks": [{"StackId": stack.id, "StackStatus": stack.status, "Outputs": outputs}]}

    def list_stack_resources(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        self._ask("cloudformation.ListStackResources")
        name, _, path = StackName.partition("#")  # of a nested stack
        ids: dict[str, str] = {}
        for at, made in self._find(name).made.items():
            if at.startswith(path):
                logical, _, further = at.removeprefix(path).partition(".")
                ids[logical] = f"{name}#{path}{logical}." if further else made.attribute("Ref")
        facts = {"ResourceStatus": "CREATE_COMPLETE"}
        return {
            "StackResourceSummaries": [
                {"LogicalResourceId": logical, "PhysicalResourceId": id, **facts}
                for logical, id in ids.items()
            ]
        }

    def create_change_set(  # noqa: PLR0917  boto3's, always given by name
        self,
        StackName: str,  # noqa: N803
        ChangeSetName: str,  # noqa: N803
        ChangeSetType: str,  # noqa: N803
        Parameters: list[dict[str, str]],  # noqa: N803
        TemplateBody: str = "",  # noqa: N803
        TemplateURL: str = "",  # noqa: N803
        **_more: object,
    ) -> dict[str, str]:
        self._ask(f"cloudformation.CreateChangeSet {StackName}", changes=True)
        stack = self._stacks.get(StackName)
        exists = stack is not None and stack.status != "REVIEW_IN_PROGRESS"
        assert ChangeSetType == ("UPDATE" if exists else "CREATE")
        assert stack is None or not stack.then, f"{StackName} is being changed"
        assert stack is None or not stack.status.startswith("ROLLBACK"), f"{StackName} can only be deleted"
        stack = self._stacks.setdefault(StackName, StackState(f"arn:{StackName}/{uuid.uuid4()}"))
        body = TemplateBody or self._uploaded(TemplateURL)
        name = next(name for name in templates.names() if templates.text(name) == body)
        parameters = {item["ParameterKey"]: item["ParameterValue"] for item in Parameters}
        changes = self._changes(stack, name, parameters)
        self._change_sets[ChangeSetName] = ChangeSet(StackName, name, body, parameters, changes)
        return {"Id": ChangeSetName}

    def describe_change_set(self, StackName: str, ChangeSetName: str) -> dict[str, Any]:  # noqa: N803
        self._ask("cloudformation.DescribeChangeSet")
        change_set, stack = self._change_sets[ChangeSetName], self._stacks[StackName]
        if not change_set.changes and (stack.body, stack.parameters) == (
            change_set.body,
            change_set.parameters,
        ):
            return {"Status": "FAILED", "StatusReason": "The submitted information didn't contain changes."}
        return {
            "Status": "CREATE_COMPLETE",
            "Changes": [{"ResourceChange": item} for item in change_set.changes],
        }

    def delete_change_set(self, StackName: str, ChangeSetName: str) -> None:  # noqa: N803, ARG002
        self._ask("cloudformation.DeleteChangeSet")
        del self._change_sets[ChangeSetName]

    def execute_change_set(self, StackName: str, ChangeSetName: str) -> None:  # noqa: N803
        self._ask(f"cloudformation.ExecuteChangeSet {StackName}", changes=True)
        stack, change_set = self._stacks[StackName], self._change_sets[ChangeSetName]
        kind = "CREATE" if stack.status == "REVIEW_IN_PROGRESS" else "UPDATE"
        stack.status = f"{kind}_IN_PROGRESS"
        affected = {item["LogicalResourceId"] for item in change_set.changes}
        failed = sorted(affected & self.broken)
        stack.events += [_event(stack, path, f"{kind}_FAILED", "it is broken") for path in failed]
        if failed and kind == "UPDATE":
            stack.then = "UPDATE_ROLLBACK_COMPLETE"
            return
        before, stack.made = stack.made, {}
        try:
            evaluated = Stack(
                change_set.name, change_set.parameters, lambda item: self._make(item, stack, before)
            )
        except _BrokenError:  # what precedes it was made, and is not always deleted; there are no outputs
            stack.status = "ROLLBACK_IN_PROGRESS"
            stack.then = f"ROLLBACK_{self._delete_made(stack, {'Delete', 'RetainExceptOnCreate'})}"
            return
        stack.then = f"{kind}_COMPLETE"
        for path in reversed([path for path in before if path not in stack.made]):
            before[path].delete()
        stack.outputs = evaluated.outputs
        stack.parameters, stack.body = change_set.parameters, change_set.body

    def delete_stack(self, StackName: str) -> None:  # noqa: N803
        self._ask(f"cloudformation.DeleteStack {StackName}", changes=True)
        stack = self._find(StackName)
        assert not stack.protected, f"{StackName} is protected from termination"
        stack.status = "DELETE_IN_PROGRESS"
        stack.then = f"DELETE_{self._delete_made(stack, {'Delete'})}"

    def update_termination_protection(self, StackName: str, EnableTerminationProtection: bool) -> None:  # noqa: N803
        self._ask("cloudformation.UpdateTerminationProtection", changes=True)
        self._stacks[StackName].protected = EnableTerminationProtection

    def get_paginator(self, operation: str) -> Any:  # noqa: ANN401  whichever is asked for
        return _Pages(getattr(self, operation))

    def describe_stack_events(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        return {"StackEvents": list(reversed(self._find(StackName).events))}

    def _find(self, name: str) -> StackState:
        for known, stack in self._stacks.items():
            if name in {known, stack.id}:
                return stack
        raise refused("DescribeStacks", "ValidationError", f"Stack with id {name} does not exist")

    def _uploaded(self, url: str) -> str:
        """Return a template that was uploaded, once those beside it are found to be there as well."""
        bucket, _, folder = url.removeprefix("https://").rpartition("/")[0].partition("/")
        s3 = self._client("s3")
        found = {}
        for name in templates.names():
            answer = s3.get_object(Bucket=bucket.partition(".")[0], Key=f"{folder}/{name}.yaml")
            found[name] = answer["Body"].read().decode()
        return str(found[url.rpartition("/")[2].removesuffix(".yaml")])

    def _changes(self, stack: StackState, name: str, parameters: Mapping[str, str]) -> list[dict[str, str]]:
        def known(resource: Resource) -> Attribute:
            made = stack.made.get(resource.path)
            return made.attribute if made else lambda attribute: f"{resource.path}.{attribute}"

        wanted = {item.path: item for item in Stack(name, parameters, known).resources}
        actions = {path: "Remove" for path in stack.made if path not in wanted}
        for path, resource in wanted.items():
            if path not in stack.made:
                actions[path] = "Add"
            elif stack.made[path].resource.properties != resource.properties:
                actions[path] = "Modify"
        types = {path: item.resource.type for path, item in stack.made.items()}
        types |= {path: item.type for path, item in wanted.items()}
        return [
            {"Action": action, "LogicalResourceId": path, "ResourceType": types[path]}
            for path, action in actions.items()
        ]

    def _delete_made(self, stack: StackState, policies: set[str]) -> str:
        """Delete what was made, the last first, but for what other policies keep; return how that ended."""
        ended = "COMPLETE"
        for path, made in reversed(list(stack.made.items())):
            if made.resource.described.get("DeletionPolicy", "Delete") in policies:
                try:
                    made.delete()
                except ClientError as error:
                    ended = "FAILED"
                    stack.events.append(_event(stack, path, "DELETE_FAILED", str(error)))
                    continue
            del stack.made[path]
        return ended

    def _make(self, resource: Resource, stack: StackState, before: dict[str, Made]) -> Attribute:
        if resource.path in self.broken:
            raise _BrokenError
        if resource.path in before:
            made = replace(before[resource.path], resource=resource)
        else:
            made = Made(resource, *make(self._client, resource))
        stack.made[resource.path] = made
        return made.attribute


class _Pages:
    def __init__(self, operation: Callable[..., dict[str, Any]]) -> None:
        self._operation = operation

    def paginate(self, **arguments: str) -> list[dict[str, Any]]:
        return [self._operation(**arguments)]


def _event(stack: StackState, path: str, status: str, reason: str) -> dict[str, Any]:
    return {
        "StackId": stack.id,
        "LogicalResourceId": path,
        "ResourceType": "AWS::Some::Resource",
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        "Timestamp": datetime.now(UTC),
    }
