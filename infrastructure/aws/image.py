"""The model server's image: built here, pushed to the account's registry, named by its digest."""

import base64
import contextlib
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from infrastructure.aws.errors import DeploymentError
from infrastructure.local.settings import ROOT

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

FOLDER = ROOT / "inference_image"  # all that .dockerignore lets into a build
DOCKERFILE = FOLDER / "Dockerfile"
# Docker pushes an attestation beside each image, and the registry, which keeps ten, would count both.
ENVIRONMENT = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
RELEASED = "released-"  # before the tag of what a stage has run, which the registry keeps apart
PLATFORM = "linux/amd64"  # of the instances, whatever the machine is that builds


class Engine(Protocol):
    """What builds images and pushes them."""

    def build(self, tag: str) -> None: ...
    def push(self, tag: str, user: str, password: str) -> None: ...


@dataclass(frozen=True)
class ContainerEngine:
    """Docker or podman."""

    name: str

    @classmethod
    def find(cls) -> "ContainerEngine":
        """Return an engine that answers; raise DeploymentError if none does."""
        for name in ("docker", "podman"):
            if (
                shutil.which(name)
                and subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0
            ):
                return cls(name)
        raise DeploymentError("Neither Docker nor podman answers, and the image must be built. Start one.")

    def build(self, tag: str) -> None:
        (model,) = (ROOT / "inference_image" / "weights").glob("*.json")
        labels = (f"VERSION={tag.rpartition(':')[2]}", f"MODEL={model.stem}")
        names = ("--file", str(DOCKERFILE), "--tag", tag, *(f"--build-arg={label}" for label in labels))
        self._call("build", "--pull", "--platform", PLATFORM, *names, str(ROOT))

    def push(self, tag: str, user: str, password: str) -> None:
        registry = tag.partition("/")[0]
        self._call("login", "--username", user, "--password-stdin", registry, given=password)
        try:
            self._call("push", tag)
        finally:
            self._call("logout", registry)

    def _call(self, *arguments: str, given: str = "") -> None:
        done = subprocess.run(
            [self.name, *arguments],
            env=os.environ | ENVIRONMENT,
            input=given,
            text=True,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise DeploymentError(f"{self.name} {arguments[0]}: {done.stderr.strip()[-2000:]}")


def content_tag(folder: Path = FOLDER) -> str:
    """Return a tag that follows from the files of an image: the same files are not built twice."""
    content = hashlib.sha256()
    for path in sorted(
        path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ):
        content.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return f"content-{content.hexdigest()[:16]}"


def publish(
    ecr: "ECRClient", repository: str, engine: Engine, content: str, rebuilt: str = ""
) -> tuple[str, bool]:
    """Build and push the image unless the repository has it.

    Returns its name with the digest, and whether it was built. `repository` is the URI, without a tag.
    `rebuilt` is a day: the same files are built again, on the newest base, once on that day.
    """
    name = repository.partition("/")[2]
    tag = f"{content}-{rebuilt}" if rebuilt else content
    found = digest(ecr, name, tag)
    built = found is None
    if built:
        engine.build(f"{repository}:{tag}")
        user, _, password = _authorization(ecr).partition(":")
        engine.push(f"{repository}:{tag}", user, password)
        found = digest(ecr, name, tag)
    if found is None:
        raise DeploymentError(f"{repository} does not have {tag}, which was pushed just now.")
    return f"{repository}@{found}", built


def digest(ecr: "ECRClient", name: str, tag: str) -> str | None:
    """Return the digest of the newest image of a tag, rebuilt or not; None if there is none."""
    pages = ecr.get_paginator("describe_images").paginate(repositoryName=name, filter={"tagStatus": "TAGGED"})
    images = [
        image
        for page in pages
        for image in page["imageDetails"]
        if any(each.startswith(tag) for each in image["imageTags"])
    ]
    return max(images, key=itemgetter("imagePushedAt"))["imageDigest"] if images else None


def keep(ecr: "ECRClient", image: str) -> None:
    """Tag an image, by its name with the digest, as released: the registry keeps these apart from others."""
    repository, _, digest = image.partition("@")
    name, tag = repository.partition("/")[2], f"{RELEASED}{digest.removeprefix('sha256:')[:16]}"
    (found,) = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageDigest": digest}])["images"]
    is_kept = ecr.exceptions.ImageAlreadyExistsException, ecr.exceptions.ImageTagAlreadyExistsException
    with contextlib.suppress(*is_kept):
        ecr.put_image(repositoryName=name, imageManifest=found["imageManifest"], imageTag=tag)


def _authorization(ecr: "ECRClient") -> str:
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(token).decode()
