"""The offline AWS tier: LocalStack and the model as processes, the API by Chalice's own test client."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from chalice.test import Client

from infrastructure.local import parts
from infrastructure.local.part import Part
from infrastructure.local.settings import BUCKET, HOST, ROOT, Settings
from infrastructure.local.stack import Running

_PYTHON = ROOT / ".venv-localstack" / "bin" / "python"


def _localstack(port: int, folder: Path) -> Part:
    assert _PYTHON.exists(), "LocalStack is not installed: make test does that"
    environment = {
        "GATEWAY_LISTEN": f"{HOST}:{port}",
        "GATEWAY_SERVER": "hypercorn",  # the default one binds every address
        "SERVICES": "s3",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        "DNS_ADDRESS": "0",
        "S3_SKIP_SIGNATURE_VALIDATION": "0",
        "FILESYSTEM_ROOT": str(folder / "localstack"),
        "TMPDIR": str(folder),
    }
    command = [str(_PYTHON), "-m", "localstack.runtime.main"]
    return Part("localstack", command, environment, port=port, variable="-", health="/_localstack/health")


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Yield a client of the deployed code in this process, with S3 in LocalStack and the real model."""
    folder = tmp_path_factory.mktemp("localstack")
    settings = Settings.on_free_ports(folder)
    environment = {
        "AWS_ENDPOINT_URL": settings.s3_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "LEGIBLE_BUCKET": BUCKET,
        "LEGIBLE_INFERENCE_URL": settings.inference_url,
        "LEGIBLE_PAGE_ORIGIN": settings.page_url,
    }
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        with Running([_localstack(settings.s3_port, folder), parts.inference(settings)], folder):
            _make_bucket()
            from app import app  # noqa: PLC0415  it reads the environment when it is imported

            with Client(app, stage_name="local", project_dir=str(ROOT)) as client:
                yield client
    finally:
        os.environ.clear()
        os.environ.update(before)


def _make_bucket() -> None:
    from localstack_client.session import Session  # noqa: PLC0415  it reads the environment as well

    Session().client("s3").create_bucket(Bucket=BUCKET)
