"""The one error of a deployment, and how AWS's own become it."""

from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError


class DeploymentError(Exception):
    """Something that the person at the keyboard can mend; the message says how."""


@contextmanager
def answered_by_aws() -> Iterator[None]:
    """Turn what AWS refuses, or does not answer, into DeploymentError."""
    try:
        yield
    except ClientError as error:
        raise DeploymentError(f"AWS refused {error.operation_name}: {error}") from error
    except S3UploadFailedError as error:  # neither of the other two, whatever it was
        raise DeploymentError(str(error)) from error
    except BotoCoreError as error:
        raise DeploymentError(f"AWS could not be asked: {error}") from error
