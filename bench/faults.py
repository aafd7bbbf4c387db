"""Pictures that crash, hang or swell their worker, or have it lie: ``python -m bench.faults``.

The server is a real one, whose workers do to themselves by a key's name what a hostile picture might: read address 0,
sleep with all signals blocked, take memory without end, answer with nonsense. Other clients ask for pictures and plain
objects all the while. Each fault must cost its own request an error in words, and no other request anything. Ends with
status 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from bench.asking import metric
from bench.common import DEMO_PHOTO, ROOT, Report, argument_parser, machine_name
from openmogr.testing import ServerProcess

HOST = "faults-1250000000.cos.ap-shanghai.myqcloud.com"
SETTINGS: dict[str, dict[str, object]] = {
    "image": {"workers": 2, "deadline": 8.0, "memory": 700 << 20, "patience": 50.0}
}
# What may be answered: the worker's death and its nonsense are ours, time and memory are the picture's.
WANTED = {
    "crash": {(500, "InternalError")},
    "lie": {(500, "InternalError")},
    "hang": {(400, "ImageResolutionExceed")},
    "balloon": {(503, "SlowDown"), (500, "InternalError"), (400, "ImageResolutionExceed")},
}
_PROGRAM = (
    f"import runpy, sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv = sys.argv[1:]\n"
    "from openmogr.engine import ImagePool\n"
    "ImagePool.__init__.__defaults__ = (None, 'tests.engine.faulty:make', *ImagePool.__init__.__defaults__[2:])\n"
    "runpy.run_module('openmogr.testing', run_name='__main__', alter_sys=True)"
)


class Others:
    """Clients that have nothing to do with it."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self.stop = threading.Event()
        self.statuses: Counter[str] = Counter()
        self.problems: list[str] = []

    def run(self, number: int) -> None:
        """Pictures that nobody asked for before, and the plain object, in turn."""
        count = 0
        while not self.stop.is_set():
            count += 1
            plain = count % 2 == 0
            target = (
                "/a.png" if plain else f"/a.png?imageMogr2/rotate/{number + count / 10_000:.4f}/thumbnail/60x"
            )
            try:
                answer = self._server.request("GET", target, host=HOST)
            except OSError as error:
                self.problems.append(f"{target}: {error!r}")
                continue
            self.statuses[f"{'plain' if plain else 'pictures'} {answer.status}"] += 1
            if answer.status != 200:
                self.problems.append(f"{target}: {answer.status} {answer.body[:300]!r}")


def inject(server: ServerProcess, count: int, rng: random.Random) -> tuple[Counter[str], list[str]]:
    """Ask for so many faulty pictures; how each was answered, and what was not as it should be."""
    seen: Counter[str] = Counter()
    problems = []
    kinds = [list(WANTED)[number % len(WANTED)] for number in range(count)]
    rng.shuffle(kinds)
    for number, kind in enumerate(kinds):
        answer = server.request("GET", f"/{kind}?imageMogr2/thumbnail/{20 + number}x", host=HOST)
        seen[f"{kind}: {answer.status} {answer.code}"] += 1
        if (answer.status, answer.code) not in WANTED[kind] or b"<Message>" not in answer.body:
            problems.append(f"{kind}: {answer.status} {answer.body[:300]!r}")
        time.sleep(rng.uniform(0, 0.2))
    return seen, problems


def main() -> int:
    """Run it and judge."""
    parser = argument_parser(__doc__)
    parser.add_argument("--faults", type=int, default=60)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    launcher = (sys.executable, "-c", _PROGRAM)
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess(Path(folder) / "data", SETTINGS, launcher=launcher) as server,
    ):
        server.request("PUT", "/", b"", host=HOST)
        for key in ("a.png", *WANTED):
            server.request("PUT", f"/{key}", DEMO_PHOTO.read_bytes(), host=HOST)
        others = Others(server)
        threads = [
            threading.Thread(target=others.run, args=(number + 1,)) for number in range(options.clients)
        ]
        for thread in threads:
            thread.start()
        seen, problems = inject(server, options.faults, random.Random(options.seed))
        others.stop.set()
        for thread in threads:
            thread.join()
        replaced = {
            reason: int(metric(server, f'openmogr_workers_replaced_total{{reason="{reason}"}}'))
            for reason in ("crashed", "killed")
        }
    problems += others.problems
    return tell(seen, others.statuses, replaced, problems, options)


def tell(
    seen: Counter[str],
    others: Counter[str],
    replaced: dict[str, int],
    problems: list[str],
    options: argparse.Namespace,
) -> int:
    """Print the figures; 1 where something did not hold."""
    print(machine_name())
    with Report("faults", options) as report:
        for table, counts in (("faults", seen), ("others", others), ("workers replaced", replaced)):
            for name, count in sorted(counts.items()):
                report.add(table, what=name, count=count)
                print(f"{table:18} {name:36} {count}")
        for problem in problems[:100]:
            report.add("problems", problem=problem)
            print("  " + problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
