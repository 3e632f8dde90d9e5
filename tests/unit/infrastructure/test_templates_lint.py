"""What AWS's schemas and a security scanner say of the templates."""

import json
import subprocess
import sys

import pytest

from infrastructure.aws import templates
from infrastructure.local.settings import ROOT

CHECKOV = ROOT / ".venv-checkov" / "bin" / "python"
CFN_LINT = "import sys; from cfnlint.runner import main; sys.exit(main())"


def test_cfn_lint_finds_nothing() -> None:
    files = [str(path) for path in sorted(templates.FOLDER.glob("*.yaml"))]
    command = [sys.executable, "-c", CFN_LINT, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def scan() -> dict[str, list[dict[str, object]]]:
    assert CHECKOV.exists(), "checkov is not installed: make test does that"
    # From here: it takes the file's own path, where 40 of its characters stand together, for a secret key.
    folder = str(templates.FOLDER.relative_to(ROOT))
    command = [str(CHECKOV), "-m", "checkov.main", "--directory", folder, "--framework", "cloudformation"]
    done = subprocess.run(
        [*command, "--skip-download", "--output=json"], cwd=ROOT, capture_output=True, check=False
    )
    results: dict[str, list[dict[str, object]]] = json.loads(done.stdout)["results"]
    return results


def test_checkov_finds_nothing_that_is_not_answered(scan: dict[str, list[dict[str, object]]]) -> None:
    assert len(scan["passed_checks"]) > 100
    assert [(check["check_id"], check["resource"]) for check in scan["failed_checks"]] == []
    assert scan["parsing_errors"] == []


def test_every_answer_answers_a_finding(scan: dict[str, list[dict[str, object]]]) -> None:
    found = {(check["resource"], check["check_id"]) for check in scan["skipped_checks"]}
    answered = set()
    for name in templates.names():
        for logical, resource in templates.load(name)["Resources"].items():
            for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
                assert len(skip["comment"]) > 20
                answered.add((f"{resource['Type']}.{logical}", skip["id"]))
    assert answered == found
