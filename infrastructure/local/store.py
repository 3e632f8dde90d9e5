"""The store as a part: it works once it has the bucket."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Signer

from infrastructure.local.credentials import Credentials
from infrastructure.local.part import Part

REGION = "us-east-1"  # SeaweedFS has no regions, but clients must name one
SOCKETS = Path("/tmp")  # noqa: S108 - where it makes one for each of its servers, wherever it shall work


@dataclass(kw_only=True)
class StorePart(Part):
    """SeaweedFS, whose `health` is the path of the bucket."""

    credentials: Credentials
    sockets: Sequence[Path]  # that it leaves where it is killed

    def is_healthy(self) -> bool:
        """Make the bucket, as often as it takes: the store itself would try once, and go on without."""
        request = AWSRequest("PUT", self.url)
        signer = Signer(self.credentials.access_key, self.credentials.secret_key)
        S3SigV4Auth(signer, "s3", REGION).add_auth(request)
        return self.answer("PUT", dict(request.headers.items())) in {HTTPStatus.OK, HTTPStatus.CONFLICT}

    def stop(self, deadline: float) -> None:
        super().stop(deadline)
        for socket in self.sockets:
            socket.unlink(missing_ok=True)
