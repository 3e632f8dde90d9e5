"""Removing a stage: the recipe. Every step takes what it finds, so a half-deployed stage goes as well.

Resources are looked for by their paths in the templates: a stack that was never finished has no outputs.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infrastructure.aws import functions, instances
from infrastructure.aws.clients import Clients
from infrastructure.aws.errors import DeploymentError
from infrastructure.aws.release import INSTANCES, Names
from infrastructure.aws.stacks import Stacks
from infrastructure.aws.stages import Stage
from infrastructure.aws.steps import Step

if TYPE_CHECKING:
    from mypy_boto3_emr_serverless.literals import JobRunStateType
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

INTERFACES_SECONDS = 45 * 60  # Lambda gives a network's addresses back within 20 to 40 minutes
POLL_SECONDS = 15.0
_NOT_RUNNING = {"CREATED", "STOPPED", "TERMINATED"}  # states of an application that can be deleted
_STARTED = {"STARTING", "STARTED"}  # those of one that can be stopped
_CANCELLING: "JobRunStateType" = "CANCELLING"
_ACTIVE: "list[JobRunStateType]" = ["SUBMITTED", "QUEUED", "PENDING", "SCHEDULED", "RUNNING", _CANCELLING]


@dataclass
class Teardown:
    """The end of a stage; `delete_data` says whether what people sent goes too."""

    stage: Stage
    clients: Clients
    delete_data: bool
    wait: Callable[[float], None] = time.sleep
    stacks: Stacks = field(init=False)
    names: Names = field(init=False)

    def __post_init__(self) -> None:
        self.stacks = Stacks(self.clients.cloudformation, {}, self.wait)
        self.names = Names.of(self.stage)

    def steps(self) -> list[Step]:
        again = "Run the same command again: it goes on from here."
        steps = [
            Step("Waiting for what CloudFormation has begun", self._settle, again),
            Step("Removing the API's functions", self._remove_functions, again),
            Step("Waiting for their network addresses", self._wait_for_interfaces, again),
            Step("Removing their roles", self._remove_roles, again),
            Step("Releasing the instances", self._release_instances, again),
            Step("Stopping the accuracy job's application", self._stop_job, again),
            Step("Deleting page, model server, cluster and network", self._delete_stage, again),
            Step("Deleting artefacts and logs", self._delete_foundation, again),
        ]
        return [*steps, Step("Deleting the data", self._delete_data, again)] if self.delete_data else steps

    def _settle(self) -> str:
        for name in (self.names.data, self.names.foundation, self.names.stage):
            self.stacks.settled(name)
        return "it has ended"

    def _remove_functions(self) -> str:
        removed = functions.remove(self.clients, self.stage.name)
        return f"removed {', '.join(removed)}" if removed else "there are none"

    def _remove_roles(self) -> str:
        bucket = self.stacks.find(self.names.data, "Bucket")
        if functions.is_of_another_region(self.clients, self.stage.name, bucket):
            return "kept them: they are of another region's stage"
        return f"removed {', '.join(functions.remove_roles(self.clients, self.stage.name)) or 'none'}"

    def _wait_for_interfaces(self) -> str:
        group = self.stacks.find(self.names.stage, "Network.FunctionGroup")
        waited = 0.0
        while group and (count := self._interfaces(group)):
            if waited > INTERFACES_SECONDS:
                raise DeploymentError(f"Lambda still holds {count} network interfaces.")
            self.wait(POLL_SECONDS)
            waited += POLL_SECONDS
        return "they are free"

    def _interfaces(self, group: str) -> int:
        """Delete what is unused of a security group's interfaces; return how many are in use."""
        found = self.clients.ec2.describe_network_interfaces(
            Filters=[{"Name": "group-id", "Values": [group]}]
        )
        for interface in found["NetworkInterfaces"]:
            if interface["Status"] == "available":
                self.clients.ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
        return sum(interface["Status"] != "available" for interface in found["NetworkInterfaces"])

    def _release_instances(self) -> str:
        if (group := self.stacks.find(self.names.stage, INSTANCES)) is None:
            return "there is no group of them"
        return f"{instances.release(self.clients.autoscaling, group)} instances"

    def _stop_job(self) -> str:
        """Stop the application: else it cannot be deleted, and while it runs jobs it cannot be stopped."""
        id, emr = self.stacks.find(self.names.stage, "Job.Application"), self.clients.emr
        while id and (state := self._state(id)) not in _NOT_RUNNING:
            runs = emr.list_job_runs(applicationId=id, states=_ACTIVE)["jobRuns"]
            for run in runs:
                if run["state"] != _CANCELLING:
                    emr.cancel_job_run(applicationId=id, jobRunId=run["id"])
            if state in _STARTED and not runs:  # one that is stopping refuses to be stopped
                emr.stop_application(applicationId=id)
            self.wait(POLL_SECONDS)
        return "it is stopped"

    def _state(self, application: str) -> str:
        """Return the state of an application; what somebody else has deleted is terminated."""
        try:
            return self.clients.emr.get_application(applicationId=application)["application"]["state"]
        except self.clients.emr.exceptions.ResourceNotFoundException:
            return "TERMINATED"

    def _delete_stage(self) -> str:
        if bucket := self.stacks.find(self.names.stage, "Site.Bucket"):
            empty(self.clients.s3, bucket)
        return self.stacks.delete(self.names.stage)

    def _delete_foundation(self) -> str:
        for resource in ("Artefacts", "Logs"):
            if bucket := self.stacks.find(self.names.foundation, resource):
                empty(self.clients.s3, bucket)
        return self.stacks.delete(self.names.foundation)

    def _delete_data(self) -> str:
        """Delete the bucket before its stack, which keeps its name: so this can be interrupted too."""
        bucket = self.stacks.find(self.names.data, "Bucket")
        if bucket and empty(self.clients.s3, bucket):
            self.clients.s3.delete_bucket(Bucket=bucket)
        if self.stacks.status(self.names.data) is not None:
            self.stacks.protect(self.names.data, protected=False)
        return self.stacks.delete(self.names.data)


def empty(s3: "S3Client", bucket: str) -> bool:
    """Delete every version of every object; return whether there is such a bucket."""
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            _delete(s3, bucket, [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in versions])
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucket":
            return False
        raise
    return True


def _delete(s3: "S3Client", bucket: str, objects: "list[ObjectIdentifierTypeDef]") -> None:
    if not objects:
        return
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    if errors := answer.get("Errors"):
        raise DeploymentError(f"{bucket} keeps {errors[0].get('Key')}: {errors[0].get('Message')}")
