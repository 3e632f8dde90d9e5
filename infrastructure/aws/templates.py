"""The CloudFormation templates: read, and uploaded to where CloudFormation reads them."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from infrastructure.aws.stacks import Change

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FOLDER = Path(__file__).parents[1] / "templates"
ROOT_TEMPLATE = "legible"


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref x` reads as {"Ref": "x"}."""


def _short_form(
    loader: yaml.SafeLoader, suffix: str, node: yaml.nodes.MappingNode | yaml.ScalarNode | yaml.SequenceNode
) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if name == "Fn::GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _short_form)


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def text(name: str) -> str:
    return (FOLDER / f"{name}.yaml").read_text()


def load(name: str) -> dict[str, Any]:
    """Return a template, with all functions in their long form."""
    return parse(text(name))


def parse(body: str) -> dict[str, Any]:
    template: dict[str, Any] = yaml.load(body, _Loader)  # noqa: S506  a SafeLoader, with short forms
    return template


def nested() -> list[str]:
    """Return the names of the templates that the root template wires."""
    resources = load(ROOT_TEMPLATE)["Resources"].values()
    return [
        resource["Properties"]["TemplateURL"]["Fn::Sub"].rpartition("/")[2].removesuffix(".yaml")
        for resource in resources
    ]


def additions(name: str) -> list[Change]:
    """Return what making a template's stack for the first time adds."""
    resources = load(name)["Resources"].items()
    return [Change("Add", resource, described["Type"], replaced=False) for resource, described in resources]


def _folder() -> str:
    content = hashlib.sha256("\0".join(map(text, names())).encode()).hexdigest()
    return f"templates/{content[:16]}"  # follows from the content: what is uploaded once never changes


def url(bucket: str, region: str) -> str:
    """Return the URL of the folder that `upload` fills."""
    return f"https://{bucket}.s3.{region}.amazonaws.com/{_folder()}"


def upload(s3: "S3Client", bucket: str) -> None:
    """Upload all templates."""
    for name in names():
        key = f"{_folder()}/{name}.yaml"
        s3.put_object(Bucket=bucket, Key=key, Body=text(name).encode(), ContentType="text/yaml")
