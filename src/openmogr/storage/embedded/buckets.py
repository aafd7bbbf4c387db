"""Buckets in the index."""

from __future__ import annotations

import sqlite3

from openmogr.storage.embedded.index import Transaction
from openmogr.storage.embedded.records import bucket_id, find_bucket, now
from openmogr.storage.errors import BucketAlreadyOwnedByYou, BucketNotEmpty, TooManyBuckets
from openmogr.storage.interface import Acl, Bucket

__all__ = ["create", "delete", "get_document", "list_all", "put_document", "set_acl"]


def create(transaction: Transaction, name: str, region: str, acl: Acl, limit: int) -> Bucket:
    connection = transaction.connection
    if connection.execute("SELECT 1 FROM buckets WHERE name = ?", (name,)).fetchone():
        raise BucketAlreadyOwnedByYou
    if connection.execute("SELECT count(*) FROM buckets").fetchone()[0] >= limit:
        raise TooManyBuckets(f"You have attempted to create more than the {limit} buckets allowed.")
    connection.execute(
        "INSERT INTO buckets (name, region, acl, created) VALUES (?, ?, ?, ?)", (name, region, acl, now())
    )
    return find_bucket(connection, name)[1]


def list_all(connection: sqlite3.Connection) -> list[Bucket]:
    names = [row[0] for row in connection.execute("SELECT name FROM buckets ORDER BY name")]
    return [find_bucket(connection, name)[1] for name in names]


def delete(transaction: Transaction, name: str) -> None:
    connection = transaction.connection
    bucket = bucket_id(connection, name)
    for query in (
        "SELECT 1 FROM objects WHERE bucket = ? LIMIT 1",
        "SELECT 1 FROM uploads WHERE bucket = ? LIMIT 1",
    ):
        if connection.execute(query, (bucket,)).fetchone():
            raise BucketNotEmpty
    connection.execute("DELETE FROM buckets WHERE id = ?", (bucket,))


def set_acl(transaction: Transaction, name: str, acl: Acl) -> None:
    bucket = bucket_id(transaction.connection, name)
    transaction.connection.execute("UPDATE buckets SET acl = ? WHERE id = ?", (acl, bucket))


def get_document(connection: sqlite3.Connection, name: str, kind: str) -> bytes | None:
    row = connection.execute(
        "SELECT body FROM documents WHERE bucket = ? AND kind = ?", (bucket_id(connection, name), kind)
    ).fetchone()
    return None if row is None else bytes(row[0])


def put_document(transaction: Transaction, name: str, kind: str, document: bytes | None) -> None:
    connection = transaction.connection
    bucket = bucket_id(connection, name)
    if document is None:
        connection.execute("DELETE FROM documents WHERE bucket = ? AND kind = ?", (bucket, kind))
    else:
        connection.execute(
            "INSERT OR REPLACE INTO documents (bucket, kind, body) VALUES (?, ?, ?)", (bucket, kind, document)
        )
