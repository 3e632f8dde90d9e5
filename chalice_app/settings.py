"""What a deployment decides, read once from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass

# Lambda takes 6 MB a request, and API Gateway hands binary bodies over in base64: 4 bytes for 3.
MAX_IMAGE_BYTES = 4_500_000
MAX_INFERENCE_SECONDS = 15  # API Gateway gives up after 29 s, and S3 wants its share


class SettingsError(Exception):
    """A variable is missing or wrong; the message names it."""


@dataclass(frozen=True)
class Settings:
    """Where the API finds its store, its model and its page."""

    bucket: str  # LEGIBLE_BUCKET, the name of the S3 bucket
    inference_url: str  # LEGIBLE_INFERENCE_URL, the container's base URL
    page_origin: str  # LEGIBLE_PAGE_ORIGIN, the only origin that browsers may call from
    inference_seconds: float = 10.0  # LEGIBLE_INFERENCE_SECONDS, how long one request may wait for the model
    stage: str = "local"  # LEGIBLE_STAGE, which deployment this is: its metrics are told apart by it

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read every variable; raise SettingsError on the first that is missing or wrong."""
        return cls(
            bucket=_required(environment, "LEGIBLE_BUCKET"),
            inference_url=_url(environment, "LEGIBLE_INFERENCE_URL"),
            page_origin=_url(environment, "LEGIBLE_PAGE_ORIGIN"),
            inference_seconds=seconds(
                environment, "LEGIBLE_INFERENCE_SECONDS", cls.inference_seconds, MAX_INFERENCE_SECONDS
            ),
            stage=environment.get("LEGIBLE_STAGE", "").strip() or cls.stage,
        )


def _required(environment: Mapping[str, str], name: str) -> str:
    if not (value := environment.get(name, "").strip()):
        raise SettingsError(f"{name} is not set")
    return value


def _url(environment: Mapping[str, str], name: str) -> str:
    value = _required(environment, name).rstrip("/")
    if not value.startswith(("http://", "https://")):
        raise SettingsError(f"{name}={value!r} is not an http:// or https:// URL")
    return value


def seconds(environment: Mapping[str, str], name: str, default: float, most: int) -> float:
    """Return how long a variable says, `default` if it says nothing; raise SettingsError if that is wrong."""
    text = environment.get(name) or str(default)
    try:
        given = float(text)
    except ValueError:
        given = 0.0
    if not 1 <= given <= most:
        raise SettingsError(f"{name}={text!r} is no number of seconds from 1 to {most}")
    return given
