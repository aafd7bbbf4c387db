"""An opened database of each engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from openmogr.database import Database, DatabaseSettings


def settings_of(url: str, **more: object) -> DatabaseSettings:
    return DatabaseSettings.model_validate({"url": SecretStr(url), **more})


@pytest.fixture
async def database(database_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(settings_of(database_url), tmp_path) as opened:
        yield opened
