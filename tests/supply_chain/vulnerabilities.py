"""What is known of the versions in the lock files, by pip-audit, which asks PyPI's advisory service."""

import json
import subprocess
from collections.abc import Iterable, Iterator
from itertools import groupby, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infrastructure.local.settings import ROOT

PIP_AUDIT = [str(ROOT / ".venv-audit" / "bin" / "python"), "-m", "pip_audit"]
ALWAYS_THERE = "urllib3==1.26.4"  # has known vulnerabilities: who does not name them knows none


class UnreachableError(Exception):
    """The advisory service does not answer, or not with what it knows."""


def vulnerabilities(versions: Iterable[str]) -> list[str]:
    """Return what is known of `name==version`s, and which of them the service does not know.

    Raises UnreachableError.
    """
    if not any(package.get("vulns") for package in _audited([ALWAYS_THERE])):
        raise UnreachableError("PyPI's advisory service cannot be reached from here: nothing was audited.")
    return [
        finding
        for once in _each_name_once(versions)
        for package in _audited(once)
        for finding in _said(package)
    ]


def _audited(versions: list[str]) -> list[dict[str, Any]]:
    with TemporaryDirectory() as folder:
        (listed := Path(folder, "versions.txt")).write_text("\n".join(versions))
        options = ["--no-deps", "--disable-pip", "--format=json", "--progress-spinner=off", "--timeout=10"]
        ran = subprocess.run(
            [*PIP_AUDIT, *options, "-r", str(listed)], capture_output=True, text=True, check=False
        )
    try:
        packages: list[dict[str, Any]] = json.loads(ran.stdout)["dependencies"]
    except ValueError:
        raise UnreachableError(f"pip-audit has ended without a report: {ran.stderr[-300:]}") from None
    return packages


def _said(package: dict[str, Any]) -> list[str]:
    if reason := package.get("skip_reason"):
        return [f"{package['name']}: {reason}"]
    name = f"{package['name']} {package['version']}"
    return [f"{name}: {one['id']}, mended in {one['fix_versions']}" for one in package["vulns"]]


def _each_name_once(versions: Iterable[str]) -> Iterator[list[str]]:
    """Deal out a package's versions, of which two lock files or Pythons may have two: pip-audit takes one."""
    by_name = groupby(sorted(set(versions)), lambda version: version.split("==")[0])
    for deal in zip_longest(*(list(several) for _, several in by_name)):
        yield [version for version in deal if version is not None]


def pinned() -> Iterator[str]:
    """Yield `name==version` of all that the lock files lead to, and torch's."""
    for path in [ROOT / "requirements.txt", *ROOT.glob("*.lock"), *ROOT.glob("[!.]*/*.lock")]:
        yield from (line.split()[0] for line in path.read_text().splitlines() if line[:1].isalpha())
    needed = (ROOT / "inference_image" / "requirements.txt").read_text().splitlines()
    yield next(line.split()[0] for line in needed if line.startswith("torch=="))
