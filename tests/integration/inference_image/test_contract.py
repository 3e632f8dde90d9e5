"""The server against its own document: all that it allows is asked, and what it does not."""

import os
import subprocess
import sys
from pathlib import Path

from infrastructure.local.settings import ROOT
from tests.integration.inference_image.serving import Server

SETTINGS = Path(__file__).with_name("schemathesis.toml")


def test_schemathesis_finds_nothing_with_all_its_checks(server: Server, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(SETTINGS)),
        *("run", f"{server.url}/openapi.json", "--no-color"),
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Tested: 4" in ran.stdout, ran.stdout  # all but the document itself
