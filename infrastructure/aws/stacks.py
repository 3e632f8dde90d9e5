"""CloudFormation's stacks: changed by change sets, so that a stack that is as it should be is left alone."""

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infrastructure.aws.errors import DeploymentError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef, StackTypeDef, TagTypeDef

POLL_SECONDS = 5.0
# A stack in one of these was never whole: it can only be deleted and made again.
_NEVER_MADE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
_PUT_BACK = "UPDATE_ROLLBACK_COMPLETE"
_DONE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}


@dataclass(frozen=True)
class Template:
    """A template, as text or, if it has nested ones, by its URL."""

    body: str = ""
    url: str = ""

    def arguments(self) -> dict[str, str]:
        return {"TemplateURL": self.url} if self.url else {"TemplateBody": self.body}


@dataclass(frozen=True)
class Change:
    """What would happen to a resource."""

    action: str  # Add, Modify, Remove
    resource: str  # its name in the template
    type: str
    replaced: bool  # Modify means that another takes its place


class Stacks:
    """The stacks of one account and region. `wait` is called between two looks at what takes long."""

    def __init__(
        self,
        client: "CloudFormationClient",
        tags: Mapping[str, str],
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._tags: list[TagTypeDef] = [{"Key": key, "Value": value} for key, value in tags.items()]
        self._wait = wait

    def status(self, name: str) -> str | None:
        """Return CloudFormation's word for the state of a stack, None if there is none."""
        stack = self._find(name)
        return None if stack is None else stack["StackStatus"]

    def settled(self, name: str) -> str | None:
        """Wait until a stack is no longer being changed; return the state in which it stays."""
        while (status := self.status(name)) is not None and _in_progress(status):
            self._wait(POLL_SECONDS)
        return status

    def is_never_made(self, name: str) -> bool:
        """Tell whether a stack was never whole, so that `deploy` deletes it first."""
        return self.settled(name) in _NEVER_MADE

    def is_to_be_made(self, name: str) -> bool:
        """Tell whether there is no such stack, or one that was never whole."""
        return self.status(name) in {None, *_NEVER_MADE}

    def find(self, name: str, path: str) -> str | None:
        """Return the id of a resource, None if it is not there. `path` leads through nested stacks."""
        found: str | None = name
        for logical in path.split("."):
            found = self._ids(found).get(logical) if found else None
        return found

    def outputs(self, name: str) -> dict[str, str]:
        """Return a stack's outputs; none if it has not been made."""
        if (stack := self._find(name)) is None:
            return {}
        return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}

    def deploy(self, name: str, template: Template, parameters: Mapping[str, str]) -> str:
        """Make a stack, or change it to what the template says; return what was done.

        Takes over from wherever an interrupted deployment has left it. Raises DeploymentError, with
        the reasons of the resources, if CloudFormation fails, and whether it has put back what was there.
        """
        self._settle(name)
        change_set = self._propose(name, template, parameters)
        if change_set is None:
            return f"{name} is as it should be"
        changes = self._changes(name, change_set)
        before = self._last_event(name)
        self._client.execute_change_set(StackName=name, ChangeSetName=change_set)
        status = self.settled(name)
        if status not in _DONE:
            reasons = "\n".join(f"  {reason}" for reason in self._failures(name, before))
            put_back = "\nCloudFormation has put back what was there." if status == _PUT_BACK else ""
            raise DeploymentError(f"{name} ended as {status}:\n{reasons}{put_back}")
        return f"{name}: {len(changes)} changes"

    def preview(self, name: str, template: Template, parameters: Mapping[str, str]) -> list[Change]:
        """Return what `deploy` would change of a stack that exists; change nothing."""
        change_set = self._propose(name, template, parameters)
        if change_set is None:
            return []
        changes = self._changes(name, change_set)
        self._client.delete_change_set(StackName=name, ChangeSetName=change_set)
        return changes

    def delete(self, name: str) -> str:
        """Delete a stack, in whatever state it is. Raises DeploymentError if it stays."""
        if (stack := self._find(name)) is None:
            return f"{name} is gone"
        self.settled(name)
        id = stack["StackId"]  # by its name a deleted stack cannot be looked at
        before = self._last_event(id)
        self._client.delete_stack(StackName=name)
        if (status := self.settled(id)) not in {None, "DELETE_COMPLETE"}:
            reasons = "\n".join(f"  {reason}" for reason in self._failures(id, before))
            raise DeploymentError(f"{name} ended as {status}:\n{reasons}")
        return f"{name} is deleted"

    def protect(self, name: str, *, protected: bool) -> None:
        """Say whether a stack may be deleted, by anybody."""
        self._client.update_termination_protection(StackName=name, EnableTerminationProtection=protected)

    def _find(self, name: str) -> "StackTypeDef | None":
        try:
            return self._client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def _ids(self, name: str) -> dict[str, str]:
        """Return the ids of a stack's resources by their names in the template; none if it is not there."""
        try:
            pages = self._client.get_paginator("list_stack_resources").paginate(StackName=name)
            return {
                item["LogicalResourceId"]: item["PhysicalResourceId"]
                for page in pages
                for item in page["StackResourceSummaries"]
                if item["ResourceStatus"] != "DELETE_COMPLETE" and item.get("PhysicalResourceId")
            }
        except ClientError as error:
            if "does not exist" in str(error):
                return {}
            raise

    def _settle(self, name: str) -> None:
        """Bring a stack to where it can be changed."""
        status = self.settled(name)
        if status == "UPDATE_ROLLBACK_FAILED":
            self._client.continue_update_rollback(StackName=name)
            self.settled(name)
        elif status in _NEVER_MADE:
            self.delete(name)

    def _propose(
        self, name: str, template: Template, parameters: Mapping[str, str], *, nested: bool = True
    ) -> str | None:
        """Return the id of a change set, None if nothing would change.

        It looks into nested stacks as well, if CloudFormation can: there, what another of them gives is a
        placeholder, which it may take for a wrong parameter. Then each nested stack is one change.
        """
        given: list[ParameterTypeDef] = [
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ]
        exists = self.status(name) not in {None, "REVIEW_IN_PROGRESS"}
        arguments: Any = template.arguments()  # of which the types say only that they are str
        change_set = self._client.create_change_set(
            StackName=name,
            ChangeSetName=f"deployment-{uuid.uuid4().hex}",
            ChangeSetType="UPDATE" if exists else "CREATE",
            Parameters=given,
            Capabilities=["CAPABILITY_IAM"],
            Tags=self._tags,
            IncludeNestedStacks=nested and bool(template.url),
            **arguments,
        )["Id"]
        while True:
            proposed = self._client.describe_change_set(StackName=name, ChangeSetName=change_set)
            if proposed["Status"] == "CREATE_COMPLETE":
                return change_set
            if proposed["Status"] == "FAILED":
                break
            self._wait(POLL_SECONDS)
        reason = proposed.get("StatusReason", "")
        self._client.delete_change_set(StackName=name, ChangeSetName=change_set)
        if "didn't contain changes" in reason or "No updates" in reason:
            return None
        if nested and template.url:
            return self._propose(name, template, parameters, nested=False)
        raise DeploymentError(f"CloudFormation does not accept the templates of {name}: {reason}")

    def _changes(self, name: str, change_set: str) -> list[Change]:
        """Return the changes of a change set, and of those of nested stacks in place of the stacks."""
        pages = self._client.get_paginator("describe_change_set").paginate(
            StackName=name, ChangeSetName=change_set
        )
        changes: list[Change] = []
        for item in (item for page in pages for item in page["Changes"]):
            change: Any = item["ResourceChange"]
            if nested := change.get("ChangeSetId"):
                changes += self._changes(change["PhysicalResourceId"], nested)
            else:
                replaced = change.get("Replacement") == "True"
                changes.append(
                    Change(change["Action"], change["LogicalResourceId"], change["ResourceType"], replaced)
                )
        return changes

    def _last_event(self, name: str) -> datetime:
        """Return when something last happened to a stack, by CloudFormation's clock: ours may be wrong."""
        newest_first = self._client.describe_stack_events(StackName=name)["StackEvents"]
        return newest_first[0]["Timestamp"] if newest_first else datetime.min.replace(tzinfo=UTC)

    def _failures(self, name: str, after: datetime) -> Iterable[str]:
        """Return why resources have failed, those of nested stacks included, the first first."""
        pages = self._client.get_paginator("describe_stack_events").paginate(StackName=name)
        events = [event for page in pages for event in page["StackEvents"]]
        for event in reversed(events):
            reason = event.get("ResourceStatusReason", "")
            failed = event.get("ResourceStatus", "").endswith("_FAILED") and event["Timestamp"] > after
            if not failed or "cancelled" in reason:
                continue
            is_nested = event.get("ResourceType") == "AWS::CloudFormation::Stack"
            nested = event.get("PhysicalResourceId")
            if is_nested and nested and nested != event["StackId"]:
                yield from self._failures(nested, after)
            else:
                yield f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"


def _in_progress(status: str) -> bool:
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"
