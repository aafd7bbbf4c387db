"""What all tables have in common."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData, Text

__all__ = ["METADATA", "NAME", "NAMING", "NUMBER"]

# Names of what a revision changes later; SQLite would give none.
NAMING = {
    "ix": "%(table_name)s_by_%(column_0_N_name)s",
    "uq": "%(table_name)s_one_%(column_0_N_name)s",
    "pk": "%(table_name)s_key",
    "fk": "%(table_name)s_%(column_0_N_name)s_of_%(referred_table_name)s",
}
METADATA = MetaData(naming_convention=NAMING)

# Compared and ordered by the bytes of its UTF-8 on both engines, whatever the locale of the database.
NAME = Text().with_variant(Text(collation="C"), "postgresql")
# A primary key that counts, never giving a number twice; on SQLite together with ``sqlite_autoincrement=True``.
NUMBER = BigInteger().with_variant(Integer(), "sqlite")
