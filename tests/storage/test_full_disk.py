"""A full disk refuses what would fill it, lets what empties it pass, and starts again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openmogr.storage.embedded import inspect_storage
from openmogr.storage.settings import StorageSettings
from openmogr.testing import ServerProcess

HOST = "full-1250000000.cos.ap-shanghai.myqcloud.com"
MIB = 1024 * 1024


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(folder)]
    if sys.platform != "linux" or shutil.which("mount") is None or subprocess.run(mount).returncode:
        pytest.skip("a file system of 8 MiB cannot be mounted by this user")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def serving(small: Path, tmp_path: Path) -> ServerProcess:
    # The log must not lie on the full disk.
    data = small / "data"
    return ServerProcess(data, {}, log=tmp_path / "server.log")


def fill(server: ServerProcess, size: int) -> list[str]:
    """Upload until the disk is full; the keys that were taken."""
    keys: list[str] = []
    while len(keys) < 20_000:
        answer = server.request("PUT", f"/{size}-{len(keys)}", b"x" * size, host=HOST)
        if answer.status != 200:
            assert (answer.status, answer.code) == (503, "ServiceUnavailable")
            assert b"out of space" in answer.body
            return keys
        keys.append(f"{size}-{len(keys)}")
    raise AssertionError("the disk never got full")


def eat(small: Path) -> None:
    """Have somebody else take what is left, to the last byte."""
    with (small / "eaten").open("ab", buffering=0) as file:
        for size in (65536, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    assert shutil.disk_usage(small).free == 0


def fill_up(server: ServerProcess, small: Path) -> list[str]:
    """Make the bucket and fill the disk with large and small objects; their keys."""
    assert server.request("PUT", "/", b"", host=HOST).status == 200
    keys = fill(server, 300_000) + fill(server, 3000)
    eat(small)
    return keys


@pytest.mark.parametrize("size", [300_000, 1])
def test_deleting_empties_a_full_disk(small: Path, tmp_path: Path, size: int) -> None:
    with serving(small, tmp_path) as server:
        keys = fill_up(server, small)
        assert server.request("PUT", "/more", b"x" * size, host=HOST).status == 503
        for key in reversed(keys):
            assert server.request("DELETE", f"/{key}", host=HOST).status == 204, key
        for key in keys:
            assert server.request("HEAD", f"/{key}", host=HOST).status == 404
        assert server.request("PUT", "/more", b"x" * size, host=HOST).status == 200
        assert server.request("GET", "/more", host=HOST).body == b"x" * size
        assert server.request("DELETE", "/more", host=HOST).status == 204
        assert server.request("DELETE", "/", host=HOST).status == 204


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_a_full_disk_starts_again(small: Path, tmp_path: Path, killed: bool) -> None:
    with serving(small, tmp_path) as server:
        keys = fill_up(server, small)
        if killed:
            server.kill()
    eat(small)
    assert inspect_storage(StorageSettings(data=small / "data")).problem == ""
    for _ in range(2):
        with serving(small, tmp_path) as server:
            assert server.request("GET", f"/{keys[0]}", host=HOST).body == b"x" * 300_000
            assert server.request("DELETE", f"/{keys.pop()}", host=HOST).status == 204
        eat(small)


def test_refused_uploads_leave_nothing_behind(small: Path, tmp_path: Path) -> None:
    with serving(small, tmp_path) as server:
        assert server.request("PUT", "/", b"", host=HOST).status == 200
        for _ in range(3):
            assert server.request("PUT", "/huge", b"x" * 9 * MIB, host=HOST).status == 503
            assert not list((small / "data" / "staging").iterdir())
        assert server.request("PUT", "/fits", b"x" * MIB, host=HOST).status == 200


def test_an_upload_is_aborted_on_a_full_disk(small: Path, tmp_path: Path) -> None:
    with serving(small, tmp_path) as server:
        keys = fill_up(server, small)
        assert server.request("DELETE", f"/{keys[0]}", host=HOST).status == 204
        body = server.request("POST", "/parts?uploads", b"", host=HOST).body
        upload = body.partition(b"<UploadId>")[2].partition(b"<")[0].decode()
        part = f"/parts?partNumber=1&uploadId={upload}"
        assert server.request("PUT", part, b"x" * 200_000, host=HOST).status == 200
        fill(server, 3000)
        eat(small)
        assert server.request("DELETE", f"/parts?uploadId={upload}", host=HOST).status == 204
