"""``kill -9`` amid many uploads: what was acknowledged is there, byte for byte, and nothing by half."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from openmogr.errors import NoSuchKey
from openmogr.storage import EmbeddedStorage, StorageSettings
from openmogr.storage.embedded import crc64

PROGRAM = Path(__file__).with_name("crash_writer.py")
BUCKET = "photos-1250000000"
ROUNDS = 6
STEP = 1_000_000


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = spec_from_file_location("crash_writer", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_and_kill(folder: Path, begin: int, seed: int, seconds: float) -> list[str]:
    """Lines that the writer printed until it was killed, some time after its first commit."""
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), str(folder), str(begin), str(seed)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("commit"):
                break
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        # A line cut short by the kill has no end and acknowledges nothing.
        lines += [line for line in process.stdout if line.endswith("\n")]
        assert process.wait() == -signal.SIGKILL
    return [line.strip() for line in lines]


async def read(storage: EmbeddedStorage, key: str) -> bytes | None:
    try:
        async with await storage.open_object(BUCKET, key) as reader:
            return await reader.read()
    except NoSuchKey:
        return None


def test_acknowledged_objects_survive_a_kill(tmp_path: Path, writer: ModuleType) -> None:
    folder = tmp_path / "data"
    chance = random.Random(20)
    committed: dict[str, int] = {}
    commits = appended = 0

    async def check_grown(storage: EmbeddedStorage) -> None:
        """All acknowledged pieces, and perhaps the one under way, with the sum that the index has."""
        whole = await read(storage, "growing") or b""
        pieces = [writer.piece(number) for number in range(whole.count(b"\n"))]
        assert whole == b"".join(pieces)
        assert appended <= len(pieces)
        if whole:
            info = await storage.head_object(BUCKET, "growing")
            assert (info.size, info.crc64, info.appendable) == (len(whole), crc64.update(0, whole), True)

    async def check(tried: dict[str, set[int]]) -> None:
        async with EmbeddedStorage(StorageSettings(data=folder)) as storage:
            assert list((folder / "staging").iterdir()) == []
            for key, numbers in tried.items():
                # The last acknowledged version, or the one under way when the process died.
                allowed = {committed.get(key, 0), *(n for n in numbers if n > committed.get(key, 0))}
                found = await read(storage, key)
                (number,) = [n for n in allowed if found == (writer.body(key, n) if n else None)] or [-1]
                assert number >= 0, f"{key}: none of the versions {sorted(allowed)}"
                result = await read(storage, key + ".result")
                assert result == (writer.body(key + ".result", number) if number else None)
                committed[key] = number
            await check_grown(storage)
            for upload in (await storage.list_uploads(BUCKET)).uploads:
                await storage.abort_upload(BUCKET, upload.key, upload.upload_id)
            await storage.reclaimed()
            in_use = storage._index.read(
                lambda index: {row[0] for row in index.execute("SELECT blob FROM segments")}
            ).result()
            assert {path.name for path in (folder / "blobs").glob("*/*")} == in_use

    for round_number in range(1, ROUNDS + 1):
        lines = run_and_kill(folder, round_number * STEP, round_number, chance.uniform(0.05, 0.8))
        tried: dict[str, set[int]] = {}
        for line in lines:
            word, key, number = line.split()
            if word == "append":
                appended = int(number) + 1
            elif word == "try":
                tried.setdefault(key, set()).add(int(number))
            else:
                commits += 1
                committed[key] = int(number)
        asyncio.run(check(tried))
    assert appended > 2 * ROUNDS, f"only {appended} appends"
    assert commits > 10 * ROUNDS, f"only {commits} commits: too few to say anything"
