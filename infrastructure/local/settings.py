"""Where the parts listen and where their data lies, each moved by a variable."""

import atexit
import random
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

HOST = "127.0.0.1"  # nothing here listens on another address
MAX_PORT = 65535
BUCKET = "legible"
ROOT = Path(__file__).parents[2]

# Below the range that the kernel takes ports of outgoing connections from (32768 on Linux), so that a port
# which is free now is still free when a part binds it.
_FREE_PORTS = range(20_000, 22_700)


class LocalError(Exception):
    """Something that the person at the keyboard can mend; the message says how."""


@dataclass(frozen=True)
class Settings:
    data: Path = ROOT / ".data"  # LEGIBLE_DATA
    page_port: int = 8000  # LEGIBLE_PAGE_PORT
    api_port: int = 8001  # LEGIBLE_API_PORT
    inference_port: int = 8002  # LEGIBLE_INFERENCE_PORT
    s3_port: int = 8333  # LEGIBLE_S3_PORT

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the variables above; raise LocalError on one that is wrong, or two that are the same port."""
        defaults = {
            "LEGIBLE_PAGE_PORT": cls.page_port,
            "LEGIBLE_API_PORT": cls.api_port,
            "LEGIBLE_INFERENCE_PORT": cls.inference_port,
            "LEGIBLE_S3_PORT": cls.s3_port,
        }
        ports = {name: _port(environment, name, default) for name, default in defaults.items()}
        for (name, port), (other, others) in combinations(ports.items(), 2):
            if port == others:
                raise LocalError(f"{name} and {other} are both {port}: give each a port of its own.")
        return cls(Path(environment.get("LEGIBLE_DATA") or cls.data).absolute(), *ports.values())

    @classmethod
    def on_free_ports(cls, data: Path) -> "Settings":
        ports = free_ports()
        return cls(data, next(ports), next(ports), next(ports), next(ports))

    @property
    def page_url(self) -> str:
        port = "" if self.page_port == 80 else f":{self.page_port}"  # as browsers write an origin
        return f"http://{HOST}{port}"

    @property
    def api_url(self) -> str:
        return f"http://{HOST}:{self.api_port}"

    @property
    def inference_url(self) -> str:
        return f"http://{HOST}:{self.inference_port}"

    @property
    def s3_url(self) -> str:
        return f"http://{HOST}:{self.s3_port}"


@contextmanager
def folder_errors_named(data: Path) -> Iterator[None]:
    """Turn what a folder of data does not do into LocalError."""
    try:
        yield
    except OSError as error:
        raise LocalError(
            f"{data} cannot be the folder of data: {error.strerror}. Name another with LEGIBLE_DATA."
        ) from error


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_PORT):
        raise LocalError(f"{name}={text!r} is no port: give a number from 1 to {MAX_PORT}.")
    return int(text)


def free_ports() -> Iterator[int]:
    """Yield ports that nothing listens on, each with `port + 10000` free as well.

    They are reserved: neither this process nor another that asks here gets them while this one lives.
    """
    for port in random.sample(_FREE_PORTS, len(_FREE_PORTS)):
        if is_free(port) and is_free(port + 10_000) and reserve(port):
            yield port


def reserve(port: int) -> bool:
    """Bind UDP's port of that number, which no part uses; return False if somebody else has."""
    reservation = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        reservation.bind((HOST, port))
    except OSError:
        reservation.close()
        return False
    atexit.register(reservation.close)
    return True


def is_free(port: int) -> bool:
    return refusal(port) is None


def refusal(port: int) -> OSError | None:
    """Return why nothing can listen on a port, None if something can."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        return error
    return None
