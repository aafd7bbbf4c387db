"""The data folder is its owner's alone, whatever the umask, and however it was made before."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from openmogr.auth import load_credentials
from openmogr.auth.settings import AuthSettings
from openmogr.storage import EmbeddedStorage, StorageSettings
from openmogr.storage.interface import Write

BUCKET = "photos-1250000000"
FOLDERS = (".", "blobs", "staging")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


def modes(data: Path) -> dict[str, int]:
    """The mode of the folder and of all in it."""
    found: dict[str, int] = {}
    for path in (data, *data.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # an overwritten object's bytes go in the background
            found[str(path.relative_to(data))] = stat.S_IMODE(path.lstat().st_mode)
    return found


def assert_closed(data: Path) -> None:
    for name, mode in modes(data).items():
        assert mode == (
            0o700 if name in FOLDERS or (name.startswith("blobs/") and len(name) == 8) else 0o600
        ), f"{name} is {mode:o}"


async def use(data: Path) -> None:
    async with EmbeddedStorage(StorageSettings(data=data)) as storage:
        if not await storage.list_buckets():
            await storage.create_bucket(BUCKET, region="ap-beijing")
        async with storage.stage() as staged:
            await staged.write(b"some bytes")
            await storage.commit([Write(BUCKET, "key", staged)])
        found = modes(data)
        assert {"index.sqlite3", "index.sqlite3-wal", "index.sqlite3-shm", "lock", "reserve"} <= set(found)
        assert_closed(data)


@pytest.mark.anyio
@pytest.mark.parametrize("keys_first", [False, True])
async def test_a_new_folder(tmp_path: Path, keys_first: bool) -> None:
    data = tmp_path / "data"
    if keys_first:
        load_credentials(AuthSettings(), data / "credentials.json")
        assert_closed(data)
    await use(data)
    assert_closed(data)


@pytest.mark.anyio
async def test_an_older_folder_is_tightened(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = tmp_path / "data"
    load_credentials(AuthSettings(), data / "credentials.json")
    await use(data)
    for path in (
        data,
        data / "index.sqlite3",
        data / "credentials.json",
        data / "blobs",
        data / "blobs" / "00",
    ):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with caplog.at_level(logging.WARNING):
        await use(data)
    assert_closed(data)
    assert f"other users could open {data}, " in caplog.text
    caplog.clear()
    await use(data)
    assert not caplog.records


@pytest.mark.anyio
@pytest.mark.parametrize("shared", ["setgid", "foreign"])
async def test_a_folder_that_is_shared_keeps_its_mode(tmp_path: Path, shared: str) -> None:
    """It may be a home folder, or /tmp; what the storage makes in it is closed all the same."""
    data = tmp_path / "data"
    data.mkdir()
    if shared == "foreign":
        (data / "thesis.txt").write_text("not ours")
    data.chmod(0o2770 if shared == "setgid" else 0o755)
    kept = stat.S_IMODE(data.stat().st_mode)
    async with EmbeddedStorage(StorageSettings(data=data)):
        assert stat.S_IMODE(data.stat().st_mode) == kept
        for name in ("index.sqlite3", "index.sqlite3-wal", "blobs", "staging"):
            assert not (data / name).stat().st_mode & 0o077, name
    if shared == "foreign":
        assert stat.S_IMODE((data / "thesis.txt").stat().st_mode) == 0o666


@pytest.mark.anyio
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
async def test_a_folder_of_another_owner_is_used_as_it_is(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 12345, 12345)
    data.chmod(0o777)
    async with EmbeddedStorage(StorageSettings(data=data)):
        assert stat.S_IMODE(data.stat().st_mode) == 0o777
