"""Serve on one machine or in a container: `python -m inference_image`."""

import asyncio
import logging
import os
import signal
import socket
import sys

import cv2
import torch
from granian.constants import Interfaces
from granian.server.embed import Server

from inference_image.model import Model, ModelError
from inference_image.server import Service
from inference_image.settings import PREFIX, Settings, SettingsError


def main() -> None:
    """Read the settings, load the model, serve until SIGTERM or ctrl-C."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    try:
        settings = Settings.from_environment(os.environ)
        _check_port(settings)
        torch.set_num_threads(settings.threads)
        cv2.setNumThreads(settings.threads)
        service = Service(Model.load(), settings)
    except (SettingsError, ModelError, OSError) as error:
        sys.exit(f"inference_image: {error}")
    asyncio.run(serve(service, settings))
    # The server has threads that may still reach into Python: a teardown under them can abort (SIGABRT).
    sys.stdout.flush()
    os._exit(0)


async def serve(service: Service, settings: Settings) -> None:
    """Serve until a signal; then answer what is open, for at most `drain_seconds`, and return."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = Server(
        service.app(),
        settings.host,
        settings.port,
        interface=Interfaces.ASGINL,
        log_enabled=False,
        websockets=False,
    )
    serving = asyncio.create_task(server.serve())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    service.draining = True
    await _idle(service, settings.drain_seconds)
    server.stop()  # type: ignore[no-untyped-call]  # granian ships it so
    await serving


async def _idle(service: Service, seconds: int) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while service.in_work and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.01)


def _check_port(settings: Settings) -> None:
    """Find out whether the port is free: the server would share a taken one silently."""
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise SettingsError(
                f"{settings.host}:{settings.port} cannot be listened on ({error.strerror}); "
                f"{PREFIX}PORT moves it, {PREFIX}HOST too"
            ) from None


if __name__ == "__main__":
    main()
