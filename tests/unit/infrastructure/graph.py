"""All that the templates make of a stage, as a graph that rules are asked of."""

from typing import Any

from infrastructure.aws.stages import STAGES, Stage
from tests.unit.infrastructure.cloudformation import Stack

GIVEN = {
    "Templates": "https://artefacts.s3.us-east-1.amazonaws.com/templates/0",
    "DataBucket": "data",
    "ArtefactBucket": "artefacts",
    "LogBucket": "logs",
    "LogBucketDomain": "logs.s3.amazonaws.com",
    "Repository": "arn:aws:ecr:us-east-1:123456789012:repository/model",
    "Image": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/model@sha256:{'0' * 64}",
    "ApiId": "a1b2c3",
    "JobFolder": "job/0",
    "S3PrefixList": "pl-63a5400a",
}


class Graph:
    """The resources of a stage, by path and by type."""

    def __init__(self, stage: Stage = STAGES["dev"], **changed: str) -> None:
        stack = Stack("legible", stage.parameters() | GIVEN | changed)
        data, foundation = Stack("data", {}, path="Data"), Stack("foundation", {}, path="Foundation")
        self.resources = [*data.resources, *foundation.resources, *stack.resources]
        self.outputs = stack.outputs

    def __getitem__(self, path: str) -> dict[str, Any]:
        (found,) = (resource.properties for resource in self.resources if resource.path == path)
        return found

    def of(self, type_: str) -> dict[str, dict[str, Any]]:
        return {resource.path: resource.properties for resource in self.resources if resource.type == type_}

    def position(self, path: str) -> int:
        """Return when a resource is made; it is deleted in the opposite order."""
        return [resource.path for resource in self.resources].index(path)

    @property
    def container(self) -> dict[str, Any]:
        """Return the model server's, the only one of its task."""
        (only,) = self["Inference.Task"]["ContainerDefinitions"]
        return dict(only)
