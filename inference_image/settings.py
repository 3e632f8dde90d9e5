"""What can be set from outside: one dataclass, read once from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from inference_image.decoding import Limits

PREFIX = "LEGIBLE_INFERENCE_"  # before the field's name in capitals: LEGIBLE_INFERENCE_PORT


class SettingsError(Exception):
    """A variable has a value that cannot be used."""


@dataclass(frozen=True)
class Settings:
    """Settings of the inference server; every number is at least 1, but the port may be 0: any free one."""

    host: str = "127.0.0.1"
    port: int = 8002
    max_image_bytes: int = Limits.image_bytes
    max_pixels: int = Limits.pixels
    max_in_work: int = 256  # requests; one more is told to come back later
    batch: int = 8  # images that are read together at most
    threads: int = 1  # of PyTorch and OpenCV: one image is too small to share out
    drain_seconds: int = 20  # after SIGTERM, for the requests that are open

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Take each field from LEGIBLE_INFERENCE_<FIELD>, where it is set.

        Raises SettingsError naming variable, value and expected type.
        """
        given: dict[str, Any] = {
            field.name: _parsed(
                PREFIX + field.name.upper(), environment[PREFIX + field.name.upper()], field.type
            )
            for field in fields(cls)
            if PREFIX + field.name.upper() in environment
        }
        return cls(**given)

    @property
    def limits(self) -> Limits:
        return Limits(self.max_image_bytes, self.max_pixels)


def _parsed(name: str, value: str, expected: object) -> str | int:
    if expected is str:
        return value
    lowest, highest = (0, 65535) if name.endswith("PORT") else (1, 2**31)
    if not (value.isascii() and value.isdigit() and lowest <= int(value) <= highest):
        raise SettingsError(
            f"{name}={value!r} cannot be used: expected an integer from {lowest} to {highest}"
        )
    return int(value)
