"""What EMR Serverless needs to run the job: two archives, and the request that starts it.

    python -m accuracy_job.emr build --output build/emr
    python -m accuracy_job.emr request s3://code/emr --input s3://legible --role ARN --application ID

The first writes job.zip (this package), main.py (its entry), environment.tar.gz (this Python and the
requirements: run it with a Python 3.11 that is made for any Linux and lies in a folder of its own) and
requirements.sha256 (which requirements). Copy the folder to S3. The second prints the request for
`aws emr-serverless start-job-run --cli-input-json`.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from sysconfig import get_platform
from tempfile import TemporaryDirectory
from typing import Any

from accuracy_job.package import LOCK, files

PYTHON = (3, 11)  # the newest that the PySpark of RELEASE is made for
PLATFORM = "linux-x86_64"  # of the application
SYSTEM = ("/usr", "/usr/local")  # a Python there is made for this system, and lies among all else of it
INTERPRETER = "$(uv python find --system --managed-python 3.11)"  # and not the virtual environment here
COMMAND = f"uv python install 3.11 && {INTERPRETER} -m accuracy_job.emr build"
# Of the interpreter: packages come from the lock file, and nothing is compiled there.
UNNEEDED = shutil.ignore_patterns(
    "test", "idlelib", "include", "share", "__pycache__", "site-packages", "*.a"
)
RELEASE = "emr-7.13.0"  # Spark 3.5.6
PATHS = (
    "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON",
    "spark.emr-serverless.driverEnv.PYSPARK_PYTHON",
)


def build(output: Path) -> None:
    """Write the code and the environment into a folder. Raises CalledProcessError where pip fails."""
    output.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=output) as unfinished:
        folder = Path(unfinished) / "environment"
        # The whole interpreter: a virtual environment would look for one of the same version on the cluster.
        shutil.copytree(sys.base_prefix, folder, symlinks=True, ignore=UNNEEDED)
        for tool in (folder / "bin").iterdir():
            if not tool.name.startswith("python"):  # of packages that stay here
                tool.unlink()
        target = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
        pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--target", str(target)]
        subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], check=True)
        archive(folder, output / "environment.tar.gz")
    for name, content in files().items():  # last: they say of which requirements the archive is
        (output / name).write_bytes(content)


def archive(folder: Path, file: Path) -> None:
    """Write a folder as a .tar.gz, which appears whole: one of before counts as made until then."""
    Path(shutil.make_archive(str(folder), "gztar", folder)).replace(file)


def request(folder: str, source: str, role: str, application: str, *options: str) -> dict[str, Any]:
    """Return the StartJobRun request of a run over a store, given where the folder of `build` lies in S3."""
    python = "./environment/bin/python3"
    settings = {
        "spark.submit.pyFiles": f"{folder}/job.zip",
        "spark.archives": f"{folder}/environment.tar.gz#environment",
        **dict.fromkeys(PATHS, python),
        "spark.executorEnv.PYSPARK_PYTHON": python,
        "spark.default.parallelism": "1000",  # executors are added for tasks that wait, so there must be some
        "spark.driver.cores": "2",
        "spark.driver.memory": "4g",
        "spark.executor.cores": "4",
        "spark.executor.memory": "8g",
    }
    return {
        "applicationId": application,
        "executionRoleArn": role,
        "name": "accuracy",
        "executionTimeoutMinutes": 240,
        "jobDriver": {
            "sparkSubmit": {
                "entryPoint": f"{folder}/main.py",
                "entryPointArguments": [source, "--engine", "spark", *options],
                "sparkSubmitParameters": " ".join(
                    f"--conf {name}={value}" for name, value in settings.items()
                ),
            }
        },
    }


def parser() -> argparse.ArgumentParser:
    """Return the two commands."""
    described = argparse.ArgumentParser(
        "python -m accuracy_job.emr",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = described.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="write the archives")
    building.add_argument("--output", type=Path, default=Path("build/emr"))
    asking = commands.add_parser("request", help="print the StartJobRun request")
    asking.add_argument("folder", help="s3://… where the archives lie")
    asking.add_argument("--input", required=True, help="s3://bucket[/prefix] of the store")
    asking.add_argument("--role", required=True, help="ARN of the job's role")
    asking.add_argument("--application", required=True, help=f"id of a Spark application of {RELEASE}")
    return described


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says. Returns the exit status."""
    commands = parser()
    given, job_options = commands.parse_known_args(arguments)
    if given.command == "request":
        asked = request(given.folder.rstrip("/"), given.input, given.role, given.application, *job_options)
        print(json.dumps(asked, indent=2))  # noqa: T201 -- what the command is for
        return 0
    if job_options:
        commands.error(f"unrecognized arguments: {' '.join(job_options)}")
    if (sys.version_info[:2], get_platform()) != (PYTHON, PLATFORM) or sys.base_prefix in SYSTEM:
        needed = f"{PLATFORM}, and a Python 3.11 that is made for any Linux"
        print(f"It takes {needed}: {COMMAND}", file=sys.stderr)  # noqa: T201 -- as above
        return 2
    build(given.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
