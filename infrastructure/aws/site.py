"""The page's files: uploaded with their types and cache headers, then fresh at every edge."""

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from infrastructure.aws.errors import DeploymentError
from infrastructure.local.settings import ROOT

if TYPE_CHECKING:
    from mypy_boto3_cloudfront import CloudFrontClient
    from mypy_boto3_s3 import S3Client

FOLDER = ROOT / "static_site"
API = "/api"  # on the page's own origin
ENTRY = "index.html"  # goes last, when all that it names is there
# Files keep their names from release to release: browsers ask each time, the edges keep them until told.
CACHED_AT_THE_EDGE = "public, max-age=0, s-maxage=31536000, must-revalidate"
NOT_CACHED = "no-cache"
TYPES = {  # Python's own table differs from version to version
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


def upload(s3: "S3Client", bucket: str, api: str = API, folder: Path = FOLDER) -> list[str]:
    """Make the bucket hold the page's files, and nothing else; return their keys."""
    files = {
        path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()
    }
    for key in sorted(files, key=lambda key: key == ENTRY):
        body = json.dumps({"api": api}).encode() if key == "config.json" else files[key].read_bytes()
        cache = NOT_CACHED if key == "config.json" else CACHED_AT_THE_EDGE
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=media_type(key), CacheControl=cache)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    for key in [
        item["Key"] for page in pages for item in page.get("Contents", []) if item["Key"] not in files
    ]:
        s3.delete_object(Bucket=bucket, Key=key)
    return list(files)


def media_type(key: str) -> str:
    """Return a file's type; raise DeploymentError for a kind of file that the page has not had yet."""
    if (suffix := Path(key).suffix) not in TYPES:
        raise DeploymentError(
            f"{key}: say in infrastructure/aws/site.py what type {suffix or 'no suffix'} has."
        )
    return TYPES[suffix]


def refresh(cloudfront: "CloudFrontClient", distribution: str) -> None:
    """Make the edges ask for every file again."""
    cloudfront.create_invalidation(
        DistributionId=distribution,
        InvalidationBatch={"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": uuid.uuid4().hex},
    )
