"""What every test may ask for, and which tests run beside each other."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.databases import database_url, postgresql, postgresql_url
from tests.warm import begin_servers_warm

__all__ = ["database_url", "postgresql", "postgresql_url"]

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the repository; without it the test is skipped."""
    folder = Path(os.environ.get("OPENMOGR_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"reference data not found in {folder}")
    return folder


def pytest_configure() -> None:
    # A shell's background jobs ignore interruptions, and so would what tests start to interrupt it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    begin_servers_warm()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Where pytest-xdist runs tests in several processes, none runs beside one that is marked ``alone``."""
    if not hasattr(item.config, "workerinput"):
        return (yield)
    with _turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


@contextlib.contextmanager
def _turn(alone: bool) -> Iterator[None]:
    """The time of a test: its own, or shared with all others that need not be alone."""
    import fcntl  # not on Windows

    # Files that are always there; nothing is written to them.
    with (ROOT / "pyproject.toml").open("rb") as queue, Path(__file__).open("rb") as turn:
        # Who waits keeps the queue, so that others do not pass a test that wants to be alone.
        fcntl.flock(queue, fcntl.LOCK_EX)
        fcntl.flock(turn, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(queue, fcntl.LOCK_UN)
        yield
