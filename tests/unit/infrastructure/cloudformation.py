"""What CloudFormation makes of templates: parameters put in, references resolved, conditions decided.

Nothing is emulated beyond the language itself. `make` says what a resource is once it is made: its id and
its attributes; by default both are its path, as `Network.TaskGroup` and `Inference.Balancer.DNSName`.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from infrastructure.aws import templates

_load = cache(templates.load)
ACCOUNT, REGION = "123456789012", "us-east-1"
NO_VALUE = object()
STACK = "AWS::CloudFormation::Stack"


@dataclass(frozen=True)
class Resource:
    path: str  # Network.TaskGroup
    type: str
    properties: dict[str, Any]  # resolved
    described: dict[str, Any]  # as it stands in the template


Attribute = Callable[[str], str]  # "Ref" is the id
Make = Callable[[Resource], Attribute]


def symbolic(resource: Resource) -> Attribute:
    return lambda name: resource.path if name == "Ref" else f"{resource.path}.{name}"


class Stack:
    """One template with its parameters; `resources` has those of nested stacks too, in the order made."""

    def __init__(
        self, name: str, parameters: Mapping[str, str], make: Make = symbolic, path: str = ""
    ) -> None:
        self._template = _load(name)
        self._path = path
        self._make = make
        self._made: dict[str, Attribute] = {}
        self.resources: list[Resource] = []
        declared = self._template.get("Parameters", {})
        assert set(parameters) <= set(declared), f"{name} does not know {set(parameters) - set(declared)}"
        defaults = {key: value["Default"] for key, value in declared.items() if "Default" in value}
        self.parameters = defaults | dict(parameters)
        assert set(self.parameters) == set(declared), f"{name} lacks {set(declared) - set(self.parameters)}"
        for logical in self._template["Resources"]:
            self._ensure(logical)
        self.outputs = {
            key: self.resolve(value["Value"]) for key, value in self._template.get("Outputs", {}).items()
        }

    def _ensure(self, logical: str) -> None:
        described = self._template["Resources"][logical]
        if logical in self._made or not self._holds(described.get("Condition")):
            return
        before = described.get("DependsOn", [])
        for other in [before] if isinstance(before, str) else before:
            self._ensure(other)
        properties = self.resolve(described.get("Properties", {}))
        path = f"{self._path}.{logical}".lstrip(".")
        if described["Type"] == STACK:
            self._made[logical] = self._nest(path, properties)
        else:
            resource = Resource(path, described["Type"], properties, described)
            self._made[logical] = self._make(resource)
            self.resources.append(resource)

    def _nest(self, path: str, properties: dict[str, Any]) -> Attribute:
        name = properties["TemplateURL"].rpartition("/")[2].removesuffix(".yaml")
        nested = Stack(name, properties.get("Parameters", {}), self._make, path)
        self.resources += nested.resources
        return lambda attribute: nested.outputs[attribute.removeprefix("Outputs.")]

    def _holds(self, condition: str | None) -> bool:
        return condition is None or bool(self.resolve(self._template["Conditions"][condition]))

    def resolve(self, value: Any) -> Any:  # noqa: ANN401  whatever stands in a template
        if isinstance(value, list):
            resolved = [self.resolve(part) for part in value]
            return [part for part in resolved if part is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name,) = value
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name, value[name])
        resolved_items = {key: self.resolve(part) for key, part in value.items()}
        return {key: part for key, part in resolved_items.items() if part is not NO_VALUE}

    def _call(self, function: str, argument: Any) -> Any:  # noqa: ANN401  likewise
        if function == "Fn::If":
            condition, then, otherwise = argument
            return self.resolve(then if self._holds(condition) else otherwise)
        if function == "Fn::Sub":
            return re.sub(r"\$\{([\w:.]+)\}", lambda match: str(self._reference(match[1])), argument)
        if function == "Fn::GetAtt":
            return self._reference(".".join(argument))
        if function == "Ref":
            return self._reference(argument)
        return _FUNCTIONS[function](self.resolve(argument))

    def _reference(self, name: str) -> Any:  # noqa: ANN401  a parameter may be a list
        if name.startswith("AWS::"):
            return _PSEUDO.get(name) or {"AWS::StackName": f"legible-{self._path or 'root'}"}[name]
        if name in self.parameters:
            type_ = self._template["Parameters"][name]["Type"]
            value = self.parameters[name]
            return value.split(",") if type_.startswith("List<") else value
        logical, _, attribute = name.partition(".")
        self._ensure(logical)
        return self._made[logical](attribute or "Ref")


def _cidr(argument: list[Any]) -> list[str]:
    block, count, bits = argument
    subnets = ipaddress.ip_network(block).subnets(new_prefix=32 - int(bits))
    return [str(next(subnets)) for _ in range(int(count))]


_PSEUDO: dict[str, Any] = {
    "AWS::AccountId": ACCOUNT,
    "AWS::NoValue": NO_VALUE,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::URLSuffix": "amazonaws.com",
}
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "Fn::Base64": lambda text: text,
    "Fn::Cidr": _cidr,
    "Fn::Equals": lambda pair: pair[0] == pair[1],
    "Fn::GetAZs": lambda region: [f"{region or REGION}{zone}" for zone in "abc"],
    "Fn::Join": lambda pair: pair[0].join(pair[1]),
    "Fn::Not": lambda operand: not operand[0],
    "Fn::Select": lambda pair: pair[1][int(pair[0])],
}
