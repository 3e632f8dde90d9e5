"""The accuracy job: its package uploaded, and a run of it as the schedule starts it."""

import hashlib
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infrastructure.aws.errors import DeploymentError
from infrastructure.local.settings import ROOT

if TYPE_CHECKING:
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_scheduler import EventBridgeSchedulerClient

PACKAGE = ROOT / "build" / "accuracy_job"
POLL_SECONDS = 10.0
_ENDED = {"SUCCESS", "FAILED", "CANCELLED"}


@dataclass(frozen=True)
class Package:
    """What EMR Serverless runs: a script, and a virtual environment packed for Amazon Linux."""

    entry_point: Path
    environment: Path

    @classmethod
    def find(cls, folder: Path = PACKAGE) -> "Package":
        """Return the package in a folder; raise DeploymentError if there is none."""
        scripts, archives = sorted(folder.glob("*.py")), sorted(folder.glob("*.tar.gz"))
        if len(scripts) != 1 or len(archives) != 1:
            raise DeploymentError(
                f"{folder} does not hold the accuracy job's package, one *.py and one *.tar.gz. "
                "docs/accuracy-job.md says how it is made."
            )
        return cls(scripts[0], archives[0])

    def parameters(self) -> dict[str, str]:
        """Return the keys, as parameters of templates/legible.yaml. They follow from the content."""
        return {"JobEntryPoint": _key(self.entry_point), "JobEnvironment": _key(self.environment)}

    def upload(self, s3: "S3Client", bucket: str) -> None:
        s3.upload_file(str(self.entry_point), bucket, _key(self.entry_point))
        s3.upload_file(str(self.environment), bucket, _key(self.environment))


def _key(path: Path) -> str:
    with path.open("rb") as file:
        return f"job/{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}/{path.name}"


def run(
    scheduler: "EventBridgeSchedulerClient",
    emr: "EMRServerlessClient",
    schedule: str,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Run the job now, as its schedule would; return when it has succeeded, raise DeploymentError if not."""
    target = scheduler.get_schedule(Name=schedule)["Target"]
    request: Any = _in_camel_case(json.loads(target["Input"])) | {"clientToken": uuid.uuid4().hex}
    started = emr.start_job_run(**request)
    application, id = started["applicationId"], started["jobRunId"]
    while (ran := emr.get_job_run(applicationId=application, jobRunId=id)["jobRun"])["state"] not in _ENDED:
        wait(POLL_SECONDS)
    if ran["state"] != "SUCCESS":
        raise DeploymentError(f"the accuracy job ended as {ran['state']}: {ran['stateDetails']}")


def _in_camel_case(value: object) -> Any:  # noqa: ANN401  JSON
    """Return the scheduler's JSON as boto3 names its parts: EventBridge begins names with a capital."""
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: _in_camel_case(part) for name, part in value.items()}
    return value
