"""The parent of the processes that read: starts them, replaces one that ends or hangs, stops them all.

Each worker's standard input is a pipe from here. Its end tells the worker to stop, whether this process
closes it or dies; so no worker outlives it.
"""

import asyncio
import contextlib
import os
import resource
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from prometheus_client import multiprocess

from inference_image.heartbeats import EVERY_SECONDS, Heartbeats
from inference_image.log import log
from inference_image.settings import Settings

# Without a beat from a worker that had one: it is killed, and another one started. The worst file that is let
# in is one call of some seconds, and of three times as many where the machine is slow and others use it, too.
HUNG_SECONDS = 20
# Where images are of several kinds, glibc gives the memory of each back, and faults it in for the next one.
# Told to keep 64 MiB, it does not. What is larger than 16 MiB, a photo's pixels, still goes back. mallopt(3).
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(64 * 2**20), "MALLOC_MMAP_THRESHOLD_": str(16 * 2**20)}
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # of prometheus_client; the heartbeats lie there too


class WorkerError(Exception):
    """A worker has ended before it could ever serve; another start would not help."""


async def supervise(settings: Settings, folder: Path) -> None:
    """Keep `settings.workers` workers running until SIGTERM or SIGINT, then let them finish.

    Raises WorkerError.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # Workers inherit it. Each connection is a file, and a login may have no more than 1,024 unless it asks.
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    heartbeats = Heartbeats(folder, settings.workers)
    try:
        async with asyncio.TaskGroup() as group:
            for worker in range(settings.workers):
                group.create_task(_keep(worker, settings, heartbeats, stop))
    except ExceptionGroup as errors:  # not except*, from which Python before 3.11.4 raises a group again
        _, others = errors.split(WorkerError)
        if others:
            raise
        raise errors.exceptions[0] from None


async def _keep(worker: int, settings: Settings, heartbeats: Heartbeats, stop: asyncio.Event) -> None:
    """Have one worker running until `stop`."""
    has_served = False
    while not stop.is_set():
        heartbeats.forget(worker)
        try:
            process = await _start(worker, settings, heartbeats.folder)
        except (OSError, RuntimeError) as error:  # processes, threads or memory may be short for a while
            if not has_served:
                raise WorkerError(f"worker {worker} cannot be started: {error}") from error
            log("a worker cannot be started", worker=worker, reason=str(error))
            await _first(stop.wait(), asyncio.sleep(EVERY_SECONDS))
            continue
        try:
            await _first(process.wait(), stop.wait(), _hung(worker, heartbeats))
        finally:
            await _end(process, settings.stop_seconds if stop.is_set() else 0)
            multiprocess.mark_process_dead(worker, str(heartbeats.folder))  # type: ignore[no-untyped-call]  # untyped there
        if stop.is_set():
            return
        has_served |= (has_beaten := heartbeats.last(worker) is not None)
        if not has_served:
            killed = ", as where memory is short: fewer WORKERS need less" if process.returncode == -9 else ""
            raise WorkerError(
                f"worker {worker} has ended with status {process.returncode} before it could serve{killed}"
            )
        log("a worker is replaced", worker=worker, status=process.returncode)
        if not has_beaten:  # what ended it may last: memory that is short, for one
            await _first(stop.wait(), asyncio.sleep(EVERY_SECONDS))


async def _start(worker: int, settings: Settings, folder: Path) -> asyncio.subprocess.Process:
    environment = KEEP_MEMORY | os.environ | settings.to_environment() | {METRICS_FOLDER: str(folder)}
    # It inherits the mask: ctrl-C goes to the whole group, and would be a trace where PyTorch is imported.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "inference_image.worker", str(worker)),
            stdin=asyncio.subprocess.PIPE,
            env=environment,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


async def _hung(worker: int, heartbeats: Heartbeats) -> None:
    """Return when a worker that has read is silent for too long.

    It counts its own seconds: after a machine has slept, the clock says that all were silent.
    """
    last, silence = None, 0.0
    while silence < HUNG_SECONDS:
        await asyncio.sleep(EVERY_SECONDS)
        before, last = last, heartbeats.last(worker)
        silence = silence + EVERY_SECONDS if last is not None and last == before else 0.0


async def _end(process: asyncio.subprocess.Process, seconds: int) -> None:
    """Let a process end by itself for some seconds, then kill it."""
    assert process.stdin is not None  # noqa: S101 - it was started with one
    process.stdin.close()
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):  # it has ended just now
            process.kill()
        await process.wait()


async def _first(*waits: Coroutine[Any, Any, object]) -> None:
    """Return when the first of them does, and end the others."""
    tasks = [asyncio.ensure_future(one) for one in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
