"""`chalice deploy` to a LocalStack of our own: real S3, API Gateway, Lambda and EventBridge calls, no AWS."""

import importlib.util
import sys
from pathlib import Path
from typing import Any, Self

from localstack_client.session import Session

from infrastructure import deployment
from infrastructure.local import parts
from infrastructure.local.part import Part
from infrastructure.local.settings import BUCKET, HOST, ROOT, Settings
from infrastructure.local.stack import Running

STAGE = "localstack"
SITE_BUCKET = "legible-page"
PROVIDED_BY_LAMBDA = ["boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six"]
_FOLDER = Path(__file__).parent
_PYTHON = ROOT / ".venv-localstack" / "bin" / "python"
_ENTRY_POINTS = """[localstack.lambda.runtime_executor]
process = lambda_executor:ProcessExecutorPlugin
"""


class Deployment(Running):
    """A context manager: inside it the API is deployed, with the real model; after it nothing is left."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings.on_free_ports(folder)
        self.model = parts.inference(self.settings)
        # Where S3 would serve the page; the name is LocalStack's, browsers of the tests find it on loopback.
        self.page_origin = (
            f"http://{SITE_BUCKET}.s3-website.localhost.localstack.cloud:{self.settings.s3_port}"
        )
        self.environment = {
            "AWS_ENDPOINT_URL": self.settings.s3_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        self.api_url = ""
        self._folder = folder
        self.logs = folder / "logs"
        super().__init__([localstack(self.settings.s3_port, folder), self.model], self.logs)

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self.client("s3").create_bucket(Bucket=BUCKET)
            self.deploy()
        except BaseException:
            self._stop()
            raise
        return self

    def deploy(self) -> None:
        environment = {
            "LEGIBLE_BUCKET": BUCKET,
            "LEGIBLE_INFERENCE_URL": self.settings.inference_url,
            "LEGIBLE_PAGE_ORIGIN": self.page_origin,
            "LEGIBLE_INFERENCE_SECONDS": "5",
        }
        self._project = deployment.prepare(self._folder / "project", STAGE, environment)
        self.chalice("deploy")
        (api,) = self.client("apigateway").get_rest_apis()["items"]
        # Not the address that Chalice prints, which is AWS's.
        self.api_url = f"{self.settings.s3_url}/_aws/execute-api/{api['id']}/api"

    def chalice(self, command: str) -> str:
        """Run a command of Chalice on the stage; return what it printed."""
        ran = deployment.run_chalice(self._project, command, "--stage", STAGE, **self.environment)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def log(self) -> str:
        """Return what the API's function has logged."""
        group = f"/aws/lambda/legible-{STAGE}"
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return "\n".join(event["message"] for page in pages for event in page["events"])

    def client(self, service: str) -> Any:  # noqa: ANN401  boto3's clients are made at run time
        return Session(localstack_host=f"{HOST}:{self.settings.s3_port}").client(service)


def localstack(port: int, folder: Path) -> Part:
    """Return LocalStack as a part, with the executor for Lambda that lies beside this file."""
    assert _PYTHON.exists(), "LocalStack is not installed: make test does that"
    plugin = folder / "plugin" / "lambda_executor-1.dist-info"
    plugin.mkdir(parents=True)
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: lambda-executor\nVersion: 1\n")
    (plugin / "entry_points.txt").write_text(_ENTRY_POINTS)
    environment = {
        "GATEWAY_LISTEN": f"{HOST}:{port}",
        "GATEWAY_SERVER": "hypercorn",  # the default one binds every address
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        "DNS_ADDRESS": "0",
        "S3_SKIP_SIGNATURE_VALIDATION": "0",
        "CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES": "0",
        "LAMBDA_SYNCHRONOUS_CREATE": "1",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "LAMBDA_EXECUTOR_PYTHON": sys.executable,
        "LAMBDA_EXECUTOR_RUNTIME": str(lambda_runtime(folder / "runtime")),
        "PYTHONPATH": f"{plugin.parent}:{_FOLDER}",
        "FILESYSTEM_ROOT": str(folder / "localstack"),
        "TMPDIR": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    command = [str(_PYTHON), "-m", "localstack.runtime.main"]
    return Part("localstack", command, environment, port=port, variable="-", health="/_localstack/health")


def lambda_runtime(folder: Path) -> Path:
    """Return a folder that holds what every Lambda of the Python runtime can import beside its zip."""
    folder.mkdir()
    for name in PROVIDED_BY_LAMBDA:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder
