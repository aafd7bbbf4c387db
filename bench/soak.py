"""A long mixed load with damaged pictures among the good ones: does the server stay up, true and of one size?

``python -m bench.soak --seconds 1800 --requests 10000`` ends when both are reached. Every answer is judged: a good
picture has a result that decodes, a damaged one or an operation that is none a result or a 4xx, and only 503 may begin
with a 5. Memory is that of the server and all its workers. Each eighth of the run they rest, and what they hold is
noted; a worker may keep some of its last picture, so the two eighths before a half and the last two are compared by
their means. Ends with status 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pillow_heif
import pillow_tpg
from PIL import Image

from bench.common import Report, Value
from bench.processes import memory, own_memory
from openmogr.testing import Answer, ServerProcess

# A result is as large as the server lets it be, and is decoded here whatever it is.
Image.MAX_IMAGE_PIXELS = None

BUCKET = "soak-1250000000"
# Time for workers to be replaced, and for the system to take back what they had, in seconds.
_REST = 3
_PARTS = 8
# No request outlasts the patience of its client.
SETTINGS: dict[str, dict[str, object]] = {"image": {"deadline": 50.0}}
OPERATIONS = (
    "imageMogr2/format/webp",
    "imageMogr2/thumbnail/300x/format/jpg",
    "imageMogr2/thumbnail/!50p/format/png",
    "imageMogr2/crop/200x200/gravity/center/format/jpg/quality/80",
    "imageMogr2/rotate/30/format/webp",
    "imageMogr2/thumbnail/200x200/format/tpg",
    "imageMogr2/thumbnail/200x200/format/avif",
    "imageMogr2/blur/8x5/format/jpg",
    "imageMogr2/auto-orient/thumbnail/400x400/strip",
    "imageView2/1/w/120/h/120/format/gif",
    "imageInfo",
    "imageAve",
    "exif",
)
# As damaged as the pictures: texts that are refused.
_NO_OPERATIONS = (
    "imageMogr2/thumbnail/x",
    "imageMogr2/format/psd",
    "imageMogr2/rotate/-1|imageInfo",
    "imageView2/9/w/1",
    "imageMogr2/crop/0x0/quality",
)


def sources(folder: Path, rng: random.Random, damaged_share: float) -> dict[str, tuple[bytes, bool]]:
    """Pictures by name, and whether each is whole. Damage is a flipped byte, a cut or a swapped part."""
    pictures: dict[str, tuple[bytes, bool]] = {}
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        if path.suffix == ".md" or not 0 < len(data) < 3_000_000:
            continue
        pictures[path.name] = (data, True)
    whole = list(pictures.items())
    while sum(not good for _, good in pictures.values()) < damaged_share / (1 - damaged_share) * len(whole):
        name, (data, _) = rng.choice(whole)
        broken = bytearray(data)
        kind = rng.randrange(3)
        if kind == 0:
            for _ in range(rng.randrange(1, 20)):
                broken[rng.randrange(len(broken))] = rng.randrange(256)
        elif kind == 1:
            del broken[rng.randrange(len(broken)) :]
        else:
            start = rng.randrange(len(broken))
            broken[start : start + rng.randrange(1, 500)] = rng.randbytes(rng.randrange(500))
        pictures[f"damaged-{len(pictures)}-{name}"] = (bytes(broken), False)
    return pictures


class Soak:
    """One run against one server."""

    def __init__(self, server: ServerProcess, pictures: dict[str, tuple[bytes, bool]], seed: int) -> None:
        self.server, self.pictures, self.seed = server, pictures, seed
        self.names = list(pictures)
        self.usable: set[tuple[str, str]] = set()
        self.statuses: Counter[int] = Counter()
        self.problems: list[str] = []
        self.lock = threading.Lock()

    def prepare(self) -> None:
        """Store the pictures."""
        self.server.request("PUT", f"/{BUCKET}")
        for number, name in enumerate(self.names):
            answer = self.server.request("PUT", f"/{BUCKET}/{number}", self.pictures[name][0])
            assert answer.status == 200, (name, answer)

    def several(self, numbers: Iterator[int], go_on: Callable[[], bool]) -> None:
        """Requests, one after the other, as long as there are numbers and time."""
        while go_on():
            with self.lock:
                number = next(numbers, None)
            if number is None:
                return
            self.one(number)

    def one(self, number: int) -> None:
        """One request, and what is to be said of its answer."""
        rng = random.Random(self.seed * 1_000_003 + number)
        index = rng.randrange(len(self.names))
        operation = rng.choice(_NO_OPERATIONS if rng.random() < 0.02 else OPERATIONS)
        name = self.names[index]
        # A size of its own, so that most requests are really worked on.
        operation = operation.replace("300x", f"{rng.randrange(100, 400)}x")
        try:
            answer = self.server.request("GET", f"/{BUCKET}/{index}?{operation}")
        except OSError as error:
            answer = Answer(0, [], repr(error).encode())
        with self.lock:
            self.statuses[answer.status] += 1
        problem = self.judge(answer, operation)
        if problem:
            with self.lock:
                self.problems.append(f"{name}?{operation}: {problem}")

    @staticmethod
    def judge(answer: Answer, operation: str) -> str | None:
        """What is wrong with an answer; None for nothing."""
        if answer.status == 503 or 400 <= answer.status < 500:
            return None
        if answer.status != 200:
            return f"{answer.status} {answer.body[:300]!r}"
        try:
            if (answer.header("Content-Type") or "").startswith("application/json"):
                json.loads(answer.body)
            elif answer.header("Content-Type") == "image/tpg":
                pillow_tpg.decode(answer.body)
            else:
                with Image.open(io.BytesIO(answer.body)) as image:
                    image.load()
        except Exception as error:
            return f"the result does not decode: {error!r}"
        return None


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--inputs", type=Path, default=Path("../shared/corpus/inputs"))
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--requests", type=int, default=0, help="and at least so many")
    parser.add_argument("--growth", type=float, default=0.1, help="most that memory at rest may grow by")
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--damaged", type=float, default=0.2, help="share of damaged pictures")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures and the machine here")
    arguments = parser.parse_args()
    pillow_heif.register_heif_opener()
    pictures = sources(arguments.inputs, random.Random(arguments.seed), arguments.damaged)
    with tempfile.TemporaryDirectory() as folder, ServerProcess(Path(folder) / "data", SETTINGS) as server:
        soak = Soak(server, pictures, arguments.seed)
        soak.prepare()
        started = time.monotonic()
        most = 0

        def left(share: float) -> bool:
            early = time.monotonic() - started < float(arguments.seconds) * share
            return early or sum(soak.statuses.values()) < arguments.requests * share

        def watch() -> None:
            nonlocal most
            while left(1):
                most = max(most, memory(server.pid))
                time.sleep(0.5)

        threading.Thread(target=watch, daemon=True).start()
        rests = []
        numbers = itertools.count()
        for part in range(_PARTS):
            with ThreadPoolExecutor(arguments.clients) as pool:
                for _ in range(arguments.clients):
                    pool.submit(soak.several, numbers, partial(left, (part + 1) / _PARTS))
            time.sleep(_REST)
            rests.append((memory(server.pid), own_memory(server.pid)))
        elapsed = time.monotonic() - started
    return tell(soak, rests, most, elapsed, arguments)


def tell(
    soak: Soak, rests: list[tuple[int, int]], most: int, elapsed: float, arguments: argparse.Namespace
) -> int:
    """Print what was found; 1 where something did not hold. Memory at rest is of all processes and of the server."""
    early, late = (sum(rest[0] for rest in rests[begin : begin + 2]) / 2 for begin in (2, _PARTS - 2))
    growth = late / max(early, 1) - 1
    if growth > arguments.growth:
        soak.problems.append(f"memory at rest grew by {growth:.0%}")
    statuses = " ".join(f"{count} x {status}" for status, count in sorted(soak.statuses.items()))
    figures: dict[str, Value] = {
        "seconds": round(elapsed, 1),
        "requests": sum(soak.statuses.values()),
        "statuses": statuses,
        "early_rest_mib": round(early / 2**20, 1),
        "late_rest_mib": round(late / 2**20, 1),
        "rests_mib": " ".join(f"{rest[0] >> 20}" for rest in rests),
        "server_rests_mib": " ".join(f"{rest[1] >> 20}" for rest in rests),
        "most_mib": round(most / 2**20, 1),
        "growth": round(growth, 3),
        "problems": len(soak.problems),
    }
    for name, value in figures.items():
        print(f"{name:18} {value}")
    for problem in soak.problems[:20]:
        print("  " + problem)
    with Report("soak", arguments) as report:
        report.add("soak", **figures)
        for problem in soak.problems[:100]:
            report.add("problems", problem=problem)
    return 1 if soak.problems else 0


if __name__ == "__main__":
    sys.exit(main())
