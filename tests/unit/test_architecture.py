"""Imports go one way, as docs/architecture.md says."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.local.settings import ROOT

MAY_IMPORT = {
    "inference_image": set(),
    "model_training": {"inference_image"},
    "accuracy_job": set(),
    "chalice_app": set(),
    "infrastructure": {"inference_image", "model_training", "accuracy_job", "chalice_app"},
    "benchmarks": {
        *("inference_image", "model_training", "accuracy_job", "chalice_app", "infrastructure"),
        "tests",  # whose hands and doubles drive the page and the API
    },
}


def _modules(part: str) -> Iterator[Path]:
    return (ROOT / part).rglob("*.py")


def _imported(module: Path) -> set[str]:
    """Return the top-level packages that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_a_part_imports_only_what_lies_below_it(part: str) -> None:
    others = MAY_IMPORT.keys() | {"tests"}
    for module in _modules(part):
        assert not (_imported(module) & others) - MAY_IMPORT[part] - {part}, module


def test_the_kernel_imports_no_engine_and_no_store() -> None:
    inside = {
        node.module
        for node in ast.walk(ast.parse((ROOT / "accuracy_job" / "kernel.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("accuracy_job")
    }
    assert not inside & {"accuracy_job.engines", "accuracy_job.store", "accuracy_job.files"}


def test_what_lambda_runs_needs_nothing_but_its_own_requirements() -> None:
    heavy = {"torch", "numpy", "pyspark", "pandas", "sklearn", "cv2", "PIL"}
    for module in [ROOT / "app.py", *_modules("chalice_app")]:
        assert not _imported(module) & heavy, module
