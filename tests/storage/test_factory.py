"""Which back-end the settings name, and that keys need no data folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from openmogr.app import create_app
from openmogr.auth import load_credentials
from openmogr.settings import SettingsError, load_settings
from openmogr.storage import Backend, EmbeddedStorage, open_storage


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
