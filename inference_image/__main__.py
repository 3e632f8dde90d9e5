"""Serve on one machine or in a container: `python -m inference_image`."""

import asyncio
import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from inference_image.connections import family
from inference_image.cores import usable_cores
from inference_image.log import log, start_log
from inference_image.settings import PREFIX, Settings, SettingsError
from inference_image.supervisor import WorkerError, supervise

MEMORY = Path("/dev/shm")  # noqa: S108 - shared memory; there the workers' figures cost no disk, which may be read-only


def main() -> None:
    """Read the settings, serve until SIGTERM or ctrl-C."""
    start_log()
    try:
        settings = _resolved(Settings.from_environment(os.environ))
        log(
            "start",
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            threads=settings.threads,
        )
        memory = MEMORY if MEMORY.is_dir() else None
        with _reserved(settings), tempfile.TemporaryDirectory(prefix="legible-", dir=memory) as folder:
            asyncio.run(supervise(settings, Path(folder)))
    except (SettingsError, WorkerError, OSError) as error:
        sys.exit(f"inference_image: {error}")


def _resolved(settings: Settings) -> Settings:
    """Fill in what the settings leave to the machine: the number of workers, and a free port."""
    workers = settings.workers or max(1, usable_cores() // settings.threads)
    return replace(settings, workers=workers, port=_free_port(settings))


def _free_port(settings: Settings) -> int:
    """Find out whether the port is free: the workers share it, and would share it with a stranger too."""
    with socket.socket(family(settings.host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise SettingsError(
                f"{settings.host}:{settings.port} cannot be listened on ({error.strerror}); "
                f"{PREFIX}PORT moves it, {PREFIX}HOST too"
            ) from None
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _reserved(settings: Settings) -> Iterator[None]:
    """Hold the port, so that another start finds it taken also while no worker listens."""
    with socket.socket(family(settings.host)) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # for the workers; not SO_REUSEADDR
        with contextlib.suppress(OSError):  # where a former server's last connections still end
            holder.bind((settings.host, settings.port))
        yield


if __name__ == "__main__":
    main()
