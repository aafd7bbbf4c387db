"""The database of what is no object: SQLite in the data folder, or PostgreSQL where several nodes have it in common.

Nothing here knows what a room keeps. A room that keeps something

1. describes its tables in a module of its own, ``openmogr/<room>/tables.py``, with SQLAlchemy Core, over the one
   :data:`openmogr.database.tables.METADATA`. Tables are named after what they hold, and belong to that room alone.
   Text that is compared or ordered is :data:`~openmogr.database.tables.NAME`, a counter is
   :data:`~openmogr.database.tables.NUMBER`, times are whole or broken seconds since 1970. PostgreSQL takes no NUL in
   text.
2. makes them by a revision, ``openmogr/database/migrations/versions/<room>_0001.py``. Every room has a *line of
   revisions* of its own: the first has ``down_revision = None`` and ``branch_labels = ("<room>",)``, the next ones
   follow it; lines know nothing of each other. A revision runs on both engines, in one transaction with all others
   that are due, and writes out what it makes (it does not import ``tables.py``, which goes on changing).
   ``tests/database/`` compares what all revisions make with what all ``tables.py`` describe; add the module's name to
   ``TABLES`` there. While nodes are upgraded one after another, those of the version before work on what the new one
   made: a revision only adds, and what is added may be left out by who does not know it; what nobody uses any more is
   dropped a version later.
3. is given the :class:`Database` that the application opened, and reads and changes by it::

       async with database.reading() as connection:        # one connection, one snapshot on SQLite
           rows = (await connection.execute(select(shelves))).all()
       async with database.changing() as connection:       # one transaction: all of it, or on any error none
           await connection.execute(insert(shelves).values(name="a"))
           await database.tell(connection, "shelves")      # whoever listens hears it once it is committed

   SQLAlchemy is imported where a store is, and not by ``openmogr/<room>/__init__.py``, so that the command line, which
   needs only settings, starts without it. No connection is held while something else is waited for: there are few.

``IntegrityError`` comes as SQLAlchemy raises it; one that is lost, locked or full is ``DatabaseUnavailable``, 503.
"""

from openmogr.database.database import Database
from openmogr.database.errors import DatabaseUnavailable, DatabaseUnusable
from openmogr.database.settings import DatabaseSettings

__all__ = ["Database", "DatabaseSettings", "DatabaseUnavailable", "DatabaseUnusable"]
