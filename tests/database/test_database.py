"""The database on both engines: transactions, what is told, what is lost, and whose tables there are."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from openmogr.database import Database, DatabaseUnavailable, DatabaseUnusable
from openmogr.database.tables import METADATA, NAME
from openmogr.database.upgrade import HEADS, VERSIONS, configuration
from openmogr.settings import SettingsError, load_settings
from tests.database.conftest import settings_of
from tests.databases import PASSWORD, PostgreSQLServer

pytestmark = pytest.mark.anyio

# Modules that describe tables, one of each room that has some.
TABLES = (
    "openmogr.bulk.tables",
    "openmogr.jobs.tables",
    "openmogr.results.tables",
    "openmogr.storage.tables",
)
# Not METADATA: no room has it.
SHELVES = sa.Table("shelves", sa.MetaData(), sa.Column("name", NAME, primary_key=True))


async def make_shelves(database: Database, *names: str) -> None:
    async with database.changing() as connection:
        await connection.run_sync(SHELVES.metadata.create_all)
        for name in names:
            await connection.execute(sa.insert(SHELVES).values(name=name))


async def shelves(database: Database) -> list[str]:
    async with database.reading() as connection:
        return list((await connection.execute(sa.select(SHELVES.c.name).order_by(SHELVES.c.name))).scalars())


async def test_the_revisions_make_what_rooms_describe(database: Database) -> None:
    for module in TABLES:
        importlib.import_module(module)

    def differences(connection: sa.Connection) -> list[object]:
        opts = {"version_table": VERSIONS, "compare_type": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=opts), METADATA))

    async with database.reading() as connection:
        assert await connection.run_sync(differences) == []


def test_every_room_has_a_line_of_revisions_of_its_own() -> None:
    script = ScriptDirectory.from_config(configuration())
    rooms = {module.split(".")[1] for module in TABLES} | {"jobs"}
    lines: dict[str, int] = {}
    for revision in script.walk_revisions():
        (line,) = revision.branch_labels
        room, _, number = revision.revision.rpartition("_")
        assert room == line
        assert revision.is_head == (int(number) == max(int(number), lines.get(line, 0)))
        lines[line] = max(int(number), lines.get(line, 0))
    assert rooms <= set(lines)
    assert len(script.get_heads()) == len(lines)
    assert set(script.get_heads()) == HEADS


async def test_a_change_is_whole_or_not_at_all(database: Database) -> None:
    await make_shelves(database, "a")
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - of the whole transaction
        async with database.changing() as connection:
            await connection.execute(sa.insert(SHELVES).values(name="b"))
            _ = 1 / 0
    with pytest.raises(IntegrityError):  # noqa: PT012 - of the whole transaction
        async with database.changing() as connection:
            await connection.execute(sa.insert(SHELVES).values(name="c"))
            await connection.execute(sa.insert(SHELVES).values(name="a"))
    assert await shelves(database) == ["a"]


async def test_changes_of_tables_are_undone_too(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - of the whole transaction
        async with database.changing() as connection:
            await connection.run_sync(SHELVES.metadata.create_all)
            _ = 1 / 0
    await make_shelves(database, "a")
    assert await shelves(database) == ["a"]


async def test_names_are_ordered_by_their_bytes(database: Database) -> None:
    names = ["Z", "a", "a/b", "a0", "é", "\U00010348", "\uff5e", "A"]
    await make_shelves(database, *names)
    assert await shelves(database) == sorted(names, key=str.encode)


async def test_many_change_at_once(database: Database) -> None:
    await make_shelves(database)

    async def add(number: int) -> None:
        async with database.changing() as connection:
            await connection.execute(sa.insert(SHELVES).values(name=f"{number:02}"))

    await asyncio.gather(*(add(number) for number in range(40)))
    assert await shelves(database) == [f"{number:02}" for number in range(40)]


async def test_the_clock(database: Database) -> None:
    async with database.reading() as connection:
        now = (await connection.execute(sa.select(database.clock()))).scalar_one()
    assert now == pytest.approx(time.time(), abs=5)


async def test_what_is_told_is_heard_once_it_is_committed(database: Database) -> None:
    heard: list[str] = []
    database.listen("shelves", heard.append)
    if database.is_shared:
        await _until(lambda: heard == [""])
        heard.clear()
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - of the whole transaction
        async with database.changing() as connection:
            await database.tell(connection, "shelves", "never")
            _ = 1 / 0
    async with database.changing() as connection:
        await database.tell(connection, "shelves", "at last")
        await database.tell(connection, "others", "not here")
        await asyncio.sleep(0.1)
        assert heard == []
    await _until(lambda: heard == ["at last"])


async def _until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_it_is_opened_again_as_it_was_left(database_url: str, tmp_path: Path) -> None:
    for names in (["a"], ["a", "b"]):
        async with Database(settings_of(database_url), tmp_path) as database:
            await make_shelves(database, names[-1])
            assert await shelves(database) == names


async def test_one_of_this_version_is_opened_without_alembic(database_url: str, tmp_path: Path) -> None:
    async with Database(settings_of(database_url), tmp_path):
        pass
    program = (
        "import asyncio, sys; from pathlib import Path; from openmogr.database import Database, DatabaseSettings\n"
        "database = Database(DatabaseSettings(url=sys.argv[1]), Path(sys.argv[2]))\n"
        "asyncio.run(database.open()); print('alembic' in sys.modules)"
    )
    command = [sys.executable, "-c", program, database_url, str(tmp_path)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert (await process.communicate())[0].split() == [b"False"]


async def test_a_line_that_one_has_not_is_added(database_url: str, tmp_path: Path) -> None:
    async with Database(settings_of(database_url), tmp_path) as database, database.changing() as connection:
        await connection.execute(sa.text("DROP TABLE shared_results"))
        await connection.execute(sa.text(f"DELETE FROM {VERSIONS} WHERE version_num = 'results_0001'"))
    async with Database(settings_of(database_url), tmp_path) as database, database.reading() as connection:
        rows = await connection.execute(sa.text(f"SELECT version_num FROM {VERSIONS}"))
        assert set(rows.scalars()) == HEADS
        assert (await connection.execute(sa.text("SELECT key FROM shared_results"))).all() == []


async def test_a_newer_one_is_left_alone(database_url: str, tmp_path: Path) -> None:
    async with Database(settings_of(database_url), tmp_path) as database, database.changing() as connection:
        await connection.execute(sa.text(f"INSERT INTO {VERSIONS} VALUES ('pictures_0007')"))
    with pytest.raises(
        DatabaseUnusable, match=r"newer version of OpenMogr .revision pictures_0007.:"
    ) as caught:
        await Database(settings_of(database_url), tmp_path).open()
    assert PASSWORD not in str(caught.value)


async def test_several_nodes_may_start_at_once(postgresql_url: str, tmp_path: Path) -> None:
    nodes = [Database(settings_of(postgresql_url), tmp_path) for _ in range(5)]
    await asyncio.gather(*(node.open() for node in nodes))
    await make_shelves(nodes[0], "a")
    assert await shelves(nodes[-1]) == ["a"]
    await asyncio.gather(*(node.close() for node in nodes))


async def test_other_nodes_hear(postgresql_url: str, tmp_path: Path) -> None:
    async with (
        Database(settings_of(postgresql_url), tmp_path) as one,
        Database(settings_of(postgresql_url), tmp_path) as other,
    ):
        heard: list[str] = []
        other.listen("shelves", heard.append)
        await _until(lambda: heard == [""])
        async with one.changing() as connection:
            await one.tell(connection, "shelves", "hello")
        await _until(lambda: heard == ["", "hello"])


async def test_a_lock_is_one_for_all(database_url: str, tmp_path: Path) -> None:
    async with Database(settings_of(database_url), tmp_path) as one:
        other = one
        if one.is_shared:
            other = Database(settings_of(database_url), tmp_path)
            await other.open()
        inside: list[int] = []

        async def take(database: Database, number: int) -> None:
            async with database.locked("a"):
                inside.append(number)
                await asyncio.sleep(0.02)
                assert inside.pop() == number
                assert not inside

        await asyncio.gather(*(take(database, number) for number, database in enumerate([one, other] * 4)))
        async with one.locked("a"), other.locked("b"):
            if one.is_shared:
                async with Database(settings_of(database_url, timeout=1), tmp_path) as impatient:
                    with pytest.raises(DatabaseUnavailable):
                        await take(impatient, 1)
        await take(other, 1)
        if other is not one:
            await other.close()


async def test_one_file_is_not_for_two(tmp_path: Path) -> None:
    async with Database(settings_of(""), tmp_path):
        assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("database.sqlite3*")} == {0o600}  # noqa: ASYNC240
        with pytest.raises(DatabaseUnusable, match="in use by another"):
            await Database(settings_of(""), tmp_path).open()


async def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "database.sqlite3").write_bytes(b"no database" * 1000)
    with pytest.raises(DatabaseUnusable, match=r"database\.sqlite3 cannot be used: file is not a database"):
        await Database(settings_of(""), tmp_path).open()
    with pytest.raises(DatabaseUnusable, match="File exists"):
        await Database(settings_of(""), tmp_path / "database.sqlite3").open()


async def test_a_file_that_somebody_else_locks_is_told(tmp_path: Path) -> None:
    async with Database(settings_of("", timeout=0.2), tmp_path) as database:
        await make_shelves(database)
        with sqlite3.connect(tmp_path / "database.sqlite3", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseUnavailable) as caught:
                await make_shelves(database, "a")
            assert "locked" in caught.value.detail
            other.execute("ROLLBACK")
        other.close()
        await make_shelves(database, "a")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: url.replace(PASSWORD, "wrong-word"), "password authentication failed"),
        (lambda url: url.rpartition("/")[0] + "/nowhere", 'database "nowhere" does not exist'),
        (lambda url: url + "?sslmode=require", "SSL"),
        (lambda url: url.replace("127.0.0.1", "no-such-host.invalid"), "no-such-host.invalid"),
    ],
)
async def test_why_it_cannot_be_reached_is_said(
    change: object, words: str, postgresql: PostgreSQLServer, tmp_path: Path
) -> None:
    assert callable(change)
    url = change(postgresql.url("postgres"))
    with pytest.raises(DatabaseUnusable) as caught:
        await Database(settings_of(url), tmp_path).open()
    assert words in str(caught.value)
    for secret in (PASSWORD, "wrong-word"):
        assert secret not in str(caught.value)


async def test_a_database_that_is_not_there_is_said(tmp_path: Path) -> None:
    url = f"postgresql://openmogr:{PASSWORD}@127.0.0.1:1/openmogr"
    with pytest.raises(DatabaseUnusable) as caught:
        await Database(settings_of(url), tmp_path).open()
    text = str(caught.value)
    assert text.startswith("the database postgresql://127.0.0.1:1/openmogr cannot be used: ")
    assert "refused" in text
    assert PASSWORD not in text


async def test_a_lost_one_is_told_and_found_again(tmp_path: Path, postgresql: PostgreSQLServer) -> None:
    with postgresql.fresh() as name:
        url = postgresql.url(name)
        async with Database(settings_of(url, timeout=2), tmp_path) as database:
            heard: list[str] = []
            database.listen("shelves", heard.append)
            await make_shelves(database, "a")
            await _until(lambda: heard == [""])
            postgresql.stop()
            try:
                for _ in range(3):
                    with pytest.raises(DatabaseUnavailable) as caught:
                        await shelves(database)
                    assert PASSWORD not in caught.value.detail + caught.value.message
            finally:
                postgresql.start()
            assert await shelves(database) == ["a"]
            await _until(lambda: heard == ["", ""])


async def test_a_connection_that_is_lost_in_a_change_is_told(postgresql_url: str, tmp_path: Path) -> None:
    async with Database(settings_of(postgresql_url), tmp_path) as database:
        await make_shelves(database)
        other = Database(settings_of(postgresql_url), tmp_path)
        await other.open()
        with pytest.raises(DatabaseUnavailable):  # noqa: PT012 - of the whole transaction
            async with database.changing() as connection:
                pid = (await connection.execute(sa.select(sa.func.pg_backend_pid()))).scalar_one()
                async with other.changing() as killer:
                    await killer.execute(sa.select(sa.func.pg_terminate_backend(pid)))
                await connection.execute(sa.insert(SHELVES).values(name="a"))
        await other.close()
        assert await shelves(database) == []


async def test_one_that_hangs_is_told_in_time(tmp_path: Path, postgresql: PostgreSQLServer) -> None:
    with postgresql.fresh() as name:
        async with Database(settings_of(postgresql.url(name), timeout=0.5), tmp_path) as database:
            await make_shelves(database, "a")
            async with database.reading() as connection:
                pid = (await connection.execute(sa.select(sa.func.pg_backend_pid()))).scalar_one()
            os.kill(pid, signal.SIGSTOP)
            try:
                started = time.monotonic()
                with pytest.raises(DatabaseUnavailable):
                    await shelves(database)
                assert time.monotonic() - started < 20
            finally:
                os.kill(pid, signal.SIGCONT)
            assert await shelves(database) == ["a"]


async def test_changes_that_clash_are_made_anew(postgresql_url: str, tmp_path: Path) -> None:
    async with Database(settings_of(postgresql_url), tmp_path) as database:
        await make_shelves(database, "a", "b")
        both = asyncio.Barrier(2)
        tries = 0

        async def take(*names: str) -> None:
            async def work(connection: AsyncConnection) -> None:
                nonlocal tries
                tries += 1
                for name in names:
                    wanted = sa.select(SHELVES).where(SHELVES.c.name == name).with_for_update()
                    await connection.execute(wanted)
                    if tries <= 2 and name == names[0]:
                        await both.wait()

            await database.change(work)

        await asyncio.gather(take("a", "b"), take("b", "a"))
        assert tries == 3


def test_passwords_are_not_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = "postgresql://me:hidden-word@db.example.com/openmogr?sslmode=require"
    settings = load_settings(None, {"OPENMOGR_DATABASE_URL": url}).database
    assert settings.shown == "postgresql://db.example.com/openmogr"
    assert "hidden-word" not in repr(settings)
    with caplog.at_level(logging.DEBUG), pytest.raises(SettingsError) as caught:
        load_settings(None, {"OPENMOGR_DATABASE_URL": url.replace("postgresql", "mysql")})
    assert "hidden-word" not in str(caught.value) + caplog.text
    assert "postgresql://" in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite://relative.db", "sqlite:relative.db", "file:///a", "openmogr"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="OPENMOGR_DATABASE_URL"):
        load_settings(None, {"OPENMOGR_DATABASE_URL": url})
