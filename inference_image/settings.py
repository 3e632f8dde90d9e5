"""What can be set from outside: one dataclass, read once from the environment."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from inference_image.limits import Limits

PREFIX = "LEGIBLE_INFERENCE_"  # before the field's name in capitals: LEGIBLE_INFERENCE_PORT
_RANGES = {"port": (0, 65535), "workers": (0, 256), "threads": (1, 256)}  # other numbers are at least 1


class SettingsError(Exception):
    """A variable has a value that cannot be used."""


@dataclass(frozen=True)
class Settings:
    """Settings of the inference server."""

    host: str = "127.0.0.1"
    port: int = 8002  # 0: any free one
    workers: int = 0  # processes that read; 0: as many as the CPU limit has room for
    threads: int = 1  # of PyTorch and OpenCV in each of them: one image is too small to share out
    max_image_bytes: int = Limits.image_bytes
    max_pixels: int = Limits.pixels
    max_decoding_bytes: int = Limits.decoding_bytes
    max_decoding_seconds: int = 2  # of processor time
    max_in_work: int = 256  # images, by all workers together; one more is told to come back later
    max_in_work_bytes: int = 64 * 2**20  # of their files, likewise
    max_images: int = 32  # in one request
    batch: int = 8  # images that are read together at most
    deadline_seconds: int = 5  # for a request, from its head to its answer
    drain_seconds: int = 3  # after SIGTERM, as long as requests come; then only what is open is answered

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Take each field from LEGIBLE_INFERENCE_<FIELD>, where it is set.

        Raises SettingsError naming variable, value and expected type.
        """
        given: dict[str, Any] = {
            field.name: _parsed(field.name, environment[_variable(field.name)], field.type)
            for field in fields(cls)
            if _variable(field.name) in environment
        }
        return cls(**given)

    def to_environment(self) -> dict[str, str]:
        """Return the variables that `from_environment` makes the same settings of."""
        return {_variable(name): str(value) for name, value in asdict(self).items()}

    @property
    def limits(self) -> Limits:
        return Limits(self.max_image_bytes, self.max_pixels, self.max_decoding_bytes)

    @property
    def worker_images(self) -> int:
        """What one worker may have in work: its share, but room for two requests, or for one."""
        return self._share(self.max_in_work, self.max_images)

    @property
    def worker_bytes(self) -> int:
        """Of their files, likewise."""
        return self._share(self.max_in_work_bytes, self.max_image_bytes)

    @property
    def stop_seconds(self) -> int:
        """After SIGTERM; what still runs then is killed."""
        return self.drain_seconds + self.deadline_seconds + 1

    def _share(self, of: int, request: int) -> int:
        return max(-(-of // self.workers), min(of, 2 * request), request)


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _parsed(name: str, value: str, expected: object) -> str | int:
    if expected is str:
        if not value:  # to a socket, that is every address there is
            raise SettingsError(f"{_variable(name)} is empty: expected an address, or no such variable")
        return value
    lowest, highest = _RANGES.get(name, (1, 2**31))
    if not (value.isascii() and value.isdigit() and lowest <= int(value) <= highest):
        raise SettingsError(
            f"{_variable(name)}={value!r} cannot be used: expected an integer from {lowest} to {highest}"
        )
    return int(value)
