"""What docs/api.md says to type works, on one machine and on (offline) AWS."""

import re
import subprocess
import sys

from infrastructure.local.settings import ROOT
from tests.integration.chalice_app.system import System

DOCS = (ROOT / "docs" / "api.md").read_text()


def code(language: str, system: System) -> str:
    (block,) = re.findall(rf"```{language}\n(.*?)```", DOCS, re.DOTALL)
    return str(block).replace("http://127.0.0.1:8001", system.url)


def run(command: list[str]) -> str:
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_every_curl_command_works_in_the_order_of_the_docs(system: System) -> None:
    system.run_accuracy_job()
    script = code("bash", system).replace("curl -sS", "curl -sS --fail-with-body")
    printed = run(["bash", "-euo", "pipefail", "-c", script])
    assert '"predicted": 2' in printed
    assert '"true": 2' in printed
    assert "}304\n" in printed


def test_the_python_client_works(system: System) -> None:
    printed = run([sys.executable, "-W", "error", "-c", code("python", system)])
    assert re.fullmatch(r"read as 2, with confidence [01]\.\d{3}\nlegibility 100%\n", printed)


def test_every_route_of_the_table_has_a_curl_command() -> None:
    (commands,) = re.findall(r"```bash\n(.*?)```", DOCS, re.DOTALL)
    commands = commands.replace("\\\n", " ").replace("$ID", "{id}")
    typed = {
        (method or "GET", path)
        for method, path in re.findall(r'curl -sS (?:-X ([A-Z]+) )?"\$API(/[^"?]*)', commands)
    }
    rows = re.findall(r"^\| `([A-Z]+) (/[^`? ]*)", DOCS, re.MULTILINE)
    assert typed == set(rows)
