import os
import signal
import subprocess
import sys
from pathlib import Path

from infrastructure.local.settings import ROOT
from tests.waiting import PATIENCE_SECONDS


def test_ctrl_c_ends_the_classifier_without_a_trace(tmp_path: Path) -> None:
    file = tmp_path / "never-written.png"
    os.mkfifo(file)
    with (
        subprocess.Popen(
            [sys.executable, "-m", "inference_image.classify", str(file)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as classifier,
        file.open("wb"),  # as soon as it reads there
    ):
        classifier.send_signal(signal.SIGINT)
        output = classifier.communicate(timeout=PATIENCE_SECONDS)
    assert (classifier.returncode, *output) == (130, b"", b"")
