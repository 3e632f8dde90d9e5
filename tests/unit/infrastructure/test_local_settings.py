import os
import socket
import stat
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from infrastructure.local.credentials import Credentials
from infrastructure.local.settings import HOST, ROOT, LocalError, Settings, free_ports, is_free, reserve
from infrastructure.local.stack import Stack


def test_the_default_addresses_are_the_documented_ones() -> None:
    settings = Settings.from_environment({})
    assert settings.page_url == "http://127.0.0.1:8000"
    assert replace(settings, page_port=80).page_url == "http://127.0.0.1"  # as a browser names that origin
    assert settings.api_url == "http://127.0.0.1:8001"
    assert settings.inference_url == "http://127.0.0.1:8002"
    assert settings.s3_url == "http://127.0.0.1:8333"


@pytest.mark.parametrize(
    ("variable", "attribute"),
    [
        ("LEGIBLE_PAGE_PORT", "page_port"),
        ("LEGIBLE_API_PORT", "api_port"),
        ("LEGIBLE_INFERENCE_PORT", "inference_port"),
        ("LEGIBLE_S3_PORT", "s3_port"),
    ],
)
def test_a_variable_moves_its_port_and_no_other(variable: str, attribute: str) -> None:
    moved, default = Settings.from_environment({variable: "9999"}), Settings.from_environment({})
    assert getattr(moved, attribute) == 9999
    assert sum(getattr(moved, name) != getattr(default, name) for name in vars(default)) == 1


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "²", "1.0"])
def test_a_wrong_port_is_refused_with_its_variable_and_value(text: str) -> None:
    with pytest.raises(LocalError, match=f"LEGIBLE_S3_PORT='{text}'"):
        Settings.from_environment({"LEGIBLE_S3_PORT": text})


def test_a_port_that_two_parts_would_share_is_refused_with_both_variables() -> None:
    with pytest.raises(LocalError, match="LEGIBLE_PAGE_PORT and LEGIBLE_API_PORT are both 8001"):
        Settings.from_environment({"LEGIBLE_PAGE_PORT": "8001"})


@pytest.mark.parametrize(
    "program",
    [
        "infrastructure.local",
        "infrastructure.aws",
        "infrastructure.reference",
        "inference_image",
        "inference_image.classify",
        "model_training.evaluate",
        "model_training.samples",
    ],
)
def test_help_is_given_and_nothing_done_also_where_the_terminal_knows_ascii_alone(program: str) -> None:
    words = [sys.executable, "-m", program, "--help"]
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(words, cwd=ROOT, env=ascii_only, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ")


def test_free_ports_are_free_and_different() -> None:
    ports = list(islice(free_ports(), 20))
    assert len(set(ports)) == 20
    assert all(is_free(port) for port in ports)


def test_a_free_port_is_reserved_from_all_processes_until_this_one_ends() -> None:
    asking = "import sys; from infrastructure.local.settings import reserve; print(reserve(int(sys.argv[1])))"

    def elsewhere(port: int) -> str:
        words = [sys.executable, "-c", asking, str(port)]
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    port = next(free_ports())
    assert not reserve(port)
    assert elsewhere(port) == "False\n"
    assert is_free(port)  # for who listens there


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.create_server((HOST, 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_credentials_are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    made = Credentials.of(tmp_path)
    assert Credentials.of(tmp_path) == made
    assert stat.S_IMODE((tmp_path / "credentials.json").stat().st_mode) == 0o600
    (other := tmp_path / "other").mkdir()
    assert Credentials.of(other) != made


@pytest.mark.parametrize("kept", [b"", b'{"access_key": "a"', b"{}", b"[]", b"\xff"])
def test_credentials_that_are_none_are_named_with_what_to_do(kept: bytes, tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_bytes(kept)
    with pytest.raises(LocalError, match=f"{tmp_path}/credentials.json holds no credentials. Delete it"):
        Credentials.of(tmp_path)


def test_credentials_that_could_not_be_written_whole_are_made_by_the_next_start(tmp_path: Path) -> None:
    words = "import resource, sys; from pathlib import Path; from infrastructure.local import credentials; "
    words += (
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9, 9)); credentials.Credentials.of(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", words, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert f"{tmp_path} cannot be the folder of data: File too large." in done.stderr
    assert Credentials.of(tmp_path) == Credentials.of(tmp_path)


def test_a_folder_that_is_not_there_has_no_credentials(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=f"{tmp_path}/none cannot be the folder of data: No such file"):
        Credentials.of(tmp_path / "none")


def test_a_folder_that_cannot_be_looked_into_is_named(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="a cannot be the folder of data: File name too long"):
        Credentials.are_in(tmp_path / ("a" * 300))


def test_a_link_that_leads_to_itself_is_no_folder_of_data(tmp_path: Path) -> None:
    (loop := tmp_path / "loop").symlink_to(loop)
    settings = Settings.from_environment({"LEGIBLE_DATA": str(loop)})
    with pytest.raises(LocalError, match=f"{loop} cannot be the folder of data: .*LEGIBLE_DATA"):
        Stack(settings).__enter__()


@pytest.mark.parametrize("file", ["data", "data/credentials.json/a", "data/s3", "data/logs", "data/lock/a"])
def test_a_file_where_a_folder_must_be_is_named(file: str, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).touch()
    with pytest.raises(LocalError, match=f"{tmp_path}/data cannot be the folder of data: .*LEGIBLE_DATA"):
        Stack(Settings.on_free_ports(tmp_path / "data")).__enter__()
