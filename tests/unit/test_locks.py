"""The lock files say what the requirements say, with hashes, and nothing of where they were made."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infrastructure.local.settings import ROOT

FOLDERS = (".", "accuracy_job", "benchmarks", "inference_image", "infrastructure", "model_training", "tests")
TEXTS = [path for folder in FOLDERS for path in sorted(ROOT.joinpath(folder).glob("*requirements*.txt"))]
LOCKS = [path.with_suffix(".lock") for path in TEXTS if path.with_suffix(".lock").exists()]
HASHED = [
    ROOT / "requirements.txt",
    ROOT / "model_training" / "data-requirements.txt",
]  # they are their own locks
BY_VERSION_ALONE = {"torch"}  # its builds differ by index: docs/security.md
Pins = dict[str, set[str]]  # by a package's name: version and marker, a version for each marker


def _lines(path: Path) -> list[str]:
    """Return a requirements file's own lines, continued ones joined, without comments."""
    joined = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line]


def _included(path: Path) -> list[Path]:
    return [path.parent / line.removeprefix("-r ") for line in _lines(path) if line.startswith("-r ")]


def _pins(path: Path) -> Pins:
    """Return what a file asks for, with all that it includes."""
    pins: Pins = {}
    for line in _lines(path):
        if not line.startswith("-"):
            wanted = Requirement(line.split(" --hash=")[0])
            pins.setdefault(canonicalize_name(wanted.name), set()).add(str(wanted.specifier))
    for included in _included(path):
        for name, versions in _pins(included).items():
            pins.setdefault(name, set()).update(versions)
    return pins


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TEXTS, ids=_name)
def test_every_requirement_is_one_version(path: Path) -> None:
    assert all(
        re.fullmatch(r"==[^*,]+", version) for versions in _pins(path).values() for version in versions
    )


@pytest.mark.parametrize("lock", LOCKS, ids=_name)
def test_a_lock_says_what_its_requirements_say(lock: Path) -> None:
    wanted, locked = _pins(lock.with_suffix(".txt")), _pins(lock)
    assert {name: locked.get(name) for name in wanted.keys() - BY_VERSION_ALONE} == {
        name: versions for name, versions in wanted.items() if name not in BY_VERSION_ALONE
    }


@pytest.mark.parametrize("path", LOCKS + HASHED, ids=_name)
def test_all_that_a_lock_leads_to_has_hashes_and_no_address(path: Path) -> None:
    for line in _lines(path):
        assert re.search(r" --hash=sha256:[0-9a-f]{64}( |$)", line), line
        assert "//" not in line.split(";")[0]


@pytest.mark.parametrize("path", LOCKS, ids=_name)
def test_torch_is_in_no_lock_nor_what_only_its_other_builds_need(path: Path) -> None:
    excluded = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["exclude-dependencies"]
    assert not _pins(path).keys() & {"torch", *excluded}
    assert not [name for name in _pins(path) if re.fullmatch(r"nvidia-.*-cu\d+", name)]


@pytest.mark.parametrize("part", ["infrastructure", "inference_image", "accuracy_job"])
def test_a_part_gets_the_versions_that_the_tests_run_with(part: str) -> None:
    tested = _pins(ROOT / "requirements-dev.lock")
    assert {name: tested[name] for name in _pins(ROOT / part / "requirements.lock")} == _pins(
        ROOT / part / "requirements.lock"
    )


def test_every_requirements_file_is_locked_by_itself_or_by_one_that_includes_it() -> None:
    locked = {lock.with_suffix(".txt") for lock in LOCKS} | set(HASHED)
    waiting = list(locked)
    while waiting:
        further = {path.resolve() for path in _included(waiting.pop())} - locked
        locked |= further
        waiting += further
    assert locked == set(TEXTS)


@pytest.mark.parametrize(
    "program", ["Makefile", "inference_image/Dockerfile", "benchmarks/inference.py", "accuracy_job/emr.py"]
)
def test_what_installs_does_it_from_locks(program: str) -> None:
    text = (ROOT / program).read_text(encoding="utf-8")
    assert "--require-hashes" in text
    assert set(re.findall(r" -r (\S+\.txt)", text)) <= {
        "model_training/data-requirements.txt"
    }  # with its hash
