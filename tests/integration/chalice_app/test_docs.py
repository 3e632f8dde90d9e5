"""What docs/api.md says to type works, on one machine and on (offline) AWS."""

import re
import subprocess
import sys

from infrastructure.local.settings import ROOT
from tests.documents import snippets_of
from tests.integration.chalice_app.system import System


def code(language: str, system: System) -> str:
    (code,) = (each.code for each in snippets_of(ROOT / "docs" / "api.md") if each.kind == language)
    return code.replace("http://127.0.0.1:8001", system.url)


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
