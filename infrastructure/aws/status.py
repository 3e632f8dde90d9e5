"""What there is of a stage, and how it does."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from infrastructure.aws import functions
from infrastructure.aws.clients import Clients
from infrastructure.aws.release import Names
from infrastructure.aws.stacks import Stacks
from infrastructure.aws.stages import Stage

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef


def rows(stage: Stage, clients: Clients) -> Iterator[tuple[str, str]]:
    """Return lines of what is looked at and how it is; of a stage that is not there, that it is not."""
    stacks, names = Stacks(clients.cloudformation, {}), Names.of(stage)
    for name in (names.data, names.foundation, names.stage):
        yield name, stacks.status(name) or "not there"
    if not (outputs := stacks.outputs(names.stage)):
        return
    yield "page", outputs["EnvironmentPageOrigin"]
    bucket = stacks.outputs(names.foundation)["ArtefactBucket"]
    yield "API", functions.Functions(clients, stage.name, bucket).api_id() or "not deployed"
    if service := _service(clients, outputs):
        yield "model server", _tasks(service)
        yield "image", _image(clients, service)
    else:
        yield "model server", "not there, though its stack is"
    yield "alarms", _alarms(clients, names.stage)
    yield "alarms go to", outputs["Topic"]
    yield "dashboard", outputs["Dashboard"]


def _service(clients: Clients, outputs: dict[str, str]) -> "ServiceTypeDef | None":
    """Return the model server's service; None if somebody has deleted it, with or without its cluster."""
    try:
        answer = clients.ecs.describe_services(cluster=outputs["Cluster"], services=[outputs["Service"]])
    except clients.ecs.exceptions.ClusterNotFoundException:
        return None
    # For an hour or so it is still told of, as inactive.
    return next((service for service in answer["services"] if service["status"] != "INACTIVE"), None)


def _tasks(service: "ServiceTypeDef") -> str:
    rollouts = [deployment.get("rolloutState", "UNKNOWN") for deployment in service["deployments"]]
    return f"{service['runningCount']} of {service['desiredCount']} tasks, {', '.join(rollouts)}"


def _image(clients: Clients, service: "ServiceTypeDef") -> str:
    task = clients.ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    return task["containerDefinitions"][0]["image"]


def _alarms(clients: Clients, stack: str) -> str:
    pages = clients.cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=stack, StateValue="ALARM"
    )
    alarms = [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]]
    return ", ".join(alarms) or "none"
