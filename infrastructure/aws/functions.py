"""The API's functions, by `chalice deploy`. Its state lies in the artefact bucket: any machine can go on."""

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infrastructure import deployment
from infrastructure.aws.clients import Clients
from infrastructure.aws.errors import DeploymentError
from infrastructure.local.settings import ROOT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONFIG = json.loads((ROOT / ".chalice" / "config.json").read_text())
GATEWAY_STAGE = CONFIG["api_gateway_stage"]
HANDLERS = ("api_handler", *CONFIG["lambda_functions"])


def environment(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the functions' variables: the output EnvironmentInferenceUrl is LEGIBLE_INFERENCE_URL."""
    named = {
        name.removeprefix("Environment"): value
        for name, value in outputs.items()
        if name.startswith("Environment")
    }
    return {"LEGIBLE" + re.sub("([A-Z])", r"_\1", name).upper(): value for name, value in named.items()}


def network(outputs: Mapping[str, str]) -> dict[str, list[str]]:
    """Return where the functions have their addresses, as Chalice is told."""
    return {
        "subnet_ids": outputs["FunctionSubnets"].split(","),
        "security_group_ids": [outputs["FunctionGroup"]],
    }


class Functions:
    """The functions of one stage, and the API before them. `bucket` keeps Chalice's state."""

    def __init__(self, clients: Clients, stage: str, bucket: str) -> None:
        self._clients = clients
        self._stage = stage
        self._bucket = bucket

    def api_id(self) -> str:
        """Return the id of the API that was deployed last, "" if none was."""
        state = json.loads(self._state() or "{}")
        ids = [resource.get("rest_api_id") for resource in state.get("resources", [])]
        return next((id for id in ids if id), "")

    def deploy(self, variables: Mapping[str, str], **settings: object) -> str:
        """Deploy the functions with these variables and settings of Chalice; return the API's id."""
        remove_apis(self._clients, self._stage, but=self.api_id())  # of a deployment that was interrupted
        with tempfile.TemporaryDirectory() as name:
            folder = deployment.prepare(Path(name), self._stage, variables, **settings)
            state = folder / ".chalice" / "deployed" / f"{self._stage}.json"
            state.parent.mkdir()
            if known := self._state():
                state.write_bytes(known)
            self._chalice(folder)
            self._clients.s3.put_object(Bucket=self._bucket, Key=self._key, Body=state.read_bytes())
        return self.api_id()

    @property
    def _key(self) -> str:
        return f"chalice/{self._stage}.json"

    def _state(self) -> bytes | None:
        return _object(self._clients.s3, self._bucket, self._key)

    def _chalice(self, folder: Path) -> None:
        region = self._clients.region
        done = deployment.run_chalice(folder, "deploy", "--stage", self._stage, AWS_DEFAULT_REGION=region)
        if done.returncode != 0:
            raise DeploymentError(f"chalice deploy: {(done.stdout + done.stderr).strip()[-2000:]}")


def remove(clients: Clients, stage: str) -> list[str]:
    """Remove what Chalice makes of a stage but for the roles; return the names of what was there.

    By its names, and not by Chalice's state: an interrupted deployment has made things that are in no state.
    """
    removed = remove_apis(clients, stage)
    for function in (function_name(stage, handler) for handler in HANDLERS):
        removed += _rule(clients, f"{function}-event")
        removed += _gone(function, lambda name: clients.functions.delete_function(FunctionName=name))
    return removed


def remove_roles(clients: Clients, stage: str) -> list[str]:
    """Remove the functions' roles; return the names of those that were there.

    Lambda gives up a network's addresses in the role of the function that had them, long after the
    function has gone: without the role they stay, and the network with them.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    """
    return [removed for handler in HANDLERS for removed in _role(clients, role_name(stage, handler))]


def is_of_another_region(clients: Clients, stage: str, bucket: str | None) -> bool:
    """Tell whether a stage's roles serve another data bucket than this region's. All regions share roles."""
    name = role_name(stage, "api_handler")
    try:
        policy = clients.iam.get_role_policy(RoleName=name, PolicyName=name)["PolicyDocument"]
    except clients.iam.exceptions.NoSuchEntityException:
        return False
    return bucket is None or f":::{bucket}/" not in json.dumps(policy)


def role_name(stage: str, handler: str) -> str:
    """Return Chalice's name for a function's role."""
    return f"{CONFIG['app_name']}-{stage}-{handler}"


def function_name(stage: str, handler: str) -> str:
    """Return Chalice's name for a function; the API's is without its handler's."""
    base = f"{CONFIG['app_name']}-{stage}"
    return base if handler == "api_handler" else f"{base}-{handler}"


def remove_apis(clients: Clients, stage: str, but: str = "") -> list[str]:
    """Remove the APIs that call a stage's function; return their ids. By name, all stages' are alike."""
    pages = clients.apigateway.get_paginator("get_rest_apis").paginate()
    apis = [api["id"] for page in pages for api in page["items"] if api["name"] == CONFIG["app_name"]]
    calling = f":function:{function_name(stage, 'api_handler')}/invocations"
    removed = [id for id in apis if id != but and calling in _integrations(clients, id)]
    for id in removed:
        clients.apigateway.delete_rest_api(restApiId=id)
    return removed


def _integrations(clients: Clients, api: str) -> str:
    pages = clients.apigateway.get_paginator("get_resources").paginate(restApiId=api, embed=["methods"])
    resources: list[Any] = [resource for page in pages for resource in page["items"]]
    methods = [method for resource in resources for method in resource.get("resourceMethods", {}).values()]
    return "\n".join(method.get("methodIntegration", {}).get("uri", "") for method in methods)


def _rule(clients: Clients, name: str) -> list[str]:
    def delete(name: str) -> None:
        targets = clients.events.list_targets_by_rule(Rule=name)["Targets"]
        if targets:
            clients.events.remove_targets(Rule=name, Ids=[target["Id"] for target in targets])
        clients.events.delete_rule(Name=name)

    return _gone(name, delete)


def _role(clients: Clients, name: str) -> list[str]:
    def delete(name: str) -> None:
        for policy in clients.iam.list_role_policies(RoleName=name)["PolicyNames"]:
            clients.iam.delete_role_policy(RoleName=name, PolicyName=policy)
        clients.iam.delete_role(RoleName=name)

    return _gone(name, delete)


def _gone(name: str, delete: Callable[[str], object]) -> list[str]:
    """Delete something; return its name, or nothing if there was nothing."""
    try:
        delete(name)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"ResourceNotFoundException", "NoSuchEntity"}:
            return []
        raise
    return [name]


def _object(s3: "S3Client", bucket: str, key: str) -> bytes | None:
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in {"NoSuchKey", "NoSuchBucket"}:
            return None
        raise
