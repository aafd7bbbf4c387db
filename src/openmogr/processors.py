"""How many processors this process may really use."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["available_processors"]


def available_processors(root: Path = Path("/")) -> int:
    """Processors of the machine, less those that affinity (``taskset``) or a container's quota takes away.

    Args:
        root: where ``proc`` and ``sys`` are mounted.
    """
    count = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0)) or count
    for quota in _quotas(root):
        # A part of a processor is used too: 1.5 keep two threads busy most of the time.
        count = min(count, max(1, math.ceil(quota)))
    return count


def _quotas(root: Path) -> Iterator[float]:
    """The limits of every control group around this process, in processors (versions 1 and 2)."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            yield from _along(root / "sys/fs/cgroup", path, _version_2)
        elif "cpu" in controllers.split(","):
            for mount in (controllers, "cpu"):
                yield from _along(root / "sys/fs/cgroup" / mount, path, _version_1)


def _along(mount: Path, path: str, read: _Read) -> Iterator[float]:
    # Inside a container the path may be the host's, of which only the mount itself is to be seen.
    parts = [part for part in path.split("/") if part and part != ".."]
    for length in range(len(parts), -1, -1):
        quota = read(mount.joinpath(*parts[:length]))
        if quota is not None:
            yield quota


class _Read:
    """Reads the quota of one group; None where it has none."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __call__(self, group: Path) -> float | None:
        try:
            texts = [(group / name).read_text(encoding="ascii") for name in self._names]
            quota, period = " ".join(texts).split()[:2]
            if quota == "max" or int(quota) <= 0 or int(period) <= 0:
                return None
            return int(quota) / int(period)
        except (OSError, ValueError):
            return None


_version_2 = _Read("cpu.max")
_version_1 = _Read("cpu.cfs_quota_us", "cpu.cfs_period_us")
