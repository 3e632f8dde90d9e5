"""How many processor cores this process may use: the smallest of affinity, cpuset and cgroup quotas."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MEMBERSHIP = Path("/proc/self/cgroup")
CGROUPS = Path("/sys/fs/cgroup")


def usable_cores(membership: Path = MEMBERSHIP, cgroups: Path = CGROUPS) -> int:
    """Count whole cores, at least 1: with 1.5 a second busy process would only be throttled.

    A quota may be set on any ancestor. In a container the paths in `membership` can be the host's, of which
    only the root exists here; so what does not exist is passed over. The files: cgroups(7), and the kernel's
    documents of cgroup v2 and of CFS bandwidth control.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min([affinity, *_quotas(membership, cgroups)])))


def _quotas(membership: Path, cgroups: Path) -> Iterator[float]:
    if not membership.exists():
        return  # not Linux
    for line in membership.read_text(encoding="ascii", errors="replace").splitlines():
        _, controllers, path = line.split(":", 2)
        own = PurePosixPath(path.strip("/"))
        for group in (own, *own.parents):
            if controllers == "":
                yield from _version_2(cgroups / group / "cpu.max")
            elif "cpu" in controllers.split(","):
                yield from _version_1(cgroups / "cpu" / group)


def _version_2(file: Path) -> Iterator[float]:
    """Read "max 100000" or "150000 100000", in microseconds."""
    if file.exists():
        quota, period = file.read_text(encoding="ascii").split()
        if quota != "max":
            yield int(quota) / int(period)


def _version_1(folder: Path) -> Iterator[float]:
    if (folder / "cpu.cfs_quota_us").exists():
        quota, period = (
            int((folder / f"cpu.cfs_{name}_us").read_text(encoding="ascii")) for name in ("quota", "period")
        )
        if quota > 0:  # -1 is none
            yield quota / period
