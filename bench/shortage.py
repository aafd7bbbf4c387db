"""What passes by itself: a full disk, an index that another process has locked, a clock that jumps.

``python -m bench.shortage``. Nothing may be answered with 5xx but 503 with ``Retry-After``; what needs nothing of what
is short is answered as ever, and how fast is told; when it is over all goes on, without a restart and with one. The
disk is a file system of 16 MiB in memory, which only root can mount; the clock is that of libfaketime (Debian:
``faketime``), for the server alone. Where either is missing its part is left out, and said to be. Ends with status 1
where something did not hold.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.common import DEMO_PHOTO, Report, argument_parser, machine_name
from openmogr.auth import sign_request
from openmogr.testing import Answer, ServerProcess

HOST = "short-1250000000.cos.ap-shanghai.myqcloud.com"
_DISK = 16 << 20
_FAKETIME = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")


class Watch:
    """Asks, and notes what was answered and how long it took.

    Attributes:
        skew: seconds that the server's clock is ahead of ours.
    """

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.statuses: Counter[str] = Counter()
        self.slowest: dict[str, float] = {}
        self.problems: list[str] = []
        self.skew = 0
        self._number = 0

    def ask(
        self, kind: str, method: str, target: str, body: bytes | None = None, wanted: int = 200
    ) -> Answer:
        """One request, whose status should be ``wanted``; a 503 must say when to come back."""
        start = int(time.time()) - 60 + self.skew
        signature = sign_request(self.server.credential, method, target, {"host": HOST}, start=start)
        began = time.monotonic()
        answer = self.server.request(method, target, body, {"Authorization": signature}, host=HOST)
        took = time.monotonic() - began
        self.slowest[kind] = max(self.slowest.get(kind, 0.0), took)
        self.statuses[f"{kind} {answer.status}"] += 1
        if answer.status != wanted:
            self.problems.append(f"{kind}: {answer.status} instead of {wanted}: {answer.body[-300:]!r}")
        if answer.status == 503 and not int(answer.header("Retry-After") or 0):
            self.problems.append(f"{kind}: 503 without Retry-After")
        return answer

    def read(self, kind: str, times: int = 3) -> None:
        """A plain object, a picture that is remembered and one that is not."""
        for _ in range(times):
            self._number += 1
            self.ask(f"{kind}: plain GET", "GET", "/a.png")
            self.ask(f"{kind}: picture made before", "GET", "/a.png?imageMogr2/thumbnail/70x")
            self.ask(
                f"{kind}: new picture",
                "GET",
                f"/a.png?imageMogr2/rotate/{self._number / 1000:.3f}/thumbnail/60x",
            )


@contextlib.contextmanager
def stored(data: Path, launcher: Sequence[str] = (sys.executable, "-m")) -> Iterator[Watch]:
    """A server with one picture."""
    log = data.parent.with_name(data.parent.name + ".log")
    with ServerProcess(data, {"image": {"workers": 1}}, log=log, launcher=launcher) as server:
        watch = Watch(server)
        server.request("PUT", "/", b"", host=HOST)
        watch.ask("setup", "PUT", "/a.png", DEMO_PHOTO.read_bytes())
        watch.read("before", 1)
        yield watch
        if "Traceback" in server.log:
            watch.problems.append(server.log[server.log.index("Traceback") :][:2000])


def full_disk(folder: Path) -> tuple[Watch | None, str]:
    """Objects until nothing fits; reading and making pictures goes on, deleting makes room."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "none", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        return None, "a file system cannot be mounted by this user"
    try:
        with stored(disk / "data") as watch:
            keys: list[str] = []
            for size in (400_000, 4_000):
                while (
                    watch.server.request("PUT", f"/{size}-{len(keys)}", b"x" * size, host=HOST).status == 200
                ):
                    keys.append(f"/{size}-{len(keys)}")
            _fill(disk)
            for number in range(5):
                watch.ask("full: PUT", "PUT", f"/more-{number}", b"x" * 500_000, wanted=503)
                watch.ask("full: HEAD of what was refused", "HEAD", f"/more-{number}", wanted=404)
            watch.read("full", 5)
            for key in keys:
                watch.ask("full: DELETE", "DELETE", key, wanted=204)
            watch.ask("emptied: PUT", "PUT", "/more", b"x" * 500_000)
            watch.read("emptied")
        return watch, f"{len(keys)} objects until it was full"
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def _fill(disk: Path) -> None:
    """To the last byte."""
    with (disk / "eaten").open("ab", buffering=0) as file:
        for size in (65536, 4096):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))


def locked(folder: Path, index: str, puts: int) -> tuple[Watch | None, str]:
    """Another process holds the write lock of an index of SQLite."""
    with stored(folder / "data") as watch:
        other = sqlite3.connect(folder / "data" / index, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            watch.read("locked", 5)
            for number in range(3):
                watch.ask("locked: PUT", "PUT", f"/b-{number}", b"x", wanted=puts)
        finally:
            other.execute("ROLLBACK")
            other.close()
        watch.read("released")
        watch.ask("released: PUT", "PUT", "/c", b"x")
    return watch, ""


def clock(folder: Path) -> tuple[Watch | None, str]:
    """The server's clock jumps a day ahead, an hour behind and back; then it is a day behind when the server starts."""
    libraries = [str(path) for pattern in _FAKETIME for path in sorted(Path("/").glob(pattern[1:]))]
    if not libraries:
        return None, "libfaketime is not installed"
    offset = folder / "offset"
    told = {
        "LD_PRELOAD": libraries[0],
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
        # What it does for an older glibc has waits for a condition end seconds too late.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
    }
    launcher = ("env", *(f"{name}={value}" for name, value in told.items()), sys.executable, "-m")
    offset.write_text("+0")
    with stored(folder / "data", launcher=launcher) as watch:
        for jump in (86_400, -3600, 0):
            offset.write_text(f"{jump:+d}")
            watch.skew = jump
            _after(watch, f"{jump:+d} s")
    problems = watch.problems
    watch.skew = -86_400
    offset.write_text(f"{watch.skew:+d}")
    with ServerProcess(
        folder / "data", {"image": {"workers": 1}}, log=folder / "log", launcher=launcher
    ) as server:
        watch.server = server
        _after(watch, "started a day ago")
    watch.problems = problems
    return watch, ""


def _after(watch: Watch, kind: str) -> None:
    watch.read(kind, 2)
    watch.ask(f"{kind}: PUT", "PUT", f"/{kind.replace(' ', '')}", b"x")
    watch.ask(f"{kind}: list", "GET", "/?max-keys=10")
    age = watch.ask(f"{kind}: picture made before", "GET", "/a.png?imageMogr2/thumbnail/70x").header(
        "x-openmogr-age"
    )
    if age is None or int(age) < 0:
        watch.problems.append(f"{kind}: x-openmogr-age is {age}")


def main() -> int:
    """Run all parts and judge."""
    parser = argument_parser(__doc__)
    parser.add_argument(
        "--within", type=float, default=2.0, help="most seconds of what needs nothing that is short"
    )
    options = parser.parse_args()
    parts: dict[str, Callable[[Path], tuple[Watch | None, str]]] = {
        "full disk": full_disk,
        "locked index": lambda folder: locked(folder, "index.sqlite3", puts=503),
        "locked index of results": lambda folder: locked(folder, "results/index.sqlite3", puts=200),
        "clock": clock,
    }
    print(machine_name())
    bad = False
    with Report("shortage", options) as report:
        for name, part in parts.items():
            with tempfile.TemporaryDirectory() as folder:
                watch, words = part(Path(folder))
            bad |= tell(report, name, watch, words, options)
    return 1 if bad else 0


def tell(report: Report, name: str, watch: Watch | None, words: str, options: argparse.Namespace) -> bool:
    """Print and note one part; whether something did not hold."""
    print(f"{name}: {words}")
    if watch is None:
        report.add("left out", part=name, why=words)
        return False
    for kind, took in watch.slowest.items():
        statuses = " ".join(
            f"{n} x {key.rpartition(' ')[2]}"
            for key, n in watch.statuses.items()
            if key.rpartition(" ")[0] == kind
        )
        report.add("answers", part=name, what=kind, statuses=statuses, slowest_seconds=took)
        print(f"  {kind:40} {statuses:20} {took:6.2f} s at most")
        if ("GET" in kind or "picture" in kind) and took > options.within:
            watch.problems.append(f"{kind} took {took:.1f} s")
    for problem in watch.problems:
        report.add("problems", part=name, problem=problem)
        print(f"  ! {problem}")
    return bool(watch.problems)


if __name__ == "__main__":
    sys.exit(main())
