"""The accuracy job: its package uploaded, and a run of it as the schedule starts it."""

import hashlib
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accuracy_job import emr, package
from infrastructure.aws.errors import DeploymentError
from infrastructure.local.settings import ROOT

if TYPE_CHECKING:
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_scheduler import EventBridgeSchedulerClient

PACKAGE = ROOT / "build" / "emr"  # where `python -m accuracy_job.emr build` writes it
FILES = ("main.py", "job.zip", "environment.tar.gz")
POLL_SECONDS = 10.0
_MAKE = f"Make it: {emr.COMMAND} (docs/accuracy-job.md)"
ENDED = {"SUCCESS", "FAILED", "CANCELLED"}


@dataclass(frozen=True)
class Package:
    """What EMR Serverless runs: an entry, the job's code, and an interpreter with all that it imports."""

    folder: Path

    @classmethod
    def find(cls, folder: Path = PACKAGE) -> "Package":
        """Return the package in a folder; raise DeploymentError if it is not whole, or of other code."""
        if missing := [name for name in FILES if not (folder / name).is_file()]:
            raise DeploymentError(
                f"the accuracy job's package lacks {', '.join(missing)} in {folder}. {_MAKE}"
            )
        if other := [name for name, content in package.files().items() if not _is(folder / name, content)]:
            raise DeploymentError(
                f"the accuracy job's package in {folder} is not of this code: {', '.join(other)}. {_MAKE}"
            )
        return cls(folder)

    def key(self) -> str:
        """Return the folder's key in the artefact bucket. It follows from the content."""
        content = hashlib.sha256()
        for name in FILES:
            with (self.folder / name).open("rb") as file:
                content.update(hashlib.file_digest(file, "sha256").digest())
        return f"job/{content.hexdigest()[:16]}"

    def upload(self, s3: "S3Client", bucket: str) -> None:
        """Upload what the bucket does not have yet."""
        folder = self.key()  # reads the whole package
        there = s3.list_objects_v2(Bucket=bucket, Prefix=f"{folder}/").get("Contents", [])
        for name in FILES:
            if (key := f"{folder}/{name}") not in {item["Key"] for item in there}:
                s3.upload_file(str(self.folder / name), bucket, key)


def _is(file: Path, content: bytes) -> bool:
    return file.is_file() and file.read_bytes() == content


def run(
    scheduler: "EventBridgeSchedulerClient",
    emr: "EMRServerlessClient",
    schedule: str,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Run the job now, as its schedule would; return when it has succeeded, raise DeploymentError if not."""
    target = scheduler.get_schedule(Name=schedule)["Target"]
    request: Any = in_camel_case(json.loads(target["Input"])) | {"clientToken": uuid.uuid4().hex}
    started = emr.start_job_run(**request)
    application, id = started["applicationId"], started["jobRunId"]
    while (ran := emr.get_job_run(applicationId=application, jobRunId=id)["jobRun"])["state"] not in ENDED:
        wait(POLL_SECONDS)
    if ran["state"] != "SUCCESS":
        raise DeploymentError(f"the accuracy job ended as {ran['state']}: {ran['stateDetails']}")


def in_camel_case(value: object) -> Any:  # noqa: ANN401  JSON
    """Return JSON as boto3 names its parts: EventBridge, as CloudFormation, begins names with a capital."""
    if isinstance(value, list):
        return [in_camel_case(part) for part in value]
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: in_camel_case(part) for name, part in value.items()}
    return value
