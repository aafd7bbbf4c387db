"""``openmogr fsck``: every kind of damage is found, named and, if wanted, put aside."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from openmogr.testing import ServerProcess
from tests.cli.conftest import Run

BUCKET = "b-1250000000"
BODIES = {
    "a.txt": b"first " * 500,
    "dir/zwei\n.txt": b"second " * 700,
    "three": b"third " * 900,
    "empty": b"",
}


def target(key: str) -> str:
    return f"/{BUCKET}/{key}".replace("\n", "%0A")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a few objects and an upload under way."""
    folder = tmp_path_factory.mktemp("pristine") / "data"
    with ServerProcess(folder) as server:
        server.request("PUT", f"/{BUCKET}", b"")
        for key, body in BODIES.items():
            assert server.request("PUT", target(key), body).status == 200
        upload = server.request("POST", f"/{BUCKET}/big?uploads", b"").body
        identifier = upload.partition(b"<UploadId>")[2].partition(b"</UploadId>")[0].decode()
        answer = server.request("PUT", f"/{BUCKET}/big?partNumber=1&uploadId={identifier}", b"part " * 1000)
        assert answer.status == 200
    return folder


@pytest.fixture
def data(pristine: Path, tmp_path: Path) -> Path:
    """A copy of it; no server runs."""
    return shutil.copytree(pristine, tmp_path / "data")


def blob(data: Path, body: bytes) -> Path:
    (path,) = [path for path in (data / "blobs").glob("*/*") if path.stat().st_size == len(body)]
    return path


def rot(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[100] ^= 4
    path.write_bytes(body)


def execute(data: Path, statement: str) -> None:
    connection = sqlite3.connect(data / "index.sqlite3")
    with connection:
        connection.execute(statement)
    connection.close()


def test_a_sound_folder_is_clean(openmogr: Run, data: Path) -> None:
    for arguments in ((), ("--repair",)):
        result = openmogr("fsck", "--data", data, *arguments)
        assert (result.exit_code, result.output) == (0, f"{data}: everything is as it was stored\n")
    with ServerProcess(data) as server:
        assert server.request("GET", target("three")).body == BODIES["three"]


def damage_of_kinds(data: Path) -> list[tuple[str, Callable[[], object]]]:
    first = blob(data, BODIES["a.txt"])
    return [
        (f"checksum: {BUCKET}/a.txt: CRC-64 ", lambda: rot(first)),
        (f"missing: {BUCKET}/a.txt: {first} is not there", first.unlink),
        (f"length: {BUCKET}/a.txt: {first} is 1 bytes too short", lambda: first.write_bytes(BODIES["a.txt"][:-1])),
        (f"length: {BUCKET}/a.txt: its pieces have 0", lambda: execute(data, "DELETE FROM segments WHERE content = 1")),
        (f"checksum: {BUCKET}/a.txt: MD5 ", lambda: execute(data, "UPDATE objects SET etag = 'f' WHERE content = 1")),
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(5))
def test_damage_to_an_object_is_found_and_put_aside(openmogr: Run, data: Path, number: int) -> None:
    expected, damage = damage_of_kinds(data)[number]
    damage()
    result = openmogr("fsck", "--data", data)
    assert result.exit_code == 11
    assert expected in result.output
    # With the pieces gone from the index their blob is an orphan besides.
    findings = 2 if "pieces" in expected else 1
    assert len(result.output.splitlines()) == findings + 1
    assert openmogr("fsck", "--data", data, "--repair").exit_code == 11
    assert openmogr("fsck", "--data", data).exit_code == 0
    (note,) = [json.loads(path.read_text()) for path in (data / "quarantine").glob("*.json")]
    assert (note["bucket"], note["index"]["key"]) == (BUCKET, "a.txt")
    with ServerProcess(data) as server:
        assert server.request("GET", target("a.txt")).code == "NoSuchKey"
        assert server.request("GET", target("three")).body == BODIES["three"]


def test_damaged_bytes_lie_in_quarantine_and_nothing_is_open_to_others(openmogr: Run, data: Path) -> None:
    path = blob(data, BODIES["three"])
    rot(path)
    openmogr("fsck", "--data", data, "--repair")
    assert not path.exists()
    aside = data / "quarantine" / path.name
    assert len(aside.read_bytes()) == len(BODIES["three"])
    assert all(not item.stat().st_mode & 0o077 for item in (data / "quarantine", *aside.parent.iterdir()))


def test_a_sound_copy_of_a_damaged_object_keeps_its_bytes(openmogr: Run, data: Path) -> None:
    with ServerProcess(data) as server:
        source = {"x-cos-copy-source": f"127.0.0.1:{server.port}/{BUCKET}/three"}
        assert server.request("PUT", target("copy"), b"", source).status == 200
    execute(data, "UPDATE objects SET crc64 = 1 WHERE key = CAST('three' AS BLOB)")
    openmogr("fsck", "--data", data, "--repair")
    with ServerProcess(data) as server:
        assert server.request("GET", target("three")).status == 404
        assert server.request("GET", target("copy")).body == BODIES["three"]


def test_a_damaged_part_is_named_and_a_key_never_breaks_the_line(openmogr: Run, data: Path) -> None:
    rot(blob(data, b"part " * 1000))
    rot(blob(data, BODIES["dir/zwei\n.txt"]))
    result = openmogr("fsck", "--data", data)
    assert f"checksum: {BUCKET}/big part 1 of upload " in result.output
    assert f"checksum: {BUCKET}/dir/zwei\\n.txt: " in result.output
    openmogr("fsck", "--data", data, "--repair")
    assert openmogr("fsck", "--data", data).exit_code == 0


def test_leftovers_are_found_and_removed(openmogr: Run, data: Path) -> None:
    orphan = data / "blobs" / "aa" / ("0" * 30 + "aa")
    orphan.write_bytes(b"nobody's")
    stray = data / "blobs" / "notes.txt"
    stray.write_text("somebody's")
    execute(data, "INSERT INTO segments VALUES (999, 0, 'ffffffffffffffffffffffffffffffff', 0, 5)")
    result = openmogr("fsck", "--data", data)
    assert result.exit_code == 11
    assert f"orphan: nothing refers to {orphan}" in result.output
    assert f"orphan: {stray} is no blob's file" in result.output
    assert "orphan: content 999 in the index belongs to no object" in result.output
    openmogr("fsck", "--data", data, "--repair")
    assert not orphan.exists()
    assert (data / "quarantine" / "stray-notes.txt").read_text() == "somebody's"
    assert openmogr("fsck", "--data", data).exit_code == 0


def test_a_broken_index_is_told_and_left_alone(openmogr: Run, data: Path) -> None:
    index = data / "index.sqlite3"
    body = bytearray(index.read_bytes())
    body[4096:] = b"\x55" * (len(body) - 4096)
    index.write_bytes(body)
    for arguments in ((), ("--repair",)):
        result = openmogr("fsck", "--data", data, *arguments)
        assert result.exit_code in (3, 11)
        assert "index" in result.output
        assert index.read_bytes() == body


def test_beside_a_server_it_looks_and_does_not_repair(openmogr: Run, data: Path) -> None:
    with ServerProcess(data) as server:
        rot(blob(data, BODIES["three"]))
        result = openmogr("fsck", "--data", data)
        assert result.exit_code == 11
        assert f"checksum: {BUCKET}/three" in result.output
        result = openmogr("fsck", "--data", data, "--repair")
        assert result.exit_code == 3
        assert "stop the server first" in result.output
        assert server.request("PUT", target("three"), BODIES["three"]).status == 200
        assert openmogr("fsck", "--data", data).exit_code == 0


def test_a_folder_without_objects_is_left_as_it_is(openmogr: Run, tmp_path: Path) -> None:
    for arguments in ((), ("--repair",)):
        result = openmogr("fsck", "--data", tmp_path, *arguments)
        assert result.exit_code == 3
        assert "there is no index.sqlite3" in result.output
        assert list(tmp_path.iterdir()) == []
