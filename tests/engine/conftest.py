"""Pictures and pools for the tests of the engine."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from PIL import Image

from openmogr.engine import ImagePool
from openmogr.image import ImageSettings, Source

Pools = Callable[..., AbstractAsyncContextManager[ImagePool]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> Pools:
    """Start a pool with some settings, whose task has faults by a source's name."""
    monkeypatch.syspath_prepend(Path(__file__).parent)

    @asynccontextmanager
    async def started(**settings: object) -> AsyncIterator[ImagePool]:
        pool = ImagePool(ImageSettings(**{"workers": 2, **settings}), task="faulty:make")  # type: ignore[arg-type]
        await pool.start()
        try:
            yield pool
        finally:
            await pool.close()

    return started


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A PNG of 160x120 pixels."""
    out = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").resize((160, 120)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def named(picture: bytes) -> Callable[[str], Source]:
    """The picture under a name."""
    return lambda name: Source(data=picture, name=name)
