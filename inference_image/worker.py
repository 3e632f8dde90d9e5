"""One of the processes that read: `python -m inference_image.worker NUMBER`, started by the supervisor."""

import asyncio
import gc
import os
import signal
import sys
from pathlib import Path

import cv2
import torch
import uvloop
from prometheus_client import values

from inference_image.admission import Admission
from inference_image.bounds import bound_memory
from inference_image.connections import Server
from inference_image.heartbeats import Heartbeats
from inference_image.log import start_log
from inference_image.model import Model, ModelError
from inference_image.server import NothingRead, Service
from inference_image.settings import Settings
from inference_image.supervisor import METRICS_FOLDER

QUIET_SECONDS = 0.2


def main() -> None:
    """Load the model, serve until told to stop by SIGTERM or by the end of standard input."""
    start_log()
    settings = Settings.from_environment(os.environ)
    torch.set_num_threads(settings.threads)
    cv2.setNumThreads(settings.threads)
    heartbeats, number = Heartbeats(Path(os.environ[METRICS_FOLDER]), settings.workers), int(sys.argv[1])
    # Not by its PID: who replaces this one counts on where it ended, and no files are left of those before.
    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]  # untyped there
    try:
        service = Service(Model.load(), settings, heartbeats, number)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(service, settings))
    except (ModelError, NothingRead, OSError) as error:
        sys.exit(f"inference_image: {error}")


async def serve(service: Service, settings: Settings) -> None:
    """Serve from the first reading on until told to stop; then finish what is open, and return."""
    stop = _stop()
    service.prove()
    gc.freeze()  # to look through all that was imported would hold up every request for 0.1 s, now and again
    bound_memory(settings.max_decoding_bytes + settings.worker_bytes)
    server = Server(service.app(), settings.host, settings.port, settings.stop_seconds)
    watchdog = asyncio.create_task(service.watch())  # its first beat says that this worker serves
    serving = asyncio.create_task(server.answer())
    await stop.wait()
    service.draining = True
    await quiet(service.admission, settings.drain_seconds)
    server.stop()
    await serving
    watchdog.cancel()


async def quiet(admission: Admission, seconds: int) -> None:
    """Wait until no images come any more, but not longer than so many seconds."""
    now = asyncio.get_running_loop().time
    deadline = now() + seconds
    busy, seen = now(), admission.requests
    while now() < min(deadline, busy + QUIET_SECONDS):
        if admission.images or admission.requests > seen:  # or has come and gone since the last look
            busy, seen = now(), admission.requests
        await asyncio.sleep(0.01)


def _stop() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)

    def ended() -> None:  # nothing is ever written to standard input, so what can be read is its end
        loop.remove_reader(sys.stdin.fileno())
        stop.set()

    loop.add_reader(sys.stdin.fileno(), ended)
    return stop


if __name__ == "__main__":
    main()
