"""The README's commands do what it says."""

import re
import subprocess

from infrastructure.local.settings import ROOT
from infrastructure.local.stack import Stack

README = (ROOT / "README.md").read_text()


def test_every_curl_command_works_in_the_order_of_the_readme(stack: Stack) -> None:
    (script,) = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    script = script.replace("http://127.0.0.1:8001", stack.settings.api_url)
    script = script.replace("curl -sS", "curl -sS --fail-with-body")
    script = script.replace('curl -sS --fail-with-body "$API/accuracy"', "")  # 404 until the job has run
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert '"predicted": 2' in ran.stdout
    assert '"true": 2' in ran.stdout


def test_every_folder_and_page_that_the_readme_names_is_there() -> None:
    for link in re.findall(r"\]\(((?!http)[^)#]+)", README):
        assert (ROOT / link).exists(), link
