"""The tables of a storage whose objects lie in a store (``openmogr.storage.shared``)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, LargeBinary, Table, Text, text

from openmogr.database.tables import METADATA, NAME

__all__ = ["BUCKETS", "DOCUMENTS", "FACTS", "FILES", "NODES", "PARTS", "UPLOADS"]

BUCKETS = Table(
    "store_buckets",
    METADATA,
    Column("name", NAME, primary_key=True),
    Column("region", Text, nullable=False),
    Column("acl", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
)

DOCUMENTS = Table(
    "store_documents",
    METADATA,
    Column("bucket", NAME, primary_key=True),
    Column("kind", NAME, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

# What the store cannot say of an object, and what is about to be done with a key. Of the rows of a key that are not
# settled there is one at most, which so is the lock of the key.
FACTS = Table(
    "store_facts",
    METADATA,
    # What the object bears as metadata of the name ``openmogr``, where it was written by this row.
    Column("id", NAME, primary_key=True),
    Column("bucket", NAME, nullable=False),
    # Any text, NUL too.
    Column("key", LargeBinary, nullable=False),
    # The store cannot have the key, so that the object lies hidden, and is listed by this row.
    Column("odd", Boolean, nullable=False),
    # See ``openmogr.storage.shared.records.State``.
    Column("state", Integer, nullable=False),
    Column("node", NAME, nullable=False),
    # Of several that are written together all have the same.
    Column("batch", NAME, nullable=False),
    # What the object in the store is known by: its own mark (that of a copy is its source's), size and ETag there.
    Column("mark", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("store_etag", Text),
    # Where the bytes lie hidden until they are moved to their key.
    Column("place", Text),
    Column("etag", Text, nullable=False),
    # As a signed number; none of what somebody else wrote.
    Column("crc64", BigInteger),
    Column("modified", BigInteger, nullable=False),
    Column("acl", Text, nullable=False),
    Column("storage_class", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("appends", Integer, nullable=False, server_default="0"),
)
Index("store_facts_by_key", FACTS.c.bucket, FACTS.c.key)
_ODD = text("odd")
Index("store_facts_odd", FACTS.c.bucket, FACTS.c.key, sqlite_where=_ODD, postgresql_where=_ODD)
_UNSETTLED = text("state < 9")
Index(
    "store_facts_one_unsettled",
    FACTS.c.bucket,
    FACTS.c.key,
    unique=True,
    sqlite_where=_UNSETTLED,
    postgresql_where=_UNSETTLED,
)
Index("store_facts_unsettled", FACTS.c.node, sqlite_where=_UNSETTLED, postgresql_where=_UNSETTLED)

UPLOADS = Table(
    "store_uploads",
    METADATA,
    Column("id", NAME, primary_key=True),
    Column("bucket", NAME, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("initiated", BigInteger, nullable=False),
    Column("acl", Text, nullable=False),
    Column("storage_class", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("tags", Text, nullable=False),
    # The batch that completes it.
    Column("batch", NAME),
)
Index("store_uploads_by_key", UPLOADS.c.bucket, UPLOADS.c.key, UPLOADS.c.id)
_CLAIMED = text("batch IS NOT NULL")
Index("store_uploads_by_batch", UPLOADS.c.batch, sqlite_where=_CLAIMED, postgresql_where=_CLAIMED)

PARTS = Table(
    "store_parts",
    METADATA,
    Column("upload", NAME, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("crc64", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Column("checksum", Text, nullable=False),
    Column("place", Text, nullable=False),
)

# Hidden files of the store that nothing else refers to: being written by a node, or to be removed.
FILES = Table(
    "store_files",
    METADATA,
    Column("place", NAME, primary_key=True),
    # Who writes it; empty: it is to be removed.
    Column("node", NAME, nullable=False),
)
Index("store_files_by_node", FILES.c.node)

NODES = Table(
    "store_nodes",
    METADATA,
    Column("id", NAME, primary_key=True),
    # Until when it is taken for alive, in seconds since 1970 by the clock of the database.
    Column("until", Double, nullable=False),
)
