"""Jobs of the version that kept them in a database of their own."""

# ruff: noqa: ASYNC240 - small files

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from openmogr.database import Database, DatabaseUnusable
from openmogr.jobs import JobFilter, QueueState, State
from openmogr.jobs.store import JobStore
from tests.database.conftest import settings_of

pytestmark = pytest.mark.anyio

# As that version made it.
SCHEMA = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, bucket TEXT NOT NULL, queue TEXT NOT NULL,
    state TEXT NOT NULL, level INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL,
    started INTEGER, ended INTEGER, request TEXT NOT NULL, code TEXT, message TEXT, result TEXT
) STRICT;
CREATE TABLE queues (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL UNIQUE, name TEXT NOT NULL, state TEXT NOT NULL,
    created INTEGER NOT NULL, updated INTEGER NOT NULL, callback TEXT NOT NULL DEFAULT '',
    callback_format TEXT NOT NULL DEFAULT 'XML'
) STRICT;
CREATE TABLE templates (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, name TEXT NOT NULL, rule TEXT NOT NULL, is_pic_info INTEGER NOT NULL,
    created INTEGER NOT NULL, updated INTEGER NOT NULL
) STRICT;
INSERT INTO queues VALUES ('p1', 'b', 'mine', 'Active', 1, 2, 'http://a/', 'JSON');
INSERT INTO queues VALUES ('p2', 'c', 'queue-pic-1', 'Paused', 1, 2, '', 'XML');
INSERT INTO templates VALUES ('t1', 'b', 'small', 'imageMogr2/strip', 1, 3, 4);
"""
REQUEST = '{"object": "a.png", "rule": "imageMogr2/strip", "bucket": "b", "output": "c.png", "level": 1}'
JOBS: list[tuple[object, ...]] = [
    (f"c{number:04}", "b", "p1", "Submitted", 1, 0, 10 + number, None, None, REQUEST, None, None, None)
    for number in range(1200)
]
JOBS[0] = ("c0000", "b", "p1", "Success", 1, 1, 10, 11, 12, REQUEST, "Success", "", "<a/>")
JOBS[1] = ("c0001", "b", "p1", "Running", 1, 2, 10, 11, None, REQUEST, None, None, None)


@pytest.fixture
def before(tmp_path: Path) -> Path:
    path = tmp_path / "jobs.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(SCHEMA)
    names = (
        "id, bucket, queue, state, level, attempts, created, started, ended, request, code, message, result"
    )
    connection.executemany(f"INSERT INTO jobs ({names}) VALUES ({', '.join('?' * 13)})", JOBS)
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    return path


async def test_all_of_them_are_taken_over(before: Path, database_url: str, tmp_path: Path) -> None:
    for _ in range(2):  # the second start finds nothing more to take
        async with Database(settings_of(database_url), tmp_path) as database:
            store = JobStore(database, 10_000, before=before)
            await store.open()
            page = await store.page("b", JobFilter(size=5000, newest_first=False))
            assert [job.id for job in page.jobs] == [row[0] for row in JOBS]
            first, second, *_ = page.jobs
            assert first.outcome is not None
            assert (first.state, first.started, first.ended, first.outcome.result) == (
                State.SUCCESS,
                11,
                12,
                "<a/>",
            )
            assert second.state is State.SUBMITTED
            assert second.request.output == "c.png"
            queue = await store.queue("b")
            assert (queue.id, queue.name, queue.callback, queue.callback_format) == (
                "p1",
                "mine",
                "http://a/",
                "JSON",
            )
            assert (await store.queue("c")).state is QueueState.PAUSED
            template = await store.template("b", "t1")
            assert (template.rule, template.is_pic_info, template.updated) == ("imageMogr2/strip", True, 4)
            assert not before.exists()
            assert before.with_name("jobs.sqlite3-taken-over").is_file()
            assert not before.with_name("jobs.sqlite3-wal").exists()


async def test_a_start_that_ended_in_between_is_gone_on_with(
    before: Path, database_url: str, tmp_path: Path
) -> None:
    copy = before.read_bytes()
    async with Database(settings_of(database_url), tmp_path) as database:
        mine = await JobStore(database, 10_000).queue("c")
        for _ in range(2):
            before.write_bytes(copy)
            store = JobStore(database, 10_000, before=before)
            await store.open()
            assert len((await store.page("b", JobFilter(size=5000))).jobs) == len(JOBS)
        # A queue that was there keeps its identifier.
        assert (await store.queue("c")).id == mine.id


async def test_what_cannot_be_read_is_said_and_left(before: Path, tmp_path: Path) -> None:
    with sqlite3.connect(before) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    async with Database(settings_of(""), tmp_path) as database:
        with pytest.raises(DatabaseUnusable, match="newer version"):
            await JobStore(database, 1, before=before).open()
        before.write_bytes(b"no database" * 1000)
        with pytest.raises(DatabaseUnusable, match=r"jobs\.sqlite3 cannot be read"):
            await JobStore(database, 1, before=before).open()
        assert before.exists()
