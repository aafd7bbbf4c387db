"""``kill -9`` of the server and of its workers, again and again: ``python -m bench.kills --rounds 200``.

Clients put, replace, delete and copy objects, upload in parts and with rules, and ask for pictures, each for keys of
its own. Meanwhile workers and their zygote are killed, which may cost pictures their answer and nothing else; then the
server is. After each restart every key holds what was acknowledged last, or what was under way, and that as a whole:
the result of a rule belongs to its upload. No process is left over, ``fsck`` finds nothing, every remembered result is
whole. Ends with status 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import http.client
import io
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from bench.common import Report, Value, argument_parser
from bench.processes import below, is_alive
from openmogr.results import ResultStore
from openmogr.storage import EmbeddedStorage, StorageSettings
from openmogr.storage.embedded.fsck import check, index_problems, open_index
from openmogr.testing import Answer, ServerProcess

BUCKET = "kills-1250000000"
HOST = f"{BUCKET}.cos.ap-shanghai.myqcloud.com"
PART = 100_000
SETTINGS: dict[str, dict[str, object]] = {"image": {"workers": 2}, "storage": {"min_part_bytes": PART}}
RULE = "imageMogr2/thumbnail/8x/format/png"
_KEYS = 12
_PATIENCE = 10.0


def body(key: str, version: int) -> bytes:
    """What a version of a key is: from a byte to some hundred KB, or a small picture."""
    seed = hashlib.sha256(f"{key} {version}".encode()).digest()
    if key.startswith("picture"):
        out = io.BytesIO()
        Image.frombytes("RGB", (16, 8), seed * 12).save(out, "PNG")
        return out.getvalue()
    return seed * (1 + int.from_bytes(seed[:2]) // 6)


@dataclass
class Ledger:
    """What clients know: per key the version that was acknowledged last (0: none) and the one under way."""

    known: dict[str, int] = field(default_factory=dict)
    under_way: dict[str, int] = field(default_factory=dict)
    results: dict[str, bytes] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class Client:
    """Changes keys of its own until the server is gone."""

    def __init__(self, server: ServerProcess, ledger: Ledger, name: str, first: int) -> None:
        self._server, self._ledger, self._name = server, ledger, name
        self._rng = random.Random(f"{name} {first}")
        self._version = first
        self.finished = 0

    def run(self) -> None:
        """Until the connection fails."""
        try:
            while True:
                self._change()
                self.finished += 1
        except (OSError, http.client.HTTPException):
            return

    def _change(self) -> None:
        kind = self._rng.choice(("put", "put", "rules", "rules", "delete", "copy", "parts", "picture"))
        word = {"rules": "picture", "picture": "picture", "parts": "parts"}.get(kind, "plain")
        key = f"{word}-{self._name}-{self._rng.randrange(_KEYS)}"
        if kind == "picture":
            self._look(key)
            return
        self._version += 1
        version = 0 if kind == "delete" else self._version
        self._ledger.under_way[key] = version
        answer = {
            "put": self._put,
            "rules": self._rules,
            "delete": self._delete,
            "copy": self._copy,
            "parts": self._parts,
        }[kind](key)
        if answer.status in (200, 204) and b"<Error>" not in answer.body:
            self._ledger.known[key] = version
        elif not (kind == "rules" and answer.code == "InternalError" and b"worker ended" in answer.body):
            self._ledger.problems.append(f"{kind} {key}: {answer.status} {answer.body[-300:]!r}")
        else:
            self._ledger.done["refused for a killed worker"] += 1
        self._ledger.under_way.pop(key)
        self._ledger.done[kind] += 1

    def _send(self, method: str, target: str, data: bytes | None = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._server.request(method, target, data, named, host=HOST)

    def _put(self, key: str) -> Answer:
        return self._send("PUT", f"/{key}", body(key, self._version))

    def _rules(self, key: str) -> Answer:
        rules = json.dumps({"rules": [{"fileid": f"/result-{key}", "rule": RULE}]})
        return self._send("PUT", f"/{key}", body(key, self._version), Pic_Operations=rules)

    def _delete(self, key: str) -> Answer:
        return self._send("DELETE", f"/{key}")

    def _copy(self, key: str) -> Answer:
        source = f"source-{self._name}"
        put = self._send("PUT", f"/{source}", body(key, self._version))
        if put.status != 200:
            return put
        return self._send("PUT", f"/{key}", b"", x_cos_copy_source=f"{HOST}/{source}")

    def _parts(self, key: str) -> Answer:
        data = body(key, self._version)
        started = self._send("POST", f"/{key}?uploads", b"")
        upload = started.body.partition(b"<UploadId>")[2].partition(b"<")[0].decode()
        listed = ""
        for number, begin in enumerate(range(0, len(data), PART), start=1):
            part = self._send(
                "PUT", f"/{key}?partNumber={number}&uploadId={upload}", data[begin : begin + PART]
            )
            listed += f"<Part><PartNumber>{number}</PartNumber><ETag>{part.header('ETag')}</ETag></Part>"
        document = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>"
        return self._send("POST", f"/{key}?uploadId={upload}", document.encode())

    def _look(self, key: str) -> None:
        """Ask for a picture; what was made once is made alike ever after."""
        version = self._ledger.known.get(key, 0)
        operation = f"imageMogr2/thumbnail/{self._rng.randrange(4, 12)}x/format/webp"
        answer = self._send("GET", f"/{key}?{operation}")
        self._ledger.done["picture"] += 1
        if answer.status == 200:
            before = self._ledger.results.setdefault(f"{key} {version} {operation}", answer.body)
            if before != answer.body:
                self._ledger.problems.append(f"{key}?{operation}: another result than before")
        elif answer.status == 500 and b"worker ended" in answer.body:
            self._ledger.done["refused for a killed worker"] += 1
        elif not (answer.status == 404 and not version):
            self._ledger.problems.append(f"{key}?{operation}: {answer.status} {answer.body[-300:]!r}")


def one_round(data: Path, ledger: Ledger, number: int, clients: int, rng: random.Random) -> Counter[str]:
    """Start, look, load, kill workers, kill the server; how many processes were killed, by kind."""
    killed: Counter[str] = Counter()
    with ServerProcess(data, SETTINGS, log=data.with_name("server.log")) as server:
        if number == 0:
            assert server.request("PUT", "/", b"", host=HOST).status == 200
        working = [Client(server, ledger, f"c{index}", number * 100_000) for index in range(clients)]
        threads = [threading.Thread(target=client.run) for client in working]
        for thread in threads:
            thread.start()
        until = time.monotonic() + rng.uniform(0.2, 1.5)
        while time.monotonic() < until or not any(client.finished for client in working):
            time.sleep(rng.uniform(0.05, 0.3))
            processes = below(server.pid)
            if processes and rng.random() < 0.5:
                victim = rng.choice(processes)
                killed["zygote" if victim == min(processes) else "worker"] += _kill(victim)
        processes = below(server.pid)
        server.kill()
        killed["server"] += 1
        for thread in threads:
            thread.join()
        deadline = time.monotonic() + _PATIENCE
        while any(map(is_alive, processes)) and time.monotonic() < deadline:
            time.sleep(0.02)
        ledger.problems += [f"process {pid} outlived its server" for pid in processes if is_alive(pid)]
    return killed


def _kill(pid: int) -> int:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return 1


async def look(data: Path, ledger: Ledger) -> None:
    """What lies in the folder after a restart, against the ledger."""
    async with EmbeddedStorage(StorageSettings(data=data, min_part_bytes=PART)) as storage:
        found = {}
        marker = ""
        while True:
            page = await storage.list_objects(BUCKET, marker=marker)
            for item in page.objects:
                async with await storage.open_object(BUCKET, item.key) as reader:
                    found[item.key] = await reader.read()
            if not page.next_marker:
                break
            marker = page.next_marker
        for upload in (await storage.list_uploads(BUCKET)).uploads:
            await storage.abort_upload(BUCKET, upload.key, upload.upload_id)
        await storage.reclaimed()
    for key in {*ledger.known, *ledger.under_way}:
        _settle(key, found, ledger)
    ledger.under_way.clear()
    with open_index(data) as connection:
        faults = [*index_problems(connection), *check(data, connection, idle=True)]
    ledger.problems += [f"fsck: {fault}" for fault in faults]
    store = ResultStore(data / "results", 2**31)
    await store.open()
    try:
        for key in await _remembered(data):
            if entry := await store.get(key):
                entry.file.close()
        if damaged := (await store.statistics()).damaged:
            ledger.problems.append(f"{damaged} remembered results are damaged")
    finally:
        await store.close()


async def _remembered(data: Path) -> list[str]:
    import sqlite3

    connection = sqlite3.connect(data / "results" / "index.sqlite3")
    try:
        return [key for (key,) in connection.execute("SELECT key FROM results")]
    finally:
        connection.close()


def _settle(key: str, found: dict[str, bytes], ledger: Ledger) -> None:
    """Which of the versions that may be there is, and whether its result is there with it."""
    allowed = [ledger.known.get(key, 0), *([ledger.under_way[key]] if key in ledger.under_way else [])]
    there = found.get(key)
    for version in allowed:
        if there == (body(key, version) if version else None):
            ledger.known[key] = version
            break
    else:
        size = "nothing" if there is None else f"{len(there)} bytes"
        ledger.problems.append(f"{key} holds {size}, which is none of the versions {allowed}")
        return
    if key.startswith("picture") and version:
        _compare_result(key, version, found.get(f"result-{key}"), ledger)


def _compare_result(key: str, version: int, result: bytes | None, ledger: Ledger) -> None:
    """The result of a rule is the one of this version: of a colour that only it has."""
    if result is None:
        ledger.problems.append(f"{key} is there without its result")
        return
    with Image.open(io.BytesIO(body(key, version))) as source, Image.open(io.BytesIO(result)) as image:
        wanted = source.resize((8, 4), Image.Resampling.LANCZOS)
        close = image.size == wanted.size and all(
            abs(one - other) < 30 for one, other in zip(image.tobytes(), wanted.tobytes(), strict=True)
        )
    if not close:
        ledger.problems.append(f"the result of {key} is that of another version")


def main() -> int:
    """Run the rounds and tell what was found."""
    parser = argument_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--clients", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    ledger, killed = Ledger(), Counter[str]()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        for number in range(options.rounds):
            before = len(ledger.problems)
            killed += one_round(data, ledger, number, options.clients, rng)
            asyncio.run(look(data, ledger))
            if "Traceback" in (text := data.with_name("server.log").read_text(errors="replace")):
                ledger.problems.append(text[text.index("Traceback") :][:2000])
                data.with_name("server.log").write_text("")
            if number % 20 == 19:
                print(f"{number + 1} rounds, {len(ledger.problems)} problems", file=sys.stderr, flush=True)
            for problem in ledger.problems[before:]:
                print(f"round {number}: {problem}", file=sys.stderr, flush=True)
    return tell(ledger, killed, time.monotonic() - started, options)


def tell(ledger: Ledger, killed: Counter[str], seconds: float, options: argparse.Namespace) -> int:
    """Print the figures; 1 where something did not hold."""
    figures: dict[str, Value] = {"rounds": options.rounds, "seconds": round(seconds)}
    figures |= {f"killed {name}s": count for name, count in sorted(killed.items())}
    figures |= dict(sorted(ledger.done.items()))
    figures |= {"objects": sum(1 for version in ledger.known.values() if version)}
    figures |= {"problems": len(ledger.problems)}
    if ledger.done["refused for a killed worker"] > 2 * killed["zygote"] + killed["worker"]:
        ledger.problems.append("more answers than workers were lost")
    for name, value in figures.items():
        print(f"{name:28} {value}")
    for problem in ledger.problems[:20]:
        print("  " + problem)
    with Report("kills", options) as report:
        report.add("kills", **figures)
        for problem in ledger.problems[:100]:
            report.add("problems", problem=problem)
    return 1 if ledger.problems else 0


if __name__ == "__main__":
    sys.exit(main())
