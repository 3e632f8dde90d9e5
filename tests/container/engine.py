"""Docker or podman, whichever runs here, and a base image where no registry can be reached."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference_image.model import Model
from infrastructure.local.settings import ROOT

BASE = "docker.io/library/python:3.11-slim-bookworm"  # what the Dockerfile names
STAND_IN = "localhost/legible-stand-in-base:bookworm"
_DEBIAN = ["python3", "python3-pip", "python3-venv", "ca-certificates"]
# As a user podman needs systemd's cgroups, and finds them.
_PODMAN = {"CONTAINERS_CONF": str(Path(__file__).with_name("containers.conf"))} if os.geteuid() == 0 else {}


@dataclass(frozen=True)
class Engine:
    """A container engine that answers."""

    name: str
    environment: dict[str, str]

    @classmethod
    def find(cls) -> "Engine":
        for engine in (cls("docker", {}), cls("podman", _PODMAN)):
            if shutil.which(engine.name) and engine.call("info", check=False).returncode == 0:
                return engine
        raise AssertionError(
            "The container tests need Docker or podman. On Debian: apt-get install podman runc"
        )

    def call(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run one command of the engine; its output is in the error, should it fail."""
        done = subprocess.run(
            [self.name, *arguments],
            env={**os.environ, **self.environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, (
            f"{arguments[:2]}: {done.stdout[-2000:]}{done.stderr[-3000:]}"
        )
        return done

    @property
    def as_docker(self) -> list[str]:
        """Return what keeps podman from leaving /tmp and others writable in a read-only container."""
        return ["--read-only-tmpfs=false", "--tmpfs=/dev/shm"] if self.name == "podman" else []

    def inspect(self, image: str) -> dict[str, Any]:
        (found,) = json.loads(self.call("image", "inspect", image).stdout)
        return dict(found)

    def base(self) -> str:
        """Return a base for the Dockerfile: its own, or one made of the same Debian release's packages."""
        if self._has(BASE) or self.call("pull", "--quiet", BASE, check=False).returncode == 0:
            return BASE
        if not self._has(STAND_IN):
            self._make_stand_in()
        return STAND_IN

    def _has(self, image: str) -> bool:
        return self.call("image", "inspect", image, check=False).returncode == 0

    def _make_stand_in(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder, "root")
            subprocess.run(
                ["debootstrap", "--variant=minbase", f"--include={','.join(_DEBIAN)}", "bookworm", str(root)],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            archive = Path(folder, "root.tar")
            subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True)
            self.call("import", str(archive), STAND_IN)

    def build(self, tag: str, base: str) -> None:
        """Build the Dockerfile as `make image` does, with this machine's pip settings."""
        arguments = ["build", "-f", "inference_image/Dockerfile", "-t", tag]
        arguments += [f"--build-arg=PYTHON={base}", f"--build-arg=MODEL={Model.load().version}"]
        if self.name == "podman":
            arguments += ["--format", "docker", "--pull=never", *_pip_settings_of_this_machine()]
        self.call(*arguments, ".")


def _pip_settings_of_this_machine() -> list[str]:
    """Return what lets pip in the build find what pip here finds: certificates, mirrors, folders."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    settings = {}
    for line in listed.splitlines():
        name, quoted = line.split("=", 1)
        settings[name.rpartition(".")[2]] = quoted.strip("'")
    arguments = []
    for name in settings.keys() & {"find-links", "index-url", "cert"}:
        value = settings[name]
        arguments += ["--env", f"PIP_{name.upper().replace('-', '_')}={value}"]
        if Path(value).exists():
            arguments += ["--volume", f"{value}:{value}:ro"]
    return arguments
