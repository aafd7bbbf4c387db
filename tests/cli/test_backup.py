"""``openmogr backup`` beside a server under load, and ``openmogr restore`` of what it made."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import sqlite3
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

import openmogr.demo as openmogr_demo
from openmogr.auth import sign_request
from openmogr.storage.embedded.blobs import no_deletions
from openmogr.testing import ServerProcess
from tests.cli.conftest import Run

BUCKET = "b-1250000000"
WRITERS = 4


def body(name: str) -> bytes:
    return name.encode() * (50 + sum(name.encode()) % 400)


class Load:
    """Clients that write new objects, overwrite a few names and delete what they wrote."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]
        self.acknowledged: set[str] = set()
        self.failures: list[object] = []

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _write(self, writer: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=60)
        for index in count():
            if self._stop.is_set():
                break
            name = f"kept-{writer}-{index}"
            self._send(connection, "PUT", name, body(name))
            self.acknowledged.add(name)
            # Churn: what a backup without care would find gone.
            self._send(connection, "PUT", f"over-{writer}", body(f"{index}") * 10)
            if index % 3 == 2:
                self._send(connection, "PUT", f"gone-{writer}", body(f"{index}"))
                self._send(connection, "DELETE", f"gone-{writer}", b"")
        connection.close()

    def _send(self, connection: http.client.HTTPConnection, method: str, key: str, data: bytes) -> None:
        path = f"/{BUCKET}/{key}"
        headers = {"Authorization": sign_request(self._server.credential, method, path)}
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status >= 300:
            self.failures.append((method, key, answer.status))

    def wait_for(self, objects: int) -> None:
        """Until so many new objects were acknowledged."""
        pause = threading.Event()
        while len(self.acknowledged) < objects:
            pause.wait(0.02)


def filled(data: Path, names: list[str]) -> None:
    with ServerProcess(data) as server:
        server.request("PUT", f"/{BUCKET}", b"")
        for name in names:
            assert server.request("PUT", f"/{BUCKET}/{name}", body(name)).status == 200


def blob(folder: Path, content: bytes) -> Path:
    (path,) = [path for path in (folder / "blobs").glob("*/*") if path.read_bytes() == content]
    return path


@pytest.mark.parametrize("options", [(), ("--link",)], ids=["copies", "links"])
def test_a_backup_under_load_has_all_that_was_acknowledged(
    openmogr: Run, tmp_path: Path, options: tuple[str, ...]
) -> None:
    data, dest, back = tmp_path / "data", tmp_path / "backup", tmp_path / "restored"
    with ServerProcess(data) as server:
        server.request("PUT", f"/{BUCKET}", b"")
        with Load(server) as load:
            for objects in (30, 60):  # the second one adds to the first
                load.wait_for(objects)
                before = set(load.acknowledged)
                result = openmogr("backup", dest, "--data", data, *options)
                assert result.exit_code == 0, result.output
            load.wait_for(len(load.acknowledged) + 10)
        assert load.failures == []
        assert "Traceback" not in server.log
    result = openmogr("restore", dest, "--data", back)
    assert result.exit_code == 0, result.output
    assert openmogr("fsck", "--data", back).exit_code == 0
    with ServerProcess(back) as server:
        for name in sorted(before):
            assert server.request("GET", f"/{BUCKET}/{name}").body == body(name)


def test_deletions_catch_up_after_a_backup(openmogr: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    filled(data, ["a", "b"])
    # What a server drops while blobs are held, it removes with the next change.
    with ServerProcess(data) as server:
        with no_deletions(data):
            assert server.request("DELETE", f"/{BUCKET}/a").status == 204
            assert blob(data, body("a")).exists()
        assert server.request("DELETE", f"/{BUCKET}/b").status == 204
    assert [path for path in (data / "blobs").glob("*/*") if path.is_file()] == []


def test_a_second_backup_copies_what_is_new_and_drops_what_is_gone(openmogr: Run, tmp_path: Path) -> None:
    data, dest = tmp_path / "data", tmp_path / "backup"
    filled(data, ["a", "b"])
    assert "2 files copied" in openmogr("backup", dest, "--data", data).output
    with ServerProcess(data) as server:
        server.request("DELETE", f"/{BUCKET}/a")
        server.request("PUT", f"/{BUCKET}/c", body("c"))
    result = openmogr("backup", dest, "--data", data)
    assert "1 files copied" in result.output
    assert "1 there before" in result.output
    assert sorted(path.read_bytes() for path in (dest / "blobs").glob("*/*")) == sorted(
        [body("b"), body("c")]
    )
    assert len(list(dest.glob("index-*.sqlite3"))) == 1
    assert not any(path.stat().st_mode & 0o077 for path in dest.rglob("*"))


def test_keys_of_the_data_folder_are_kept_with_the_objects(openmogr: Run, tmp_path: Path) -> None:
    data, dest, back = tmp_path / "data", tmp_path / "backup", tmp_path / "restored"
    filled(data, ["a"])
    (data / "credentials.json").write_text('{"secret_id": "x"}')
    openmogr("backup", dest, "--data", data)
    (data / "credentials.json").write_text('{"secret_id": "y"}')
    openmogr("backup", dest, "--data", data)
    assert openmogr("restore", dest, "--data", back).exit_code == 0
    assert json.loads((back / "credentials.json").read_text()) == {"secret_id": "y"}


def test_damaged_objects_are_named_and_a_good_earlier_copy_stays(openmogr: Run, tmp_path: Path) -> None:
    data, dest = tmp_path / "data", tmp_path / "backup"
    filled(data, ["a", "b", "c"])
    openmogr("backup", tmp_path / "early", "--data", data)
    blob(data, body("a")).write_bytes(body("a")[:-1] + b"!")
    blob(data, body("b")).unlink()
    result = openmogr("backup", dest, "--data", data)
    assert result.exit_code == 11
    assert f"{BUCKET}/a: its bytes have another CRC-64" in result.output
    assert f"{BUCKET}/b: its file is missing or too short" in result.output
    result = openmogr("restore", dest, "--data", tmp_path / "restored")
    assert result.exit_code == 11
    assert f"{BUCKET}/a" in result.output
    with ServerProcess(tmp_path / "restored") as server:
        assert server.request("GET", f"/{BUCKET}/c").body == body("c")
        assert server.request("GET", f"/{BUCKET}/a").status == 500
    assert openmogr("backup", tmp_path / "early", "--data", data).exit_code == 0


def spoil_blob(dest: Path) -> None:
    path = blob(dest, body("a"))
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def spoil_index(dest: Path) -> None:
    (path,) = dest.glob("index-*.sqlite3")
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def spoil_manifest(dest: Path) -> None:
    path = dest / "manifest.jsonl"
    path.write_text(path.read_text().rsplit("\n", 2)[0] + "\n")


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (spoil_blob, 11, f"{BUCKET}/a: blob "),
        (lambda dest: blob(dest, body("a")).unlink(), 11, f"{BUCKET}/a: blob "),
        (spoil_index, 3, "is damaged"),
        (spoil_manifest, 3, "names 1 blobs instead of 2"),
        (lambda dest: (dest / "manifest.jsonl").unlink(), 3, "is no backup"),
    ],
    ids=["blob", "blob gone", "index", "manifest", "manifest gone"],
)
def test_a_damaged_backup_is_refused_and_leaves_nothing(
    openmogr: Run, tmp_path: Path, spoil: Callable[[Path], object], code: int, words: str
) -> None:
    data, dest, back = tmp_path / "data", tmp_path / "backup", tmp_path / "restored"
    filled(data, ["a", "b"])
    openmogr("backup", dest, "--data", data)
    spoil(dest)
    result = openmogr("restore", dest, "--data", back)
    assert result.exit_code == code, result.output
    assert words in result.output
    assert not back.exists()


def test_with_force_the_rest_of_a_damaged_backup_is_restored(openmogr: Run, tmp_path: Path) -> None:
    data, dest, back = tmp_path / "data", tmp_path / "backup", tmp_path / "restored"
    filled(data, ["a", "b"])
    openmogr("backup", dest, "--data", data)
    spoil_blob(dest)
    back.mkdir()
    assert openmogr("restore", dest, "--data", back).exit_code == 11
    assert list(back.iterdir()) == []
    assert openmogr("restore", dest, "--data", back, "--force").exit_code == 11
    with ServerProcess(back) as server:
        assert server.request("GET", f"/{BUCKET}/b").body == body("b")
        assert server.request("GET", f"/{BUCKET}/a").status == 500


def test_no_folder_is_overwritten(openmogr: Run, tmp_path: Path) -> None:
    data, dest, other = tmp_path / "data", tmp_path / "backup", tmp_path / "other"
    filled(data, ["a"])
    openmogr("backup", dest, "--data", data)
    other.mkdir()
    (other / "letter.txt").write_text("mine")
    for arguments, words in (
        (("backup", other, "--data", data), "neither empty nor a backup"),
        (("backup", data / "inside", "--data", data), "in the data folder itself"),
        (("backup", shutil.copytree(data, tmp_path / "copy"), "--data", data), "is a data folder"),
        (("backup", tmp_path / "new", "--data", other), "there is no index.sqlite3"),
        (("restore", dest, "--data", other), "is not empty"),
        (("restore", dest, "--data", data), "is not empty"),
    ):
        result = openmogr(*arguments)
        assert result.exit_code == 3, arguments
        assert words in result.output
    assert [path.name for path in other.iterdir()] == ["letter.txt"]
    assert not (tmp_path / "new").exists()


CI = "b-1250000000.ci.ap-shanghai.myqcloud.com"
JOB = (
    "<Request><Tag>PicProcess</Tag><Input><Object>in.png</Object></Input><Operation><PicProcess>"
    "<ProcessRule>imageMogr2/thumbnail/32x/format/webp</ProcessRule></PicProcess><Output>"
    "<Region>ap-shanghai</Region><Bucket>b-1250000000</Bucket><Object>out/{}.webp</Object></Output></Operation></Request>"
)


def submit(server: ServerProcess, name: object) -> str:
    answer = server.request("POST", "/jobs", JOB.format(name).encode(), host=CI)
    assert answer.status == 200, answer.body
    return answer.body.partition(b"<JobId>")[2].partition(b"</JobId>")[0].decode()


def state(server: ServerProcess, identifier: str) -> str:
    answer = server.request("GET", f"/jobs/{identifier}", host=CI)
    return answer.body.partition(b"<State>")[2].partition(b"</State>")[0].decode()


def wait_for(server: ServerProcess, identifier: str) -> None:
    pause = threading.Event()
    for _ in range(600):
        if state(server, identifier) not in ("Submitted", "Running"):
            break
        pause.wait(0.1)
    assert state(server, identifier) == "Success"


def test_jobs_are_in_a_backup(openmogr: Run, tmp_path: Path) -> None:
    """Whoever was told of a job finds it after a restore, and what it says was made is there."""
    data, dest, back = tmp_path / "data", tmp_path / "backup", tmp_path / "restored"
    photo = (Path(openmogr_demo.__file__).parent / openmogr_demo.KEY).read_bytes()
    told: list[str] = []
    with ServerProcess(data) as server:
        server.request("PUT", f"/{BUCKET}", b"")
        server.request("PUT", f"/{BUCKET}/in.png", photo)
        told += [submit(server, number) for number in range(8)]
        wait_for(server, told[0])
        for _ in range(2):  # amid jobs that run; the second one takes the place of the first
            known = list(told)
            result = openmogr("backup", dest, "--data", data)
            assert result.exit_code == 0, result.output
            told += [submit(server, len(told) + number) for number in range(4)]
    assert len(list(dest.glob("database-*.sqlite3"))) == 1
    result = openmogr("restore", dest, "--data", back)
    assert result.exit_code == 0, result.output
    with contextlib.closing(sqlite3.connect(back / "database.sqlite3")) as jobs:
        done = [row[0] for row in jobs.execute("SELECT id FROM jobs WHERE state = 'Success'")]
    assert told[0] in done
    with ServerProcess(back) as server:
        for number, identifier in enumerate(known):
            if identifier in done:
                assert server.request("HEAD", f"/{BUCKET}/out/{number}.webp").status == 200
            wait_for(server, identifier)
            assert server.request("HEAD", f"/{BUCKET}/out/{number}.webp").status == 200
        assert (back / "database.sqlite3").stat().st_mode & 0o777 == 0o600


def test_jobs_elsewhere(openmogr: Run, tmp_path: Path) -> None:
    """The database lies where ``[database] url`` says, before and after."""
    data, dest, back = tmp_path / "data", tmp_path / "backup", tmp_path / "restored"
    file = tmp_path / "elsewhere" / "jobs.db"
    config = tmp_path / "openmogr.toml"
    config.write_text(f'[database]\nurl = "sqlite://{file}"\n')
    with ServerProcess(data, {"database": {"url": f"sqlite://{file}"}}) as server:
        server.request("PUT", f"/{BUCKET}", b"")
        identifier = submit(server, "x")
    assert openmogr("backup", dest, "--data", data, "--config", config).exit_code == 0
    taken = openmogr("restore", dest, "--data", back, "--config", config)
    assert taken.exit_code != 0
    assert "is there already" in taken.output
    assert not back.exists()
    file.rename(tmp_path / "aside.db")
    assert openmogr("restore", dest, "--data", back, "--config", config).exit_code == 0
    with contextlib.closing(sqlite3.connect(file)) as jobs:
        assert jobs.execute("SELECT id FROM jobs").fetchall() == [(identifier,)]
    damaged = next(dest.glob("database-*.sqlite3"))
    damaged.write_bytes(damaged.read_bytes()[:-100])
    file.unlink()
    result = openmogr("restore", dest, "--data", tmp_path / "other", "--config", config)
    assert "damaged" in result.output
    assert not (tmp_path / "other").exists()
    assert not file.exists()
