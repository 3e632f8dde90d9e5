"""What `chalice deploy` reads, made for one stage: the code, and the configuration with the stage's values.

`.chalice/` says what all stages share. The bucket, the model's address and the like are known only once they
have been made, so they are put in here.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from infrastructure.local.settings import ROOT

FILES = ("app.py", "requirements.txt")
# Not its script, which names this folder as it was when it was installed, and another one after a copy.
_CHALICE = "import sys; from chalice.cli import main; sys.exit(main())"


def prepare(folder: Path, stage: str, environment: Mapping[str, str], **settings: object) -> Path:
    """Fill a folder with the project as it is for one stage; return the folder.

    `environment` is the functions', of which LEGIBLE_BUCKET also names the bucket in the policies;
    `settings` are further keys of the stage in Chalice's configuration, such as `subnet_ids`. What a
    former deployment has left there, `.chalice/deployed`, stays: `chalice deploy` reads it.
    """
    chalice = folder / ".chalice"
    chalice.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copy2(ROOT / name, folder / name)
    code = folder / "vendor" / "chalice_app"
    shutil.rmtree(code, ignore_errors=True)
    shutil.copytree(ROOT / "chalice_app", code, ignore=shutil.ignore_patterns("__pycache__"))
    _let_everybody_read([*(folder / name for name in FILES), code.parent, *code.parent.rglob("*")])
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    config["stages"][stage] |= {"environment_variables": dict(environment), **settings}
    (chalice / "config.json").write_text(json.dumps(config, indent=2))
    for policy in (ROOT / ".chalice").glob("policy-*.json"):
        text = policy.read_text().replace("BUCKET", environment["LEGIBLE_BUCKET"]).replace("STAGE", stage)
        (chalice / policy.name).write_text(text)
    return folder


def run_chalice(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Chalice in what `prepare` has filled; how it ended is for the caller to look at.

    Chalice packs what lies there, with its modes. So it writes no bytecode where it imports the code, and
    leaves the libraries that it unpacks readable by the other user that Lambda runs as.
    """
    return subprocess.run(
        [sys.executable, "-c", _CHALICE, *words],
        cwd=folder,
        env=os.environ | environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        umask=0o022,
        capture_output=True,
        text=True,
        check=False,
    )


def _let_everybody_read(paths: list[Path]) -> None:
    """Lambda runs as another user, and Chalice packs modes as they are: in a checkout with umask 077 none."""
    for path in paths:
        path.chmod(0o755 if path.is_dir() else 0o644)
