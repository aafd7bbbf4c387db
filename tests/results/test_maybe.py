"""The filter in front of the index: never no for what is there, and seldom yes for what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from openmogr.results import ResultStore
from openmogr.results.key import result_key
from openmogr.results.maybe import MaybeKeys


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_what_was_added_is_there_and_little_else() -> None:
    keys = MaybeKeys(result_key("there", number) for number in range(20_000))
    assert all(result_key("there", number) in keys for number in range(20_000))
    assert sum(result_key("not", number) in keys for number in range(20_000)) < 20
    assert not keys.is_full


@pytest.mark.anyio
async def test_a_miss_asks_no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ResultStore(tmp_path / "r", 1 << 20)
    await store.open()
    await store.put(result_key("a"), b"{}", b"a")

    def asked(key: str) -> None:
        raise AssertionError(f"{key} was looked up")

    monkeypatch.setattr(store, "_get", asked)
    assert await store.get(result_key("b")) is None
    monkeypatch.undo()
    found = await store.get(result_key("a"))
    assert found is not None
    found.file.close()
    assert (await store.statistics()).misses == 1
    await store.close()


@pytest.mark.anyio
async def test_what_an_earlier_run_kept_is_found(tmp_path: Path) -> None:
    for number in range(2):
        store = ResultStore(tmp_path / "r", 1 << 20)
        await store.open()
        found = await store.get("kept")
        assert (found is None) == (number == 0)
        if found is not None:
            found.file.close()
        await store.put("kept", b"{}", b"kept")
        await store.close()
