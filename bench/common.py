"""What every benchmark shares: the machine's name, its clocks, where the data is, and results as JSON.

Benchmarks are run from the root of the repository: ``python -m bench.http --json http.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("OPENMOGR_SHARED", ROOT.parent / "shared"))
PHOTOS = SHARED / "corpus" / "photos"
DEMO_PHOTO = ROOT / "src" / "openmogr" / "demo" / "sample.png"

_TICK = 1 / os.sysconf("SC_CLK_TCK")

Value: TypeAlias = str | int | float | bool | None


def machine() -> dict[str, Value]:
    """What results depend on: processor, how many, operating system, Python. Not the host's name."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        name = models[0].partition(":")[2].strip() if models else name
    return {
        "processor": name,
        "processors": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def machine_name() -> str:
    """The same in one line."""
    found = machine()
    return (
        f"{found['processor']}, {found['processors']} processors, {found['system']}, Python {found['python']}"
    )


def cpu_seconds() -> float:
    """User and system time of all threads of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def tree_seconds(root: int) -> float:
    """CPU seconds of a process, what is below it, and what ended below it."""
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(entry.parent.name)
        parents[pid] = int(fields[1])
        own, ended = (_TICK * (int(fields[place]) + int(fields[place + 1])) for place in (11, 13))
        # The scheduler's own count does not tick, but leaves out threads that ended.
        used[pid] = max(own, scheduled_seconds(entry.parent)) + ended
    if root not in used:
        raise SystemExit(f"there is no process {root}")
    members = {root}
    while grown := {pid for pid, parent in parents.items() if parent in members} - members:
        members |= grown
    return sum(used[pid] for pid in members)


def scheduled_seconds(process: Path) -> float:
    """CPU seconds of the threads of a process, given by its folder in /proc; 0 where that is not told."""
    spent = 0
    for entry in process.glob("task/*/schedstat"):
        try:
            spent += int(entry.read_text().split()[0])
        except OSError:
            continue
    return spent / 1e9


def peak_memory() -> int:
    """High-water mark of this process in bytes; unlike ru_maxrss, /proc's does not inherit the parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def run_apart(module: str, *arguments: str) -> dict[str, float]:
    """The JSON object that ``python -m module`` prints, run in a process of its own."""
    command = [sys.executable, "-m", module, *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(result.stdout)
    return found


def photo_paths(folder: Path = PHOTOS) -> list[Path]:
    """The PNG photos of a folder, sorted. Ends the program if there are none."""
    paths = sorted(folder.glob("*.png"))
    if not paths:
        raise SystemExit(f"no photos in {folder}: OPENMOGR_SHARED names another place of the data")
    return paths


def argument_parser(doc: str | None) -> argparse.ArgumentParser:
    """A parser with the module's text as help, and ``--json``."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the results and the machine there as well"
    )
    return parser


class Report:
    """The rows of a run, written to the file of ``--json`` when the run has ended well.

    The file holds ``benchmark``, ``machine``, ``commit``, ``started`` (UTC), ``options`` and ``rows``; every row
    names its ``table``.
    """

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        self.rows: list[dict[str, Value]] = []
        self._name = name
        self._path: Path | None = options.json
        self._options = {key: _plain(value) for key, value in vars(options).items() if key != "json"}
        self._started = datetime.now(UTC)

    def add(self, table: str, **values: Value) -> None:
        """One row; units are in the names: ``ms``, ``cpu_seconds``, ``bits_per_pixel``."""
        self.rows.append({"table": table, **values})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._path is not None:
            found = {
                "benchmark": self._name,
                "machine": machine(),
                "commit": _commit(),
                "started": self._started.isoformat(timespec="seconds"),
                "options": self._options,
                "rows": self.rows,
            }
            self._path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _plain(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


def _commit() -> str | None:
    """The commit that is checked out, with a plus if files differ; None outside a repository."""
    command = ["git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"]
    try:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()
