"""How much of the machine this process may really use."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["available_memory", "available_processors", "image_budget"]

# Of what there is, the part that images in work may take; the rest is the server's, the system's and its caches'.
_IMAGE_PART = 0.6


def available_processors(root: Path = Path("/")) -> int:
    """Processors of the machine, less those that affinity (``taskset``) or a container's quota takes away.

    Args:
        root: where ``proc`` and ``sys`` are mounted.
    """
    count = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0)) or count
    for quota in _limits(root, "cpu", _cpu_2, _cpu_1):
        # A part of a processor is used too: 1.5 keep two threads busy most of the time.
        count = min(count, max(1, math.ceil(quota)))
    return count


def available_memory(root: Path = Path("/")) -> int:
    """Bytes of the machine's memory, less what a container's limit takes away; 4 GiB where neither can be told.

    Args:
        root: where ``proc`` and ``sys`` are mounted.
    """
    limits = [int(limit) for limit in _limits(root, "memory", _memory_2, _memory_1)]
    try:
        lines = (root / "proc/meminfo").read_text(encoding="ascii").splitlines()
        limits += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemTotal:")]
    except (OSError, ValueError, IndexError):
        pass
    return min(limits, default=4 << 30)


def image_budget() -> int:
    """Bytes that images in work may take together, by default."""
    return int(available_memory() * _IMAGE_PART)


def _limits(root: Path, controller: str, version_2: _Read, version_1: _Read) -> Iterator[float]:
    """What every control group around this process allows (versions 1 and 2)."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            yield from _along(root / "sys/fs/cgroup", path, version_2)
        elif controller in controllers.split(","):
            for mount in (controllers, controller):
                yield from _along(root / "sys/fs/cgroup" / mount, path, version_1)


def _along(mount: Path, path: str, read: _Read) -> Iterator[float]:
    # Inside a container the path may be the host's, of which only the mount itself is to be seen.
    parts = [part for part in path.split("/") if part and part != ".."]
    for length in range(len(parts), -1, -1):
        limit = read(mount.joinpath(*parts[:length]))
        if limit is not None:
            yield limit


class _Read:
    """Reads the limit of one group; None where it has none. Of two numbers it is the quotient."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __call__(self, group: Path) -> float | None:
        try:
            texts = [(group / name).read_text(encoding="ascii") for name in self._names]
            parts = " ".join(texts).split()[:2]
            if parts[0] == "max" or any(int(part) <= 0 for part in parts):
                return None
            return int(parts[0]) / (int(parts[1]) if len(parts) > 1 else 1)
        except (OSError, ValueError, IndexError):
            return None


_cpu_2, _cpu_1 = _Read("cpu.max"), _Read("cpu.cfs_quota_us", "cpu.cfs_period_us")
_memory_2, _memory_1 = _Read("memory.max"), _Read("memory.limit_in_bytes")
