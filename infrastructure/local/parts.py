"""What runs on one machine: the four parts, each with its command, its environment and its health."""

import os
import sys
from pathlib import Path

from infrastructure.local.credentials import Credentials
from infrastructure.local.part import Part
from infrastructure.local.settings import BUCKET, HOST, Settings, free_ports

_REGION = "us-east-1"  # SeaweedFS has no regions, but clients must name one


def store(settings: Settings, credentials: Credentials) -> Part:
    folder = settings.data / "s3"
    folder.mkdir(exist_ok=True)
    ports = free_ports()
    command = [
        _tool("weed"),
        "-logtostderr",  # and not to files in /tmp as well
        "mini",
        "-dir=.",  # by its name a folder with a comma would be two
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        f"-s3.port={settings.s3_port}",
        f"-s3.port.grpc={next(ports)}",  # else it is 10,000 above, which another part may have
        *(f"-{server}.port={next(ports)}" for server in ("master", "volume", "filer", "admin")),
        "-volume.preStopSeconds=0",  # there is no cluster that has to learn of it
        *(f"-{server}.localSocket={server}.sock" for server in ("s3", "filer")),  # in /tmp they would stay
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.allowedOrigins=none",
        "-s3.iam=false",
        "-webdav=false",
        "-admin.ui=false",
        "-master.telemetry=false",
    ]
    environment = {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "S3_BUCKET": BUCKET,
    }
    return Part(
        "store",
        command,
        environment,
        port=settings.s3_port,
        variable="LEGIBLE_S3_PORT",
        health="/",
        healthy_status=403,  # it knows its credentials, and this request has none
        folder=folder,
    )


def inference(settings: Settings) -> Part:
    environment = {
        "LEGIBLE_INFERENCE_HOST": HOST,
        "LEGIBLE_INFERENCE_PORT": str(settings.inference_port),
    }
    return Part(
        "model",
        [sys.executable, "-m", "inference_image"],
        environment,
        port=settings.inference_port,
        variable="LEGIBLE_INFERENCE_PORT",
        health="/ping",
    )


def api(settings: Settings, credentials: Credentials) -> Part:
    command = [
        sys.executable,
        "-m",
        "infrastructure.local.api",
        "local",
        "--no-autoreload",
        "--stage",
        "local",
        "--host",
        HOST,
    ]
    environment = {
        **store_environment(settings, credentials),
        "LEGIBLE_BUCKET": BUCKET,
        "LEGIBLE_INFERENCE_URL": settings.inference_url,
        "LEGIBLE_PAGE_ORIGIN": settings.page_url,
    }
    return Part(
        "API",
        [*command, "--port", str(settings.api_port)],
        environment,
        port=settings.api_port,
        variable="LEGIBLE_API_PORT",
        health="/health",  # which asks the store and the model as well
    )


def page(settings: Settings) -> Part:
    command = [sys.executable, "-m", "uvicorn", "--log-level", "warning", "--no-access-log", "--host", HOST]
    return Part(
        "page",
        [*command, "--port", str(settings.page_port), "infrastructure.local.page:app"],
        {"LEGIBLE_API_URL": settings.api_url},
        port=settings.page_port,
        variable="LEGIBLE_PAGE_PORT",
        health="/config.json",
    )


def store_environment(settings: Settings, credentials: Credentials) -> dict[str, str]:
    """Return what points boto3, and the accuracy job's client, at the store of this machine."""
    return {
        "AWS_CONFIG_FILE": os.devnull,  # what a person has set for AWS in files is not for this store
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ENDPOINT_URL_S3": settings.s3_url,
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_DEFAULT_REGION": _REGION,
        "AWS_REGION": _REGION,
    }


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))  # of the same virtual environment
