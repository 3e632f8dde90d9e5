import os
from pathlib import Path

import pytest

from inference_image.cores import usable_cores

AFFINITY = len(os.sched_getaffinity(0))


def _cores(tmp_path: Path, membership: str, files: dict[str, str]) -> int:
    for name, content in files.items():
        file = tmp_path / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (tmp_path / "membership").write_text(membership)
    return usable_cores(tmp_path / "membership", tmp_path / "cgroup")


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", AFFINITY), ("100000 100000", 1), ("150000 100000", 1), ("20000 100000", 1)],
)
def test_a_quota_of_version_2_limits_the_cores(tmp_path: Path, quota: str, cores: int) -> None:
    assert _cores(tmp_path, "0::/\n", {"cpu.max": f"{quota}\n"}) == cores


@pytest.mark.parametrize(("quota", "cores"), [("-1", AFFINITY), ("100000", 1), ("50000", 1)])
def test_a_quota_of_version_1_limits_the_cores(tmp_path: Path, quota: str, cores: int) -> None:
    files = {"cpu/cpu.cfs_quota_us": quota, "cpu/cpu.cfs_period_us": "100000"}
    assert _cores(tmp_path, "1:cpu,cpuacct:/\n0::/\n", files) == cores


def test_the_quota_of_an_ancestor_counts(tmp_path: Path) -> None:
    files = {"a/cpu.max": "100000 100000", "a/b/cpu.max": "max 100000"}
    assert _cores(tmp_path, "0::/a/b\n", files) == 1


def test_in_a_container_the_hosts_path_does_not_exist_and_the_root_counts(tmp_path: Path) -> None:
    files = {"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}
    assert _cores(tmp_path, "4:cpu:/docker/0123abcd\n", files) == 1


def test_more_than_the_affinity_is_not_to_be_had(tmp_path: Path) -> None:
    assert _cores(tmp_path, "0::/\n", {"cpu.max": "6400000 100000"}) == AFFINITY


def test_a_system_without_cgroups_has_the_cores_of_the_affinity(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "missing", tmp_path) == AFFINITY
