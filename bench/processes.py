"""Processes below a server, by what the kernel says of them (Linux)."""

from __future__ import annotations

import os
from pathlib import Path


def below(pid: int) -> list[int]:
    """All that descend from a process, the oldest first; without those that have ended."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        if (fields := _fields(int(stat.parent.name))) and fields[0] != "Z":
            parents[int(stat.parent.name)] = int(fields[1])
    members, grown = {pid}, True
    while grown:
        found = {child for child, parent in parents.items() if parent in members} - members
        members |= found
        grown = bool(found)
    return sorted(members - {pid})


def is_alive(pid: int) -> bool:
    """Whether a process runs, and did not end unread."""
    fields = _fields(pid)
    return bool(fields) and fields[0] != "Z"


def memory(pid: int) -> int:
    """Proportional resident bytes of a process and of all below it."""
    return sum(map(own_memory, (pid, *below(pid))))


def own_memory(pid: int) -> int:
    """Proportional resident bytes of a process; 0 where it is gone."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, of all below it and of those of them that have ended."""
    ticks = sum(sum(map(int, fields[11:15])) for member in (pid, *below(pid)) if (fields := _fields(member)))
    return ticks / os.sysconf("SC_CLK_TCK")


def _fields(pid: int) -> list[str]:
    """Those of ``/proc/PID/stat`` from the state on; none where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
