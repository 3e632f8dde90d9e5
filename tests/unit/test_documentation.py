"""Whatever a person can type or set is named in the documentation."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("accuracy_job", "benchmarks", "chalice_app", "inference_image", "infrastructure", "model_training")
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("[!.]*/README.md"),
]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
MODULES = [module for part in PARTS for module in (ROOT / part).rglob("*.py")]


def _targets() -> list[str]:
    return re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def _variables() -> set[str]:
    """Return the environment variables that the code names; what is built from a prefix ends in _."""
    named = {
        name for module in MODULES for name in re.findall(r"LEGIBLE_[A-Z0-9_]*[A-Z0-9]", module.read_text())
    }
    return {name for name in named if not any(other.startswith(f"{name}_") for other in named)}


def _flags() -> set[tuple[str, str]]:
    """Return each command-line flag and the module that takes it."""
    return {
        (str(argument.value), str(module.relative_to(ROOT)))
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) in {"add_argument", "option"}
        and "SUPPRESS" not in ast.dump(node)  # what the program only says to itself
        for argument in node.args
        if isinstance(argument, ast.Constant) and str(argument.value).startswith("--")
    }


def _paths() -> dict[str, object]:
    paths: dict[str, object] = json.loads((ROOT / "chalice_app" / "openapi.json").read_bytes())["paths"]
    return paths


@pytest.mark.parametrize("target", _targets())
def test_every_make_target_is_documented(target: str) -> None:
    assert f"make {target}" in TEXT


@pytest.mark.parametrize("variable", sorted(_variables()))
def test_every_environment_variable_is_documented(variable: str) -> None:
    assert variable in TEXT


@pytest.mark.parametrize(("flag", "module"), sorted(_flags()))
def test_every_flag_is_documented(flag: str, module: str) -> None:
    assert flag in TEXT, module


@pytest.mark.parametrize(
    "path", sorted(json.loads((ROOT / "chalice_app" / "openapi.json").read_text())["paths"])
)
def test_every_route_is_documented(path: str) -> None:
    assert path.replace("{id}", "ID") in TEXT.replace("{id}", "ID").replace("$ID", "ID")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
