"""Going through all keys before anything is done: how many there are, and whether two would have one result."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass

from openmogr.bulk.errors import BulkError
from openmogr.bulk.feed import Feed
from openmogr.bulk.keys import KeyRule

__all__ = ["Survey", "take_survey"]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is.

    Attributes:
        objects: how many.
        size: their bytes, as far as they are told.
    """

    objects: int
    size: int


async def take_survey(feed: Feed, base: str, rule: KeyRule) -> Survey:
    """Go through the keys once.

    Args:
        feed: what a run will go through.
        base: what keys begin with that is no part of the name of a result.
        rule: if two sources may get one key by it, all keys are compared, in a file that is nobody else's.

    Raises:
        BulkError: two sources would have one result, or they cannot be listed.
    """
    count = size = 0
    targets = _Targets() if rule.may_clash else None
    try:
        async for page in feed.names():
            count += len(page)
            size += sum(bytes_ for _, bytes_ in page)
            if targets is not None:
                rows = [(rule.target(key.removeprefix(base)), key) for key, _ in page]
                await asyncio.to_thread(targets.add, rows)
        clashes = [] if targets is None else await asyncio.to_thread(targets.clashes)
    finally:
        if targets is not None:
            targets.close()
    if clashes:
        told = "; ".join(
            f"{first} and {second} would both become {target}" for target, first, second in clashes
        )
        raise BulkError(
            f"sources would have one result: {told}. Give --keys '{{key}}{{suffix}}', which keeps their own suffixes,"
            " or --no-survey, which does the first of them and reports the others"
        )
    return Survey(count, size)


class _Targets:
    """Keys of results in SQLite's own temporary file, of any number."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._connection.execute("CREATE TABLE targets (target TEXT, source TEXT)")
        self._connection.execute("BEGIN")

    def add(self, rows: list[tuple[str, str]]) -> None:
        plain = [tuple(text.encode("utf-8", "surrogateescape") for text in row) for row in rows]
        self._connection.executemany("INSERT INTO targets VALUES (?, ?)", plain)

    def clashes(self) -> list[tuple[str, str, str]]:
        """Some keys with two of their sources."""
        self._connection.execute("CREATE INDEX by_target ON targets (target, source)")
        rows = self._connection.execute(
            "SELECT target, min(source), max(source) FROM targets"
            " GROUP BY target HAVING min(source) != max(source) LIMIT ?",
            (_SHOWN,),
        )
        return [(_text(target), _text(first), _text(second)) for target, first, second in rows]

    def close(self) -> None:
        self._connection.close()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
