"""An account without AWS: moto's server for what is called directly, and a CloudFormation beside it.

moto's own leaves out half of the resources and says CREATE_COMPLETE, which proves nothing. This one
evaluates the real templates, makes what a deployment touches by calls of its own, and is as slow and as
stubborn as the real one: operations take time, buckets with objects and protected instances are not deleted.
"""

import itertools
import json
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from infrastructure.aws import templates
from infrastructure.aws.clients import Clients
from infrastructure.local.settings import HOST, free_ports
from tests.unit.infrastructure.cloudformation import REGION, Attribute, Resource, Stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_service_quotas import ServiceQuotasClient

MOTO = Path(sys.executable).with_name("moto_server")
START_SECONDS = 60.0


class Interrupted(BaseException):
    """What stands for ctrl-C: nobody catches it."""


@contextmanager
def moto_server(log: Path) -> Iterator[str]:
    """Yield the address of moto's server."""
    port = next(free_ports())
    with log.open("wb") as output:
        process = subprocess.Popen(
            [MOTO, "-H", HOST, "-p", str(port)], stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _wait_for(port, process, log)
            yield f"http://{HOST}:{port}"
        finally:
            process.kill()
            process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection((HOST, port), timeout=1.0).close()
        except OSError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return


class Moto:
    """Clients of moto's server. They are slow to make, so that one account after the other uses them."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.account: Account | None = None
        session = self._session()
        session.events.register("before-call", self._before_call)
        self.recorded = Clients.of(_WithEndpoint(session, address))
        self.client = cache(partial(self._session().client, endpoint_url=address))  # not recorded: AWS's own

    def _session(self) -> boto3.Session:
        return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)

    def _before_call(self, model: Any, **_request: object) -> None:  # noqa: ANN401  botocore's
        assert self.account is not None
        reads = ("Get", "List", "Describe", "Head")
        name = f"{model.service_model.service_name}.{model.name}"
        self.account.ask(name, changes=not model.name.startswith(reads))


@dataclass
class Account:
    """A fresh account, its clients, and a record of every call that changes something."""

    moto: Moto
    calls: list[str] = field(default_factory=list)
    quota: float = 1000.0
    interrupt_at: int | None = None  # the number of the call, from 0, that does not get through
    asked: int = 0

    def __post_init__(self) -> None:
        urllib3.request("POST", f"{self.moto.address}/moto-api/reset", timeout=60.0)
        self.moto.account = self
        self.stacks = CloudFormation(self)
        self.clients = replace(
            self.moto.recorded,
            cloudformation=cast("CloudFormationClient", self.stacks),
            quotas=cast("ServiceQuotasClient", self),
        )

    def client(self, service: str) -> Any:  # noqa: ANN401  whichever is asked for
        """Return a client whose calls are AWS's own, and so not recorded."""
        return self.moto.client(service)

    def get_service_quota(self, **_code: str) -> dict[str, dict[str, float]]:
        return {"Quota": {"Value": self.quota}}

    def wait(self, _seconds: float) -> None:
        """Pass the time: what CloudFormation has begun, it ends."""
        self.ask("wait")
        self.stacks.proceed()

    def ask(self, call: str, *, changes: bool = False) -> None:
        """Count a call, and let it through or not."""
        number, self.asked = self.asked, self.asked + 1
        if number == self.interrupt_at:
            raise Interrupted(call)
        if changes:
            self.calls.append(call)


class _WithEndpoint(boto3.Session):
    """A session whose clients ask moto."""

    def __init__(self, session: boto3.Session, address: str) -> None:
        self._of = session
        self._address = address

    def client(self, service_name: str, config: Config | None = None, **_options: object) -> Any:  # type: ignore[override]  # noqa: ANN401  as boto3's, of which only this is used
        return self._of.client(service_name, endpoint_url=self._address, config=config)  # type: ignore[call-overload]  # any of its services


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

    def __init__(self, account: Account) -> None:
        self._account = account
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
        self._account.ask("cloudformation.DescribeStacks")
        stack = self._find(StackName)
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in stack.outputs.items()]
        return {"Stacks": [{"StackId": stack.id, "StackStatus": stack.status, "Outputs": outputs}]}

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
        self._account.ask(f"cloudformation.CreateChangeSet {StackName}", changes=True)
        stack = self._stacks.get(StackName)
        exists = stack is not None and stack.status != "REVIEW_IN_PROGRESS"
        assert ChangeSetType == ("UPDATE" if exists else "CREATE")
        assert stack is None or not stack.then, f"{StackName} is being changed"
        assert stack is None or stack.status != "ROLLBACK_COMPLETE", f"{StackName} can only be deleted"
        stack = self._stacks.setdefault(StackName, StackState(f"arn:{StackName}/{uuid.uuid4()}"))
        body = TemplateBody or self._uploaded(TemplateURL)
        name = next(name for name in templates.names() if templates.text(name) == body)
        parameters = {item["ParameterKey"]: item["ParameterValue"] for item in Parameters}
        changes = self._changes(stack, name, parameters)
        self._change_sets[ChangeSetName] = ChangeSet(StackName, name, body, parameters, changes)
        return {"Id": ChangeSetName}

    def describe_change_set(self, StackName: str, ChangeSetName: str) -> dict[str, Any]:  # noqa: N803
        self._account.ask("cloudformation.DescribeChangeSet")
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
        self._account.ask("cloudformation.DeleteChangeSet")
        del self._change_sets[ChangeSetName]

    def execute_change_set(self, StackName: str, ChangeSetName: str) -> None:  # noqa: N803
        self._account.ask(f"cloudformation.ExecuteChangeSet {StackName}", changes=True)
        stack, change_set = self._stacks[StackName], self._change_sets[ChangeSetName]
        kind = "CREATE" if stack.status == "REVIEW_IN_PROGRESS" else "UPDATE"
        stack.status = f"{kind}_IN_PROGRESS"
        affected = {item["LogicalResourceId"] for item in change_set.changes}
        if failed := sorted(affected & self.broken):
            stack.then = "ROLLBACK_COMPLETE" if kind == "CREATE" else "UPDATE_ROLLBACK_COMPLETE"
            stack.events = [_event(stack, path, f"{kind}_FAILED", "it is broken") for path in failed]
            return
        stack.then = f"{kind}_COMPLETE"
        before, stack.made = stack.made, {}
        evaluated = Stack(
            change_set.name, change_set.parameters, lambda item: self._make(item, stack, before)
        )
        for path in reversed([path for path in before if path not in stack.made]):
            before[path].delete()
        stack.outputs = evaluated.outputs
        stack.parameters, stack.body = change_set.parameters, change_set.body

    def delete_stack(self, StackName: str) -> None:  # noqa: N803
        self._account.ask(f"cloudformation.DeleteStack {StackName}", changes=True)
        stack = self._find(StackName)
        assert not stack.protected, f"{StackName} is protected from termination"
        stack.status, stack.then = "DELETE_IN_PROGRESS", "DELETE_COMPLETE"
        for path, made in reversed(list(stack.made.items())):
            if made.resource.described.get("DeletionPolicy", "Delete") == "Delete":
                try:
                    made.delete()
                except ClientError as error:
                    stack.then = "DELETE_FAILED"
                    stack.events.append(_event(stack, path, "DELETE_FAILED", str(error)))
                    continue
            del stack.made[path]

    def update_termination_protection(self, StackName: str, EnableTerminationProtection: bool) -> None:  # noqa: N803
        self._account.ask("cloudformation.UpdateTerminationProtection", changes=True)
        self._stacks[StackName].protected = EnableTerminationProtection

    def get_paginator(self, operation: str) -> Any:  # noqa: ANN401  whichever is asked for
        return _Pages(getattr(self, operation))

    def describe_stack_events(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        return {"StackEvents": list(reversed(self._find(StackName).events))}

    def _find(self, name: str) -> StackState:
        for known, stack in self._stacks.items():
            if name in {known, stack.id}:
                return stack
        raise _refused("DescribeStacks", "ValidationError", f"Stack with id {name} does not exist")

    def _uploaded(self, url: str) -> str:
        """Return a template that was uploaded, once those beside it are found to be there as well."""
        bucket, _, folder = url.removeprefix("https://").rpartition("/")[0].partition("/")
        s3 = self._account.client("s3")
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

    def _make(self, resource: Resource, stack: StackState, before: dict[str, Made]) -> Attribute:
        if resource.path in before:
            made = replace(before[resource.path], resource=resource)
        else:
            attribute, delete = MAKERS.get(resource.type, _nothing)(self._account, resource)
            made = Made(resource, attribute, delete)
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


def _refused(operation: str, code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


# How things are made that a deployment later touches by calls of its own. All others are only names.

Maker = Callable[[Account, Resource], tuple[Attribute, Callable[[], object]]]
_numbers = itertools.count(1)


def _nothing(_account: Account, resource: Resource) -> tuple[Attribute, Callable[[], object]]:
    def attribute(name: str) -> str:
        return resource.path if name == "Ref" else f"{resource.path}.{name}"

    return attribute, lambda: None


def _bucket(account: Account, resource: Resource) -> tuple[Attribute, Callable[[], object]]:
    s3, name = account.client("s3"), f"{resource.path.lower().replace('.', '-')}-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    if versioning := resource.properties.get("VersioningConfiguration"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)

    def attribute(wanted: str) -> str:
        named = {"Ref": name, "Arn": f"arn:aws:s3:::{name}"}
        return named.get(wanted, f"{name}.s3.amazonaws.com")

    return attribute, lambda: s3.delete_bucket(Bucket=name)


def _repository(account: Account, resource: Resource) -> tuple[Attribute, Callable[[], object]]:
    ecr = account.client("ecr")
    made = ecr.create_repository(
        repositoryName=f"model-{next(_numbers)}",
        imageTagMutability=resource.properties["ImageTagMutability"],
    )["repository"]
    attributes = {
        "Ref": made["repositoryName"],
        "RepositoryUri": made["repositoryUri"],
        "Arn": made["repositoryArn"],
    }
    force = resource.properties["EmptyOnDelete"]
    return attributes.__getitem__, lambda: ecr.delete_repository(
        repositoryName=attributes["Ref"], force=force
    )


def _instances(account: Account, resource: Resource) -> tuple[Attribute, Callable[[], object]]:
    client, name = account.client("autoscaling"), f"group-{next(_numbers)}"
    client.create_launch_configuration(
        LaunchConfigurationName=name, ImageId="ami-12c6146b", InstanceType="t3.small"
    )
    client.create_auto_scaling_group(
        AutoScalingGroupName=name,
        LaunchConfigurationName=name,
        MinSize=int(resource.properties["MinSize"]),
        MaxSize=int(resource.properties["MaxSize"]),
        NewInstancesProtectedFromScaleIn=resource.properties["NewInstancesProtectedFromScaleIn"],
        AvailabilityZones=[f"{REGION}a"],
    )

    def delete() -> None:
        (group,) = client.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        if any(instance["ProtectedFromScaleIn"] for instance in group["Instances"]):
            raise _refused("DeleteAutoScalingGroup", "ScalingActivityInProgress", "instances are protected")
        client.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)

    return lambda _: name, delete


def _cluster(account: Account, _resource: Resource) -> tuple[Attribute, Callable[[], object]]:
    ecs, name = account.client("ecs"), f"cluster-{next(_numbers)}"
    arn = ecs.create_cluster(clusterName=name)["cluster"]["clusterArn"]
    return {"Ref": name, "Arn": arn}.__getitem__, lambda: ecs.delete_cluster(cluster=name)


def _task(account: Account, resource: Resource) -> tuple[Attribute, Callable[[], object]]:
    ecs = account.client("ecs")
    request = _as_request(resource.properties)
    for container in request["containerDefinitions"]:
        container["portMappings"] = [
            mapping | {"containerPort": int(mapping["containerPort"])}
            for mapping in container["portMappings"]
        ]
        container["environment"] = [
            {name: str(value) for name, value in item.items()} for item in container["environment"]
        ]
    arn = ecs.register_task_definition(**request)["taskDefinition"]["taskDefinitionArn"]
    return lambda _: str(arn), lambda: ecs.deregister_task_definition(taskDefinition=arn)


def _service(account: Account, resource: Resource) -> tuple[Attribute, Callable[[], object]]:
    ecs, name, cluster = account.client("ecs"), f"service-{next(_numbers)}", resource.properties["Cluster"]
    task = resource.properties["TaskDefinition"]
    ecs.create_service(serviceName=name, cluster=cluster, taskDefinition=task, desiredCount=1)
    return lambda _: name, lambda: ecs.delete_service(service=name, cluster=cluster, force=True)


def _distribution(account: Account, resource: Resource) -> tuple[Attribute, Callable[[], object]]:
    cloudfront = account.client("cloudfront")
    config = resource.properties["DistributionConfig"]
    origin = {
        "Id": "page",
        "DomainName": config["Origins"][0]["DomainName"],
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    made = cloudfront.create_distribution(
        DistributionConfig={
            "CallerReference": uuid.uuid4().hex,
            "Comment": config["Comment"],
            "Enabled": config["Enabled"],
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {"TargetOriginId": "page", "ViewerProtocolPolicy": "redirect-to-https"},
        }
    )
    id, tag = made["Distribution"]["Id"], made["ETag"]
    attributes = {"Ref": id, "DomainName": made["Distribution"]["DomainName"]}
    return attributes.__getitem__, lambda: cloudfront.delete_distribution(Id=id, IfMatch=tag)


def _application(account: Account, resource: Resource) -> tuple[Attribute, Callable[[], object]]:
    emr = account.client("emr-serverless")  # of which moto starts the application at once
    made = emr.create_application(
        name=resource.properties["Name"], releaseLabel=resource.properties["ReleaseLabel"], type="SPARK"
    )
    attributes = {"Ref": made["applicationId"], "Arn": made["arn"], "ApplicationId": made["applicationId"]}
    return attributes.__getitem__, lambda: emr.delete_application(applicationId=made["applicationId"])


def _schedule(account: Account, resource: Resource) -> tuple[Attribute, Callable[[], object]]:
    scheduler, name = account.client("scheduler"), f"nightly-{next(_numbers)}"
    scheduler.create_schedule(Name=name, **resource.properties)
    return lambda _: name, lambda: scheduler.delete_schedule(Name=name)


def _as_request(value: Any) -> Any:  # noqa: ANN401  JSON
    """Return CloudFormation's names as the service's own: containerDefinitions; an option keeps its name."""
    if isinstance(value, list):
        return [_as_request(part) for part in value]
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: _as_request(part) for name, part in value.items()}
    return value


MAKERS: dict[str, Maker] = {
    "AWS::AutoScaling::AutoScalingGroup": _instances,
    "AWS::CloudFront::Distribution": _distribution,
    "AWS::ECR::Repository": _repository,
    "AWS::ECS::Cluster": _cluster,
    "AWS::ECS::Service": _service,
    "AWS::ECS::TaskDefinition": _task,
    "AWS::EMRServerless::Application": _application,
    "AWS::S3::Bucket": _bucket,
    "AWS::Scheduler::Schedule": _schedule,
}


@dataclass
class Registry:
    """An engine that builds nothing; what it pushes is in the account's registry."""

    account: Account
    pushed: list[str] = field(default_factory=list)

    def build(self, tag: str) -> None:
        self.account.ask(f"engine.build {tag.rpartition(':')[2]}")

    def push(self, tag: str, user: str, password: str) -> None:
        self.account.ask("engine.push", changes=True)
        assert (user, bool(password)) == ("AWS", True)
        repository, _, label = tag.partition("/")[2].rpartition(":")
        media_type = "application/vnd.oci.image.manifest.v1+json"
        config = {
            "digest": f"sha256:{label}",
            "size": 2,
            "mediaType": "application/vnd.oci.image.config.v1+json",
        }
        manifest = json.dumps({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": []})
        self.account.client("ecr").put_image(
            repositoryName=repository, imageManifest=manifest, imageTag=label
        )
        self.pushed.append(label)


@dataclass
class Api:
    """What stands for Chalice; the real one is tested with LocalStack."""

    account: Account
    id: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    network: Mapping[str, object] = field(default_factory=dict)

    def api_id(self) -> str:
        return self.id

    def deploy(self, variables: Mapping[str, str], **settings: object) -> str:
        self.account.ask("chalice.deploy", changes=True)
        self.variables, self.network, self.id = variables, settings, self.id or "a1b2c3"
        return self.id
