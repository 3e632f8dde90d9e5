"""An account without AWS: moto's server for what is called directly, and a CloudFormation beside it.

moto's own leaves out half of the resources and says CREATE_COMPLETE, which proves nothing.
"""

import hashlib
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import urllib3
from botocore.config import Config

from infrastructure.aws.clients import Clients
from infrastructure.local.part import Part
from infrastructure.local.settings import HOST, free_ports
from infrastructure.local.stack import Running
from tests.integration.infrastructure.aws_stacks import CloudFormation
from tests.unit.infrastructure.cloudformation import REGION

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_service_quotas import ServiceQuotasClient

MOTO = [sys.executable, "-m", "moto.server"]


class Interrupted(BaseException):
    """What stands for ctrl-C: nobody catches it."""


@contextmanager
def moto_server(folder: Path) -> Iterator[str]:
    """Yield the address of moto's server."""
    port = next(free_ports())
    command = [*MOTO, "-H", HOST, "-p", str(port)]
    with Running([Part("moto", command, {}, port=port, variable="-", health="/moto-api/")], folder):
        yield f"http://{HOST}:{port}"


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
    quotas: dict[str, float] = field(default_factory=lambda: defaultdict(lambda: 1000.0))  # by their codes
    interrupt_at: int | None = None  # the number of the call, from 0, that does not get through
    asked: int = 0

    def __post_init__(self) -> None:
        urllib3.request("POST", f"{self.moto.address}/moto-api/reset", timeout=60.0)
        self.moto.account = self
        self.stacks = CloudFormation(self.ask, self.client)
        self.clients = replace(
            self.moto.recorded,
            cloudformation=cast("CloudFormationClient", self.stacks),
            quotas=cast("ServiceQuotasClient", self),
            emr=cast("EMRServerlessClient", _Applications(self.moto.recorded.emr)),
        )

    def client(self, service: str) -> Any:  # noqa: ANN401  whichever is asked for
        """Return a client whose calls are AWS's own, and so not recorded."""
        return self.moto.client(service)

    def get_service_quota(self, QuotaCode: str, **_service: str) -> dict[str, dict[str, float]]:  # noqa: N803
        return {"Quota": {"Value": self.quotas[QuotaCode]}}

    def wait(self, _seconds: float) -> None:
        """Pass the time: what CloudFormation has begun, it ends."""
        self.ask("wait")
        self.stacks.proceed()

    def ask(self, call: str, *, changes: bool = False) -> None:
        """Count a call, and let it through or not. Ctrl-C comes to the main thread alone."""
        if threading.current_thread() is threading.main_thread():
            number, self.asked = self.asked, self.asked + 1
            if number == self.interrupt_at:
                raise Interrupted(call)
        if changes:
            self.calls.append(call)


class _Applications:
    """moto's, which knows no application by its runs that has had none."""

    def __init__(self, client: "EMRServerlessClient") -> None:
        self._client = client

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)

    def list_job_runs(self, **of: Any) -> Any:  # noqa: ANN401  as boto3's
        try:
            return self._client.list_job_runs(**of)
        except self._client.exceptions.ResourceNotFoundException:
            return {"jobRuns": []}


class _WithEndpoint(boto3.Session):
    """A session whose clients ask moto."""

    def __init__(self, session: boto3.Session, address: str) -> None:
        self._of = session
        self._address = address

    def client(self, service_name: str, config: Config | None = None, **_options: object) -> Any:  # type: ignore[override]  # noqa: ANN401  as boto3's, of which only this is used
        return self._of.client(service_name, endpoint_url=self._address, config=config)  # type: ignore[call-overload]  # any of its services


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
        if self.pushed:
            time.sleep(1)  # moto says only in which second an image was pushed
        self.account.client("ecr").put_image(
            repositoryName=repository,
            imageManifest=manifest,
            imageTag=label,
            imageDigest=f"sha256:{hashlib.sha256(label.encode()).hexdigest()}",
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
