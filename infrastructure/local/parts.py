"""What runs on one machine: the four parts, each with its command, its environment and its health."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from inference_image.cores import usable_cores
from infrastructure.local.credentials import Credentials
from infrastructure.local.part import Part
from infrastructure.local.settings import BUCKET, HOST, Settings, free_ports
from infrastructure.local.store import REGION, SOCKETS, StorePart

MOST_WORKERS = 4  # for one person; each takes 230 MB, and a large machine has cores for many


def store(settings: Settings, credentials: Credentials) -> StorePart:
    folder = settings.data / "s3"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)  # all handwriting lies in it as it is, and its files are for everybody to read
    free = free_ports()
    ports = {server: next(free) for server in ("master", "volume", "filer", "admin")}
    # Each speaks gRPC 10,000 above (elsewhere its stop takes half a minute); S3, where that may be another
    # part's port, on one by itself.
    inner = {server: port + 10_000 for server, port in ports.items()} | {"s3": next(free)}
    command = [
        _tool("weed"),
        "-logtostderr",  # and not to files in /tmp as well
        "mini",
        "-dir=.",  # by its name a folder with a comma would be two
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        f"-s3.port={settings.s3_port}",
        f"-s3.port.grpc={inner['s3']}",
        *(f"-{server}.port={port}" for server, port in ports.items()),
        "-volume.preStopSeconds=0",  # there is no cluster that has to learn of it
        *(f"-{server}.localSocket={server}.sock" for server in ("s3", "filer")),  # in /tmp they would stay
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.allowedOrigins=none",
        "-disableHttp",  # of master and filer: any page in a browser could ask them, without a signature
        "-s3.iam=false",
        "-webdav=false",
        "-admin.ui=false",
        "-master.telemetry=false",
    ]
    environment = {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
    }
    return StorePart(
        "store",
        command,
        environment,
        port=settings.s3_port,
        variable="LEGIBLE_S3_PORT",
        health=f"/{BUCKET}",
        folder=folder,
        credentials=credentials,
        sockets=[SOCKETS / f"seaweedfs-{server}-grpc-{port}.sock" for server, port in inner.items()],
    )


def inference(settings: Settings) -> Part:
    environment = {
        "LEGIBLE_INFERENCE_HOST": HOST,
        "LEGIBLE_INFERENCE_PORT": str(settings.inference_port),
        "LEGIBLE_INFERENCE_WORKERS": workers(os.environ, usable_cores()),
    }
    return Part(
        "model",
        [sys.executable, "-m", "inference_image"],
        environment,
        port=settings.inference_port,
        variable="LEGIBLE_INFERENCE_PORT",
        health="/ping",
    )


def workers(environment: Mapping[str, str], cores: int) -> str:
    """Return how many workers the model's server gets: as many as it is said, else few."""
    return environment.get("LEGIBLE_INFERENCE_WORKERS") or str(min(cores, MOST_WORKERS))


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
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))  # of the same virtual environment
