"""What every test may ask for, and which tests run beside each other."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.databases import database_url, postgresql, postgresql_url
from tests.warm import begin_servers_warm

__all__ = ["database_url", "postgresql", "postgresql_url"]

ROOT = Path(__file__).resolve().parent.parent
# Files that take half a minute and more, the longest first.
LONG = (
    "tests/test_packages.py",
    "tests/console/test_console.py",
    "tests/web/test_browser.py",
    "tests/cli/test_backup.py",
    "tests/transfer/test_import.py",
    "tests/engine/test_cost.py",
    "tests/gateway/test_faults.py",
    "tests/test_start.py",
    "tests/api/test_slow_readers.py",
    "tests/reliability/test_harm.py",
    "tests/test_readme.py",
    "tests/test_bench.py",
    "tests/bulk/test_bulk.py",
    "tests/storage/test_full_disk.py",
    "tests/cli/test_serve.py",
    "tests/api/test_results.py",
    "tests/clients/test_s3_tools.py",
    "tests/cli/test_fsck.py",
    "tests/api/test_fuzz.py",
    "tests/image/test_size_limit.py",
    "tests/wire/test_limits.py",
    "tests/image/test_faults.py",
    "tests/api/test_limits.py",
    "tests/storage/test_shared_crashes.py",
    "tests/cli/test_documentation.py",
    "tests/storage/test_conformance_model.py",
    "tests/test_deploy.py",
    "tests/gateway/test_clients.py",
    "tests/cli/test_serve_crash.py",
    "tests/image/test_animation_memory.py",
    "codec/tests/test_encode.py",
    "tests/test_compare.py",
)
# The turn of the next test, where the one before leaves it to it.
_TURN = pytest.StashKey[contextlib.ExitStack | None]()


@pytest.fixture(scope="session")
def full_device() -> Path:
    """A file that takes no byte. Skips the test where the system has none: only Linux has."""
    device = Path("/dev/full")
    if not device.exists():
        pytest.skip("this system has no /dev/full")
    return device


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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files that take long begin first, or the other processes would wait for the last of them; those with tests that
    have to be ``alone`` come last, when these wait for nobody's long test."""
    if not hasattr(config, "workerinput"):
        return
    alone = {item.path for item in items if _is_alone(item)}
    ranks = {ROOT / name: rank for rank, name in enumerate(LONG)}
    items.sort(key=lambda item: (item.path in alone, ranks.get(item.path, len(LONG))))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    """Where pytest-xdist runs tests in several processes, none runs beside one that is marked ``alone``."""
    if not hasattr(item.config, "workerinput"):
        return (yield)
    turn = item.config.stash.get(_TURN, None) or _next_turn(alone=_is_alone(item))
    item.config.stash[_TURN] = None
    try:
        return (yield)
    finally:
        # Each new turn waits for what the other processes are at; tests of one file need only one.
        if nextitem is not None and nextitem.path == item.path and _is_alone(item) and _is_alone(nextitem):
            item.config.stash[_TURN] = turn
        else:
            turn.close()


def _is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


def _next_turn(alone: bool) -> contextlib.ExitStack:
    """Wait for the time of a test, which ends with the closing: its own, or shared with all that need not be alone."""
    import fcntl  # not on Windows

    with contextlib.ExitStack() as taken:
        # A file that is always there; nothing is written to it.
        turn = taken.enter_context(Path(__file__).open("rb"))
        # Who waits keeps the queue, so that others do not pass a test that wants to be alone.
        with (ROOT / "pyproject.toml").open("rb") as queue:
            fcntl.flock(queue, fcntl.LOCK_EX)
            fcntl.flock(turn, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        return taken.pop_all()
