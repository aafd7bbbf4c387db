"""A storage in a store, killed between any two of its steps: old or new, all or none, and nothing is left behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from openmogr.errors import NoSuchKey
from openmogr.storage.errors import NoSuchUpload
from openmogr.storage.interface import Acl, CompletedPart, ObjectAttributes, ObjectHeaders, Write
from openmogr.storage.shared.records import State
from tests.storage.shared import Alone, SharedStores

pytestmark = pytest.mark.anyio

BUCKET = "photos-1250000000"
TAGGED = ObjectAttributes(ObjectHeaders("image/png"), Acl.PUBLIC_READ, tags={"a": "b"})
WRITES = ("put", "put_stream", "copy", "rename", "delete")
READS = ("find", "read")


class Killed(BaseException):
    """The process is no more: whatever is asked of it from now on is not done either."""


class Killer:
    """Ends a storage before or behind its n-th change of the store or the database.

    Args:
        storage: not started yet.
        step: n, counted from 1; every change has two, one before and one behind it.
    """

    def __init__(self, storage: Alone, step: int) -> None:
        self._left = step
        self.armed = False
        self._wrap_place(storage.place)
        changing, reading = storage.database.changing, storage.database.reading

        @asynccontextmanager
        async def killed_changing() -> AsyncIterator[Any]:
            self._step()
            async with changing() as connection:
                yield connection
            self._step()

        @asynccontextmanager
        async def killed_reading() -> AsyncIterator[Any]:
            self._check()
            async with reading() as connection:
                yield connection

        storage.database.changing = killed_changing  # type: ignore[method-assign]
        storage.database.reading = killed_reading  # type: ignore[method-assign]

    @property
    def has_killed(self) -> bool:
        return self._left <= 0

    def _wrap_place(self, place: Any) -> None:
        def wrapped(name: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            @wraps(method)
            async def call(*given: Any) -> Any:
                if name in READS:
                    self._check()
                    return await method(*given)
                self._step()
                outcome = await method(*given)
                self._step()
                return outcome

            return call

        for name in (*WRITES, *READS):
            setattr(place, name, wrapped(name, getattr(place, name)))

    def _check(self) -> None:
        if self.armed and self.has_killed:
            raise Killed

    def _step(self) -> None:
        if self.armed:
            self._left -= 1
            self._check()


@pytest.fixture
def stores(request: pytest.FixtureRequest) -> SharedStores:
    """In memory, which is written as S3 is; or in a folder, where files are renamed."""
    pytest.importorskip("obstore")
    return SharedStores(None, in_memory=getattr(request, "param", "memory") == "memory")


both = pytest.mark.parametrize("stores", ["folder", "memory"], indirect=True)


async def put(storage: Alone, keys: dict[str, bytes], attributes: ObjectAttributes = TAGGED) -> None:
    """Write several objects together."""
    writes = []
    async with asynccontextmanager(_staged)(storage, list(keys.values())) as staged:
        writes = [Write(BUCKET, key, content, attributes) for key, content in zip(keys, staged, strict=True)]
        await storage.commit(writes)


async def _staged(storage: Alone, bodies: list[bytes]) -> AsyncIterator[list[Any]]:
    if not bodies:
        yield []
        return
    async with storage.stage() as first:
        await first.write(bodies[0])
        async with asynccontextmanager(_staged)(storage, bodies[1:]) as others:
            yield [first, *others]


async def content(storage: Alone, key: str) -> tuple[bytes, ObjectAttributes] | None:
    try:
        async with await storage.open_object(BUCKET, key) as reader:
            body = await reader.read()
            assert len(body) == reader.info.size
            assert not reader.info.origin, "it is described by its row"
            return body, reader.info.attributes
    except NoSuchKey:
        return None


async def check_clean(storage: Alone, stores: SharedStores) -> None:
    """Nothing is locked, and nothing lies hidden but what unfinished uploads have."""
    assert await storage.catalogue.left_behind() == []
    assert await storage.catalogue.unused_files() == []
    hidden = [path for path in await stores.paths(storage) if "/.openmogr/" in f"/{path}"]
    uploads = (await storage.list_uploads(BUCKET)).uploads
    wanted = 0
    for upload in uploads:
        wanted += len((await storage.list_parts(BUCKET, upload.key, upload.upload_id)).parts)
    assert len([path for path in hidden if "/odd/" not in path]) == wanted, hidden


async def killed_everywhere(
    stores: SharedStores,
    folder: Path,
    before: Callable[[Alone], Awaitable[Any]],
    work: Callable[[Alone, Any], Awaitable[Any]],
    check: Callable[[Alone, Any], Awaitable[bool]],
) -> None:
    """Kill at each step in turn; ``check`` says whether the work is done, and fails where it is by half."""
    outcomes = []
    for step in range(1, 80):
        place = folder / str(step)
        place.mkdir()
        storage = stores(place)
        killer = Killer(storage, step)
        given: Any = None
        await storage.__aenter__()
        await storage.create_bucket(BUCKET, region="r")
        given = await before(storage)
        killer.armed = True
        try:
            await work(storage, given)
        except Killed:
            pass
        finally:
            await storage.die()
        async with stores(place) as again:
            outcomes.append(await check(again, given))
            await check_clean(again, stores)
            if not killer.has_killed:
                break
    else:
        pytest.fail("it does not end")
    assert not outcomes[0], "killed before the first step, nothing is done"
    assert outcomes[-1], "not killed at all, it is done"
    assert outcomes == sorted(outcomes), "from some step on it is done"


async def nothing(storage: Alone) -> None:
    return


@both
async def test_one_object(stores: SharedStores, memory: Path) -> None:
    async def old(storage: Alone) -> None:
        await put(storage, {"a": b"old"}, ObjectAttributes())

    async def check(storage: Alone, _: object) -> bool:
        found = await content(storage, "a")
        assert found in ((b"old", ObjectAttributes()), (b"newer", TAGGED))
        return found == (b"newer", TAGGED)

    await killed_everywhere(stores, memory, old, lambda storage, _: put(storage, {"a": b"newer"}), check)


@both
async def test_several_objects_are_all_there_or_none(stores: SharedStores, memory: Path) -> None:
    new = {"a": b"newer", "b/1": b"result", "odd/": b"mark"}

    async def old(storage: Alone) -> None:
        await put(storage, {"a": b"old"}, ObjectAttributes())

    async def check(storage: Alone, _: object) -> bool:
        found = {key: await content(storage, key) for key in new}
        listed = [info.key for info in (await storage.list_objects(BUCKET)).objects]
        if found["a"] == (b"old", ObjectAttributes()):
            assert found == {"a": found["a"], "b/1": None, "odd/": None}
            assert listed == ["a"]
            return False
        assert found == {key: (body, TAGGED) for key, body in new.items()}
        assert listed == sorted(new)
        return True

    await killed_everywhere(stores, memory, old, lambda storage, _: put(storage, new), check)


async def test_an_upload_and_its_result(stores: SharedStores, memory: Path) -> None:
    async def parts(storage: Alone) -> tuple[str, list[CompletedPart]]:
        upload = await storage.create_upload(BUCKET, "a", TAGGED)
        made = []
        for number, body in enumerate((b"x" * 1000, b"y"), 1):
            async with storage.stage() as staged:
                await staged.write(body)
                part = await storage.put_part(BUCKET, "a", upload.upload_id, number, staged)
                made.append(CompletedPart(part.number, part.etag))
        return upload.upload_id, made

    async def complete(storage: Alone, given: tuple[str, list[CompletedPart]]) -> None:
        async with await storage.assemble(BUCKET, "a", *given) as assembly, storage.stage() as staged:
            await staged.write(b"result")
            await storage.commit(
                [Write(BUCKET, "a", assembly, TAGGED), Write(BUCKET, "a.webp", staged, TAGGED)]
            )

    async def check(storage: Alone, given: tuple[str, list[CompletedPart]]) -> bool:
        found = [await content(storage, key) for key in ("a", "a.webp")]
        if found == [None, None]:
            # It can be completed still.
            assert len((await storage.list_parts(BUCKET, "a", given[0])).parts) == 2
            return False
        assert found == [(b"x" * 1000 + b"y", TAGGED), (b"result", TAGGED)]
        with pytest.raises(NoSuchUpload):
            await storage.list_parts(BUCKET, "a", given[0])
        return True

    await killed_everywhere(stores, memory, parts, complete, check)


async def test_an_upload_alone(stores: SharedStores, memory: Path) -> None:
    async def start(storage: Alone) -> str:
        return (await storage.create_upload(BUCKET, "a", TAGGED)).upload_id

    async def work(storage: Alone, upload_id: str) -> None:
        for body in (b"replaced", b"body"):
            async with storage.stage() as staged:
                await staged.write(body)
                part = await storage.put_part(BUCKET, "a", upload_id, 1, staged)
        wanted = [CompletedPart(1, part.etag)]
        async with await storage.assemble(BUCKET, "a", upload_id, wanted) as assembly:
            await storage.commit([Write(BUCKET, "a", assembly, TAGGED)])

    async def check(storage: Alone, upload_id: str) -> bool:
        found = await content(storage, "a")
        assert found in (None, (b"body", TAGGED))
        if found is None:
            await storage.abort_upload(BUCKET, "a", upload_id)
        return found is not None

    await killed_everywhere(stores, memory, start, work, check)


async def test_an_append(stores: SharedStores, memory: Path) -> None:
    async def append(storage: Alone, position: int, body: bytes) -> None:
        async with storage.stage() as staged:
            await staged.write(body)
            await storage.append_object(BUCKET, "log", position, staged, TAGGED)

    async def check(storage: Alone, _: object) -> bool:
        found = await content(storage, "log")
        assert found in ((b"one", TAGGED), (b"onetwo", TAGGED))
        return found == (b"onetwo", TAGGED)

    await killed_everywhere(
        stores,
        memory,
        lambda storage: append(storage, 0, b"one"),
        lambda storage, _: append(storage, 3, b"two"),
        check,
    )


async def test_removing_several(stores: SharedStores, memory: Path) -> None:
    keys = {"a": b"1", "b": b"2", "c/": b"3"}

    async def check(storage: Alone, _: object) -> bool:
        found = {key for key in keys if await content(storage, key) is not None}
        assert found in (set(), set(keys))
        assert {info.key for info in (await storage.list_objects(BUCKET)).objects} == found
        return not found

    await killed_everywhere(
        stores,
        memory,
        lambda storage: put(storage, keys),
        lambda storage, _: storage.delete_objects(BUCKET, list(keys)),
        check,
    )


async def test_a_copy_and_an_acl(stores: SharedStores, memory: Path) -> None:
    async def work(storage: Alone, _: object) -> None:
        async with await storage.open_object(BUCKET, "a") as reader:
            await storage.commit([Write(BUCKET, "b", reader, reader.info.attributes)])
        await storage.set_object_acl(BUCKET, "b", Acl.PRIVATE)

    async def check(storage: Alone, _: object) -> bool:
        assert await content(storage, "a") == (b"body", TAGGED)
        found = await content(storage, "b")
        assert found is None or (found[0] == b"body" and found[1].tags == TAGGED.tags)
        return found is not None and found[1].acl is Acl.PRIVATE

    await killed_everywhere(stores, memory, lambda storage: put(storage, {"a": b"body"}), work, check)


async def test_states_are_what_the_index_of_the_table_says() -> None:
    """The index that makes rows locks has the number as text."""
    assert all((state < 9) == (state is not State.SETTLED) for state in State)
