"""What is no object, in the database: buckets, what is known of objects, and what is about to be done with keys.

A key is written in three steps, of which only the second one touches the store: rows that are not settled are put down,
which lock their keys for all nodes (:meth:`Catalogue.begin`); the store is changed; the rows are settled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, text, tuple_, update
from sqlalchemy.exc import IntegrityError

from openmogr.errors import NoSuchBucket
from openmogr.storage.embedded.keys import successor
from openmogr.storage.embedded.records import now
from openmogr.storage.errors import BucketAlreadyOwnedByYou, BucketNotEmpty, TooManyBuckets
from openmogr.storage.interface import Acl, Bucket, ObjectAttributes
from openmogr.storage.shared import uploads
from openmogr.storage.shared.records import Fact, Row, State, attribute_row, bucket, fact
from openmogr.storage.tables import BUCKETS, DOCUMENTS, FACTS, FILES, NODES, UPLOADS

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from openmogr.database import Database

__all__ = ["Begun", "Catalogue", "Locked"]

# Values of one statement, well below what either engine takes.
_MANY = 500
# For so many seconds a node is taken for alive after it was heard of.
LEASE = 20.0
_UNSETTLED = FACTS.c.state < int(State.SETTLED)


class Locked(Exception):
    """Somebody is about to write a key or to complete an upload."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What was settled of the keys before, by key: it goes once they are written."""

    before: Mapping[tuple[str, str], Sequence[str]]

    def ids(self, facts: Iterable[Fact]) -> list[str]:
        """Of some rows' keys."""
        return [name for item in facts for name in self.before.get((item.bucket, item.key), ())]


class Catalogue:
    """All statements but those of uploads.

    Args:
        database: opened by whoever opens the storage.
        node: the name of this process, which nobody had before.
    """

    def __init__(self, database: Database, node: str) -> None:
        self.database = database
        self.node = node

    # Buckets

    async def create_bucket(self, name: str, region: str, acl: Acl, limit: int) -> Bucket:
        made = {"name": name, "region": region, "acl": str(acl), "created": now()}
        try:
            async with self.database.changing() as connection:
                if self.database.is_shared:
                    # Two nodes may not count at the same time.
                    await connection.execute(text("LOCK TABLE store_buckets IN SHARE ROW EXCLUSIVE MODE"))
                await connection.execute(insert(BUCKETS).values(made))
                count = await connection.scalar(select(func.count()).select_from(BUCKETS))
                if count is not None and count > limit:
                    raise TooManyBuckets(
                        f"You have attempted to create more than the {limit} buckets allowed."
                    )
        except IntegrityError:
            raise BucketAlreadyOwnedByYou from None
        return bucket(made)

    async def head_bucket(self, name: str) -> Bucket:
        async with self.database.reading() as connection:
            return bucket(await _bucket(connection, name))

    async def list_buckets(self) -> list[Bucket]:
        async with self.database.reading() as connection:
            rows = await connection.execute(select(BUCKETS).order_by(BUCKETS.c.name))
            return [bucket(row) for row in rows.mappings()]

    async def set_bucket_acl(self, name: str, acl: Acl) -> None:
        async with self.database.changing() as connection:
            changed = await connection.execute(
                update(BUCKETS).where(BUCKETS.c.name == name).values(acl=str(acl))
            )
            if not changed.rowcount:
                raise _no_bucket(name)

    async def stale(self, name: str) -> list[str]:
        """Some rows of a bucket, which describe nothing if the store has no object of it by now."""
        async with self.database.reading() as connection:
            await _bucket(connection, name)
            query = select(FACTS.c.id).where(FACTS.c.bucket == name, ~_UNSETTLED).limit(_MANY)
            return list((await connection.scalars(query)).all())

    async def delete_bucket(self, name: str) -> None:
        """Remove a bucket of which nothing is known but documents. Raises ``BucketNotEmpty``."""
        async with self.database.changing() as connection:
            await _bucket(connection, name, lock=True)
            for table in (FACTS, UPLOADS):
                if (
                    await connection.execute(select(table.c.id).where(table.c.bucket == name).limit(1))
                ).first():
                    raise BucketNotEmpty
            await connection.execute(delete(DOCUMENTS).where(DOCUMENTS.c.bucket == name))
            await connection.execute(delete(BUCKETS).where(BUCKETS.c.name == name))

    async def get_document(self, name: str, kind: str) -> bytes | None:
        async with self.database.reading() as connection:
            await _bucket(connection, name)
            body = await connection.scalar(
                select(DOCUMENTS.c.body).where(DOCUMENTS.c.bucket == name, DOCUMENTS.c.kind == kind)
            )
            return None if body is None else bytes(body)

    async def put_document(self, name: str, kind: str, document: bytes | None) -> None:
        async with self.database.changing() as connection:
            # Locked, since there may be no row of the document that could be.
            await _bucket(connection, name, lock=True)
            await connection.execute(
                delete(DOCUMENTS).where(DOCUMENTS.c.bucket == name, DOCUMENTS.c.kind == kind)
            )
            if document is not None:
                await connection.execute(insert(DOCUMENTS).values(bucket=name, kind=kind, body=document))

    # What is known of keys

    async def facts(self, name: str, key: str) -> list[Fact]:
        """All rows of a key. Raises ``NoSuchBucket``, if there are none."""
        async with self.database.reading() as connection:
            query = select(FACTS).where(FACTS.c.bucket == name, FACTS.c.key == key.encode())
            found = [fact(row) for row in (await connection.execute(query)).mappings()]
            if not found:
                await _bucket(connection, name)
            return found

    async def facts_of(self, name: str, keys: Sequence[str]) -> dict[str, list[Fact]]:
        """The same of many keys, of a bucket that there is."""
        found: dict[str, list[Fact]] = {}
        async with self.database.reading() as connection:
            for some in _portions([key.encode() for key in keys]):
                query = select(FACTS).where(FACTS.c.bucket == name, FACTS.c.key.in_(some))
                for row in (await connection.execute(query)).mappings():
                    item = fact(row)
                    found.setdefault(item.key, []).append(item)
        return found

    async def moving(self, name: str) -> list[Fact]:
        """Of a bucket, what is or is not an object whatever the store says, but for odd keys' objects.

        Raises:
            NoSuchBucket: there is none.
        """
        async with self.database.reading() as connection:
            await _bucket(connection, name)
            states = (int(State.DECIDED), int(State.REMOVED))
            query = select(FACTS).where(FACTS.c.bucket == name, _UNSETTLED, FACTS.c.state.in_(states))
            return [fact(row) for row in (await connection.execute(query)).mappings()]

    async def odd(self, name: str, prefix: str, after: str, limit: int) -> list[Fact]:
        """Objects in order whose keys the store cannot have: of a prefix, behind a text."""
        key = FACTS.c.key
        states = (int(State.DECIDED), int(State.SETTLED))
        query = select(FACTS).where(FACTS.c.bucket == name, FACTS.c.odd, FACTS.c.state.in_(states))
        query = query.where(key > after.encode(), key >= prefix.encode())
        if prefix:
            query = query.where(key < successor(prefix.encode()))
        async with self.database.reading() as connection:
            rows = await connection.execute(query.order_by(key, FACTS.c.state).limit(limit))
            return [fact(row) for row in rows.mappings()]

    # Writing keys

    async def begin(self, facts: Sequence[Fact], completed: Sequence[uploads.Completed] = ()) -> Begun:
        """Put down what is about to be done, which locks the keys.

        Args:
            facts: not settled, one of each key, all of one batch.
            completed: the uploads that end by it.

        Raises:
            Locked: a key or an upload is locked already.
            NoSuchBucket, NoSuchUpload, InvalidPart: nothing is locked.
        """
        ordered = sorted(facts, key=lambda item: (item.bucket, item.key.encode()))
        try:
            async with self.database.changing() as connection:
                for name in sorted({item.bucket for item in ordered}):
                    await _bucket(connection, name, share=True)
                await connection.execute(insert(FACTS), [item.values() for item in ordered])
                for item in completed:
                    await uploads.claim(connection, item, ordered[0].batch)
                before: dict[tuple[str, str], list[str]] = {}
                for some in _portions(ordered):
                    query = select(FACTS.c.id, FACTS.c.bucket, FACTS.c.key).where(
                        tuple_(FACTS.c.bucket, FACTS.c.key).in_(
                            [(item.bucket, item.key.encode()) for item in some]
                        ),
                        ~_UNSETTLED,
                    )
                    for name, place, key in await connection.execute(query):
                        before.setdefault((place, bytes(key).decode()), []).append(name)
        except IntegrityError:
            raise Locked from None
        except uploads.Claimed:
            raise Locked from None
        return Begun(before)

    async def revise(self, item: Fact) -> None:
        """Change a row of this node that is not settled. Raises ``Locked`` if it is another node's by now."""
        async with self.database.changing() as connection:
            await self._change(connection, [item.id], item.values())

    async def decide(self, facts: Sequence[Fact]) -> list[str]:
        """The hidden bytes are the objects now; returns hidden files that nothing uses any more."""
        async with self.database.changing() as connection:
            await self._change(connection, [item.id for item in facts], {"state": int(State.DECIDED)})
            return await uploads.completed(connection, facts[0].batch)

    async def settle(self, facts: Sequence[Fact], etags: Sequence[str], old: Sequence[str]) -> list[str]:
        """The objects lie under their keys; returns hidden files that nothing uses any more."""
        async with self.database.changing() as connection:
            for item, etag in zip(facts, etags, strict=True):
                settled = {"state": int(State.SETTLED), "store_etag": etag, "place": None}
                await self._change(connection, [item.id], settled)
            await _drop(connection, old)
            return await uploads.completed(connection, facts[0].batch)

    async def release(self, facts: Sequence[Fact], old: Sequence[str] = ()) -> None:
        """Remove rows, which unlocks their keys and the uploads that they were to complete."""
        async with self.database.changing() as connection:
            await _drop(connection, [*(item.id for item in facts), *old])
            await connection.execute(
                update(UPLOADS).where(UPLOADS.c.batch == facts[0].batch).values(batch=None)
            )

    async def forget(self, ids: Sequence[str]) -> None:
        """Remove settled rows."""
        async with self.database.changing() as connection:
            await _drop(connection, ids)

    async def describe(self, held: Fact, name: str | None, attributes: ObjectAttributes, told: Fact) -> None:
        """Change what is known of an object besides, and unlock its key.

        Args:
            held: the lock of the key.
            name: the row that describes the object; None: there is none yet.
            attributes: the new ones.
            told: settled, of the id of the lock, which describes the object if none does yet.
        """
        async with self.database.changing() as connection:
            if name is None:
                await self._change(connection, [held.id], told.values())
                return
            await connection.execute(
                update(FACTS).where(FACTS.c.id == name).values(attribute_row(attributes))
            )
            await _drop(connection, [held.id])

    async def _change(
        self, connection: AsyncConnection, ids: Sequence[str], values: Mapping[str, Any]
    ) -> None:
        """Change rows that are all this node's still."""
        changed = 0
        for some in _portions(ids):
            mine = and_(FACTS.c.id.in_(some), FACTS.c.node == self.node, _UNSETTLED)
            changed += (await connection.execute(update(FACTS).where(mine).values(values))).rowcount
        if changed != len(ids):
            raise Locked

    # Nodes

    async def renew(self) -> None:
        """Say that this node is alive."""
        until = self.database.clock() + LEASE
        async with self.database.changing() as connection:
            known = await connection.execute(update(NODES).where(NODES.c.id == self.node).values(until=until))
            if not known.rowcount:
                await connection.execute(insert(NODES).values(id=self.node, until=until))

    async def leave(self, node: str) -> None:
        """Say that a node is no more."""
        async with self.database.changing() as connection:
            await connection.execute(delete(NODES).where(NODES.c.id == node))

    def _left(self, column: ColumnElement[str]) -> ColumnElement[bool]:
        """Whether a row is of a node that is no more."""
        others = column != self.node
        if not self.database.is_shared:
            return others
        alive = select(NODES.c.id).where(NODES.c.until > self.database.clock())
        return and_(others, column.not_in(alive))

    def _ours(self, column: ColumnElement[str]) -> ColumnElement[bool]:
        """The same, or of this node."""
        return or_(self._left(column), column == self.node)

    async def left_behind(self) -> list[Fact]:
        """Rows that are not settled, of nodes that are no more, or of this one."""
        async with self.database.reading() as connection:
            query = select(FACTS).where(_UNSETTLED, self._ours(FACTS.c.node))
            return [fact(row) for row in (await connection.execute(query)).mappings()]

    async def take_over(self, item: Fact) -> bool:
        """Make a row that was left behind this node's; False if another one did."""
        async with self.database.changing() as connection:
            left = and_(FACTS.c.id == item.id, FACTS.c.node == item.node, self._left(FACTS.c.node))
            taken = await connection.execute(update(FACTS).where(left, _UNSETTLED).values(node=self.node))
            return taken.rowcount == 1

    async def lockers(self, facts: Sequence[Fact]) -> list[Fact]:
        """Rows that lock keys of these: of nodes that are no more, or of this one."""
        found: list[Fact] = []
        async with self.database.reading() as connection:
            for some in _portions(facts):
                keys = [(item.bucket, item.key.encode()) for item in some]
                query = select(FACTS).where(
                    tuple_(FACTS.c.bucket, FACTS.c.key).in_(keys), _UNSETTLED, self._ours(FACTS.c.node)
                )
                found += [fact(row) for row in (await connection.execute(query)).mappings()]
        return found

    # Hidden files

    async def writing(self, place: str) -> None:
        """A hidden file is about to be written."""
        async with self.database.changing() as connection:
            await connection.execute(insert(FILES).values(place=place, node=self.node))

    async def removed(self, places: Sequence[str]) -> None:
        """Hidden files are no more."""
        async with self.database.changing() as connection:
            for some in _portions(places):
                await connection.execute(delete(FILES).where(FILES.c.place.in_(some)))

    async def unused_files(self) -> list[str]:
        """Hidden files that are to be removed."""
        async with self.database.reading() as connection:
            unused = select(FILES.c.place).where(FILES.c.node == "")
            return list((await connection.scalars(unused)).all())

    async def cut_files(self) -> list[str]:
        """Hidden files that were being written by nodes that are no more."""
        async with self.database.reading() as connection:
            cut = select(FILES.c.place).where(FILES.c.node != "", self._left(FILES.c.node))
            return list((await connection.scalars(cut)).all())


def _portions(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (items[first : first + _MANY] for first in range(0, len(items), _MANY))


def _no_bucket(name: str) -> NoSuchBucket:
    return NoSuchBucket(detail=f"bucket {name!r}")


async def _bucket(connection: AsyncConnection, name: str, *, lock: bool = False, share: bool = False) -> Row:
    """The row of a bucket; kept from being removed with ``share``, and all to itself with ``lock``."""
    query = select(BUCKETS).where(BUCKETS.c.name == name)
    if lock:
        query = query.with_for_update()
    elif share:
        query = query.with_for_update(read=True, key_share=True)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise _no_bucket(name)
    return row


async def _drop(connection: AsyncConnection, ids: Sequence[str]) -> None:
    for some in _portions(ids):
        await connection.execute(delete(FACTS).where(FACTS.c.id.in_(some)))
