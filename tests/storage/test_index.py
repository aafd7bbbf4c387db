"""What becomes of changes of the index that fail (``openmogr.storage.embedded.index``)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from openmogr.errors import CosError, InternalError, NoSuchKey
from openmogr.reserve import Reserve
from openmogr.storage.embedded import buckets
from openmogr.storage.embedded.blobs import BlobFiles
from openmogr.storage.embedded.index import Index, Transaction
from openmogr.storage.interface import Acl


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    reserve = Reserve(tmp_path / "reserve", 0)
    blobs = BlobFiles(tmp_path, reserve.make)
    blobs.prepare()
    made = Index(tmp_path / "index.sqlite3", 1, 16, blobs, reserve)
    made.open()
    yield made
    made.close()
    blobs.close()


def names(index: Index) -> list[str]:
    return [bucket.name for bucket in index.read(buckets.list_all).result()]


def make(name: str, error: Exception | None = None) -> Callable[[Transaction], None]:
    def work(change: Transaction) -> None:
        buckets.create(change, name, "ap-shanghai", Acl.PRIVATE, 100)
        if error is not None:
            raise error

    return work


@pytest.mark.parametrize("together", [False, True])
def test_a_change_that_fails_leaves_nothing_and_costs_others_nothing(index: Index, together: bool) -> None:
    held = threading.Event()
    if together:  # what waits while this one is written has one transaction
        index.write(lambda _: held.wait(10))
    works = [make("a-1250000000"), make("b-1250000000", NoSuchKey()), make("c-1250000000")]
    futures: list[Future[None]] = []
    for work in works:
        futures.append(index.write(work))
        if not together:
            futures[-1].exception(10)
    held.set()
    with pytest.raises(NoSuchKey):
        futures[1].result(10)
    futures[0].result(10)
    futures[2].result(10)
    assert names(index) == ["a-1250000000", "c-1250000000"]


def test_what_sqlite_refuses_of_a_lone_change_is_told(index: Index) -> None:
    def work(change: Transaction) -> None:
        make("a-1250000000")(change)
        change.connection.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(InternalError) as raised:
        index.write(work).result(10)
    assert isinstance(raised.value, CosError)
    assert "nowhere" in raised.value.detail
    index.write(make("b-1250000000")).result(10)
    assert names(index) == ["b-1250000000"]


def test_changes_are_counted_before_and_after(index: Index) -> None:
    before = index.changes
    seen = index.write(lambda _: index.changes).result(10)
    assert (before % 2, seen, index.changes) == (0, before + 1, before + 2)


def test_names_of_blobs_go_on_in_order_and_are_those_of_one_run(tmp_path: Path) -> None:
    runs = [BlobFiles(tmp_path, lambda: None) for _ in range(2)]
    found = [[blobs.new_name() for _ in range(300)] for blobs in runs]
    for names in found:
        assert names == sorted(names)
        # Several folders, so that none holds all.
        assert 4 <= len({name[-2:] for name in names}) <= 6
    assert len({name for names in found for name in names}) == 600


def test_a_change_that_fails_beside_others_is_tried_once_more_alone(index: Index) -> None:
    held, tried = threading.Event(), []

    def fails(change: Transaction) -> None:
        tried.append(change)
        make("a-1250000000")(change)
        raise NoSuchKey

    index.write(lambda _: held.wait(10))
    futures = [index.write(fails), index.write(make("b-1250000000"))]
    held.set()
    with pytest.raises(NoSuchKey):
        futures[0].result(10)
    futures[1].result(10)
    assert (len(tried), names(index)) == (2, ["b-1250000000"])
