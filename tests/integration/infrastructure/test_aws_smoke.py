"""The last check of a deployment, at the parts of this machine: what it leaves where it fails."""

import boto3
import pytest

from infrastructure.aws import smoke
from infrastructure.aws.errors import DeploymentError
from infrastructure.local.settings import BUCKET
from infrastructure.local.stack import Stack, run_accuracy_job


def of_people(stack: Stack) -> list[str]:
    """Return the keys of what people sent."""
    client = boto3.client(
        "s3",
        endpoint_url=stack.settings.s3_url,
        region_name="us-east-1",
        aws_access_key_id=stack.credentials.access_key,
        aws_secret_access_key=stack.credentials.secret_key,
    )
    prefixes = ("images/", "classifications/", "labels/", "writers/")
    listed = [client.list_objects_v2(Bucket=BUCKET, Prefix=prefix) for prefix in prefixes]
    return [item["Key"] for page in listed for item in page.get("Contents", [])]


def test_a_check_that_fails_leaves_no_image_and_says_why(stack: Stack) -> None:
    before = of_people(stack)
    seen: list[str] = []

    def run_job() -> None:
        seen.extend(of_people(stack))
        raise DeploymentError("the accuracy job ended as FAILED")

    with pytest.raises(DeploymentError, match=r"^the accuracy job ended as FAILED$"):
        smoke.try_out(stack.settings.page_url, run_job)
    assert len(seen) > len(before)
    assert of_people(stack) == before


def test_a_job_that_ends_without_a_report_does_not_pass_by_that_of_before(stack: Stack) -> None:
    run_accuracy_job(stack.settings, stack.credentials)
    with pytest.raises(DeploymentError, match="no new report counts it"):
        smoke.try_out(stack.settings.page_url, lambda: None)
