"""Databases for tests: files of SQLite, and a real PostgreSQL of the test process's own, where it is installed.

``database_url`` is a fresh database of each engine in turn, ``postgresql_url`` one of PostgreSQL alone; both are what
``[database] url`` takes.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

__all__ = ["PASSWORD", "PostgreSQLServer", "database_url", "postgresql", "postgresql_url"]

USER, PASSWORD = "openmogr", "secret-of-postgresql"
_numbers = itertools.count(1)


# Nothing of a test outlives a crash of the machine, and a cluster takes little memory.
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "lc_messages": "C",
}


def _binaries() -> Path | None:
    """The folder of the newest PostgreSQL; Debian puts only clients on the PATH."""
    if (found := shutil.which("initdb")) is not None:
        return Path(found).resolve().parent
    folders = (file.parent for file in Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return max(folders, key=lambda folder: int(folder.parent.name), default=None)


class PostgreSQLServer:
    """A cluster in a temporary folder, on a free port of loopback, which it keeps when it is started again.

    Args:
        binaries: the folder of its programs.
    """

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        # It does not run as root; and nobody else may look into pytest's folders.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="openmogr-postgresql-"))
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = int(listener.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        words = self._folder / "password"
        words.write_text(PASSWORD)
        words.chmod(0o644)
        place = ("--pgdata", str(self._folder / "data"), "--username", USER, "--no-sync")
        keys = ("--auth", "scram-sha-256", "--pwfile", str(words))
        self._run("initdb", *place, *keys, "--encoding", "UTF8", "--locale", "C.UTF-8", user=self._user)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [word for name, value in _OPTIONS.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(str(self._binaries / "postgres"), "-D", str(self._folder / "data")),
                    *("-p", str(self.port), *options),
                ],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                user=self._user,
            )
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            time.sleep(0.05)

    def _answers(self) -> bool:
        words = (str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port))
        return subprocess.run(words, check=False).returncode == 0

    def stop(self) -> None:
        """End it at once: what is connected is cut off."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(60)
            self._process = None

    def signal(self, number: int) -> None:
        """Send a signal to the process that takes connections in."""
        assert self._process is not None
        self._process.send_signal(number)

    def sql(self, text: str, database: str = "postgres") -> str:
        """What psql prints of a statement."""
        place = ("-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", database)
        return self._run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *place, "-c", text)

    def url(self, database: str) -> str:
        """As ``[database] url`` takes it."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    @contextlib.contextmanager
    def fresh(self) -> Iterator[str]:
        """The name of a new database, which is dropped in the end."""
        name = f"test_{next(_numbers)}"
        # With ICU's order of text, which is not that of bytes, as it is in most installations.
        self.sql(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
        try:
            yield name
        finally:
            if self._process is not None:
                self.sql(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, program: str, *words: str, user: str | None = None) -> str:
        done = subprocess.run(
            [str(self._binaries / program), *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            user=user,
            env={**os.environ, "PGPASSWORD": PASSWORD},
        )
        assert not done.returncode, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQLServer]:
    """Skips the test where it is not installed."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed; on Debian: apt install postgresql")
    pytest.importorskip("asyncpg")
    with PostgreSQLServer(binaries) as running:
        yield running


@pytest.fixture
def postgresql_url(postgresql: PostgreSQLServer) -> Iterator[str]:
    """A fresh database of PostgreSQL."""
    with postgresql.fresh() as name:
        yield postgresql.url(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database of each engine."""
    if request.param == "sqlite":
        return (tmp_path / "database" / "database.sqlite3").as_uri().replace("file:", "sqlite:")
    return str(request.getfixturevalue("postgresql_url"))
