"""What `chalice package` builds, imported as on Lambda: with what the runtime has and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infrastructure import deployment
from tests.localstack.deployment import lambda_runtime

MAX_ZIP_BYTES = 200_000
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "LEGIBLE_BUCKET": "legible",
    "LEGIBLE_INFERENCE_URL": "http://127.0.0.1:8002",
    "LEGIBLE_PAGE_ORIGIN": "http://127.0.0.1:8000",
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the deployment package as a zip file, of what is deployed: nothing that Python has compiled."""
    folder = tmp_path_factory.mktemp("package")
    project = deployment.prepare(tmp_path_factory.mktemp("project"), "local", ENVIRONMENT)
    built = deployment.run_chalice(project, "package", "--stage", "local", str(folder), **ENVIRONMENT)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / "deployment.zip"


def test_the_package_imports_with_nothing_but_itself_and_the_runtime(package: Path, tmp_path: Path) -> None:
    unzipped = tmp_path / "task"
    zipfile.ZipFile(package).extractall(unzipped)
    script = (
        "import app, sys; assert 'boto3' not in sys.modules;"  # a quarter of a second of every cold start
        "from chalice_app import api; api.store(); print(len(app.app.routes))"
    )
    imported = subprocess.run(
        [sys.executable, "-S", "-c", script],  # -S: without the site-packages of this environment
        cwd=unzipped,
        env={**ENVIRONMENT, "PYTHONPATH": str(lambda_runtime(tmp_path / "runtime"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert imported.returncode == 0, imported.stderr
    assert int(imported.stdout) == 8  # paths


def test_the_package_is_lean_and_has_nothing_of_the_other_parts(package: Path) -> None:
    assert package.stat().st_size <= MAX_ZIP_BYTES
    top = {name.split("/")[0] for name in zipfile.ZipFile(package).namelist()}
    assert {"app.py", "chalice_app", "chalice", "urllib3", "uuid6"} <= top
    assert not top & {"torch", "numpy", "inference_image", "accuracy_job", "model_training", "boto3"}
