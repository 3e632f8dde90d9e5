"""Whatever a person can type or set is in the documentation, and what that says to type is there."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.local.settings import ROOT
from tests.documents import MARKED, NO_COMMANDS, PAGES, RUN, prose, snippets

PARTS = ("accuracy_job", "benchmarks", "chalice_app", "inference_image", "infrastructure", "model_training")
MODULES = [
    *(module for part in PARTS for module in (ROOT / part).rglob("*.py")),
    *ROOT.glob("tests/*/__main__.py"),
]
MAKEFILE, DOCKERFILE = ROOT / "Makefile", ROOT / "inference_image" / "Dockerfile"
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}


def is_named(word: str, text: str) -> bool:
    """Tell whether the word stands in the text, and not only as a part of a longer one."""
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


# What there is, and must be documented.


def targets() -> list[str]:
    return re.findall(r"^([a-z-]+):.*## ", MAKEFILE.read_text(encoding="utf-8"), re.MULTILINE)


def variables() -> set[str]:
    """Return what the code reads, what the templates set, and what make and Docker are told."""
    prefixed = r"(?<![A-Z_])((?:LEGIBLE|AWS)_[A-Z0-9_]*[A-Z0-9])(?![A-Z0-9_])"
    patterns = {
        prefixed: [*MODULES, DOCKERFILE, *ROOT.glob("infrastructure/templates/*")],
        r"environ(?:ment)?(?:\.\w+\(|\[)\"([A-Z][A-Z0-9_]+)\"": MODULES,
        r"^([A-Z_]+) \?=|\$\((?:or |filter 1,)\$\(([A-Z_]+)\)|^ARG ([A-Z_]+)": [MAKEFILE, DOCKERFILE],
    }
    return {
        name
        for pattern, files in patterns.items()
        for file in files
        for found in re.finditer(pattern, file.read_text(encoding="utf-8"), re.MULTILINE)
        for name in filter(None, found.groups())
    }


def flags() -> set[tuple[str, str]]:
    """Return each command-line flag, and the program that takes it or the package whose programs do."""
    return {(flag, name_of(module)) for module in MODULES for flag in flags_of(module)}


def flags_of(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and re.search(r"\b(add_argument|option)$", ast.unparse(node.func)):
            values = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            yield from (str(value) for value in values if str(value).startswith("--"))


def name_of(module: Path) -> str:
    name = ".".join(module.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    return name if is_program(module) else name.rpartition(".")[0]


def is_program(module: Path) -> bool:
    return 'if __name__ == "__main__":' in module.read_text(encoding="utf-8")


@pytest.mark.parametrize("target", targets())
def test_every_make_target_is_documented(target: str) -> None:
    assert any(is_named(f"make {target}", text) for text in TEXTS.values())


@pytest.mark.parametrize("variable", sorted(variables()))
def test_every_variable_is_documented(variable: str) -> None:
    assert any(is_named(variable, text) for text in TEXTS.values())


@pytest.mark.parametrize(("flag", "program"), sorted(flags()))
def test_every_flag_is_documented_beside_its_program(flag: str, program: str) -> None:
    assert any(is_named(flag, text) and program in text for text in TEXTS.values())


def test_every_call_of_the_api_has_a_curl_command() -> None:
    """The reference has them all, and is made; what is typed is not."""
    paths = json.loads((ROOT / "chalice_app" / "openapi.json").read_bytes())["paths"]
    calls = {
        (method.upper(), path) for path, item in paths.items() for method in item if method != "parameters"
    }
    (script,) = (each.code for each in snippets() if (each.page, each.kind) == ("docs/api.md", "bash"))
    typed = re.findall(r'curl -sS (?:-X ([A-Z]+) )?"\$API(/[^"?]*)', script)
    assert {(method or "GET", path.replace("$ID", "{id}")) for method, path in typed} == calls


# What is documented, and must be there.

COMMANDS = [
    *(line for snippet in snippets() if snippet.kind != "json" for line in snippet.code.splitlines()),
    *(code for page in PAGES for code in re.findall(r"`([^`\n]+)`", prose(page))),
]


def test_every_snippet_is_run_by_a_test_or_marked() -> None:
    assert {snippet.kind for snippet in snippets()} <= RUN | MARKED | NO_COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_snippet_hides_in_an_indentation(page: Path) -> None:
    assert not re.findall(r"\n\n(    .*)", prose(page))


def test_every_make_command_is_a_target_with_its_variables() -> None:
    typed = [found for line in COMMANDS for found in re.findall(r"^make ([a-z-]+)((?: [A-Z_]+=\S+)*)", line)]
    assert len(typed) > 50
    assert {target for target, _ in typed} <= set(targets())
    assert set(re.findall(r"([A-Z_]+)=", " ".join(given for _, given in typed))) <= variables()


def test_every_program_and_its_flags_are_there() -> None:
    others = r"(?:pip|pytest)\b"  # programs
    typed = {
        found for line in COMMANDS for found in re.findall(rf"\S -m (?!{others})([\w.]+)([^|&;>#]*)", line)
    }
    assert len(typed) > 15
    programs, taken = {name_of(module) for module in MODULES if is_program(module)}, flags()
    for program, rest in typed:
        assert program in programs
        given = set(re.findall(r"--[a-z-]+", rest)) - {"--help"}
        assert given <= {flag for flag, of in taken if of in (program, program.rpartition(".")[0])}, program


def test_every_path_of_the_repository_is_there() -> None:
    folders = "|".join([*PARTS, "docs", "samples", "static_site", "tests"])
    path = rf"(?:^|[\s@])((?:{folders})/[\w./-]+)"
    named = {found for line in COMMANDS for found in re.findall(path, line)}
    assert len(named) > 50
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)]*))?\)", prose(page)):
        linked = page.parent / target if target else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), f"{target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """Return what GitHub makes of the page's headings."""
    heads = re.findall(r"^#+ (.*)", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/decisions/*.md")), ids=lambda page: page.stem)
def test_a_decision_has_its_number_context_decision_and_consequences(page: Path) -> None:
    number = int(page.name.partition("-")[0])
    form = rf"# {number}\. .*^\*\*Context\.\*\*.*^\*\*Decision\.\*\*.*^\*\*Consequences\.\*\*"
    assert re.match(form, TEXTS[page], re.MULTILINE | re.DOTALL)
