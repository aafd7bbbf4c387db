"""Which back-end the settings name, and that keys need no data folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from openmogr.app import create_app
from openmogr.auth import load_credentials
from openmogr.settings import SettingsError, load_settings
from openmogr.storage import Backend, EmbeddedStorage, StorageUnusable, open_storage
from openmogr.storage.interface import Write


def test_the_embedded_storage_is_the_default(tmp_path: Path) -> None:
    settings = load_settings(overrides={"storage": {"data": tmp_path / "data"}}).storage
    assert settings.backend is Backend.EMBEDDED
    storage = open_storage(settings)
    assert isinstance(storage, EmbeddedStorage)

    async def scenario() -> None:
        async with storage:
            await storage.check()
            await storage.create_bucket("b-1", region="r")
            await storage.check()

    asyncio.run(scenario())


def test_another_is_refused_in_words() -> None:
    with pytest.raises(SettingsError, match=r"OPENMOGR_STORAGE_BACKEND: Input should be 'embedded'"):
        load_settings(environment={"OPENMOGR_STORAGE_BACKEND": "s3"})


def test_the_server_takes_the_storage_it_is_given(tmp_path: Path) -> None:
    settings = load_settings(overrides={"storage": {"data": tmp_path / "data"}})
    given = EmbeddedStorage(settings.storage)
    assert create_app(settings, storage=given).storage is given


def test_keys_may_lie_outside_the_data_folder(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "openmogr.json"
    settings = load_settings(overrides={"auth": {"file": str(file)}, "storage": {"data": tmp_path / "data"}})
    create_app(settings)
    assert file.stat().st_mode & 0o077 == 0
    assert not (tmp_path / "data").exists()
    again = load_credentials(settings.auth, settings.auth.place(settings.storage.data))
    assert not again.generated


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"backend": "store"}, "belong together"),
        ({"backend": "embedded", "url": "s3://b"}, "belong together"),
        ({"url": "ftp://b"}, "begins with none of"),
        ({"url": "s3://key:secret@b"}, "neither keys nor a query"),
        ({"url": "cos://b"}, "needs a region"),
        ({"region": "us-east-1"}, "belong to a url"),
    ],
)
def test_places_that_cannot_be_are_refused_in_words(given: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings(overrides={"storage": given})
    assert "secret" not in str(caught.value)


def test_a_url_chooses_the_store(tmp_path: Path) -> None:
    pytest.importorskip("obstore")
    (tmp_path / "store").mkdir()
    url = (tmp_path / "store").as_uri()
    settings = load_settings(overrides={"storage": {"data": tmp_path / "data", "url": url}})
    assert settings.storage.backend is Backend.STORE

    async def scenario() -> None:
        app = create_app(settings)
        async with app.running():
            await app.storage.check()
            await app.storage.create_bucket("b-1", region="r")
            async with app.storage.stage() as staged:
                await staged.write(b"1")
                await app.storage.commit([Write("b-1", "a/b", staged)])

    asyncio.run(scenario())
    assert (tmp_path / "store" / "b-1" / "a" / "b").read_bytes() == b"1"
    assert not (tmp_path / "data" / "index.sqlite3").exists()
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    pytest.importorskip("obstore")
    url = (tmp_path / "none").as_uri()
    settings = load_settings(overrides={"storage": {"data": tmp_path / "data", "url": url}})
    with pytest.raises(StorageUnusable, match="is no folder"):
        create_app(settings)
