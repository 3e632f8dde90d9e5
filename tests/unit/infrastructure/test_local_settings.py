import socket
import stat
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from infrastructure.local.credentials import Credentials
from infrastructure.local.settings import HOST, ROOT, LocalError, Settings, free_ports, is_free, reserve


def test_the_default_addresses_are_the_documented_ones() -> None:
    settings = Settings.from_environment({})
    assert settings.page_url == "http://127.0.0.1:8000"
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
