"""Serve on one machine or in a container: `python -m inference_image`."""

import argparse
import asyncio
import contextlib
import fcntl
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

from inference_image.connections import family
from inference_image.cores import usable_cores
from inference_image.log import log, start_log
from inference_image.settings import PREFIX, Settings, SettingsError
from inference_image.supervisor import WorkerError, supervise

MEMORY = Path("/dev/shm")  # noqa: S108 - shared memory; there the workers' figures cost no disk, which may be read-only
FOLDERS = "legible-inference-"
STARTING_SECONDS = 60  # for so long a server may have a folder and not yet hold it


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
        with _reserved(settings), _shared_folder() as folder:
            asyncio.run(supervise(settings, folder))
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


@contextlib.contextmanager
def _shared_folder() -> Iterator[Path]:
    """Make a folder for the workers' figures, and remove those of servers that were killed.

    A server holds its own by a lock, which ends with the process, however it ends.
    """
    with tempfile.TemporaryDirectory(prefix=FOLDERS, dir=MEMORY if MEMORY.is_dir() else None) as name:
        folder = Path(name)
        with _locked(folder):
            for other in folder.parent.glob(f"{FOLDERS}*"):
                with contextlib.suppress(OSError), _locked(other):  # held, or of another user
                    if time.time() - other.stat().st_mtime > STARTING_SECONDS:
                        shutil.rmtree(other)
            yield folder


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    names = ", ".join(f"{PREFIX}{field.name.upper()}" for field in fields(Settings))
    argparse.ArgumentParser(
        "python -m inference_image",
        description=__doc__,
        epilog=f"Settings are variables: {names}. docs/serving.md says what each does.",
    ).parse_args()
    main()
