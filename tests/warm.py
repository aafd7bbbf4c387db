"""Servers in processes that are forked from one which has imported all that a server needs.

An interpreter of its own takes a server more than a second of processor time, and the tests start hundreds.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from openmogr import testing

__all__ = ["begin_servers_warm"]

# What a server imports while it starts, too; what is not installed is left out.
_PRELOADED = (
    *("openmogr.testing", "openmogr.app", "openmogr.database.upgrade", "openmogr.database.sqlite"),
    *("alembic.command", "alembic.context", "alembic.op", "aiosqlite"),
    *("uvloop", "uvicorn.lifespan.on", "uvicorn.loops.uvloop", "pillow_heif", "PIL._avif"),
    "tests.frozen",  # the last
)


class _Forked:
    """As ``subprocess.Popen`` has it."""

    def __init__(self, process: ForkServerProcess) -> None:
        assert process.pid is not None
        self._process = process
        self.pid = process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if (code := self._process.exitcode) is None:
            raise subprocess.TimeoutExpired("a server", timeout or 0)
        return code

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def begin_servers_warm() -> None:
    """From now on, where a test names no launcher."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOADED))

    def begin(listener: socket.socket, overrides: str, log: Path) -> testing.Begun:
        surroundings = (dict(os.environ), Path.cwd(), log.absolute())
        # A daemon, or the tests would wait for one that a test forgot.
        process = context.Process(target=_run, args=(listener, overrides, *surroundings), daemon=True)
        process.start()
        return _Forked(process)

    testing.ServerProcess.begin = staticmethod(begin)


def _run(listener: socket.socket, overrides: str, environ: dict[str, str], folder: Path, log: Path) -> None:
    """What an interpreter of its own would find: environment, folder, streams."""
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    time.tzset()
    tempfile.tempdir = None
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for descriptor in (1, 2):
        os.dup2(out, descriptor)
    os.close(out)
    # Those who end it send it signals, and an interruption is one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        testing.serve(listener, overrides)
    finally:
        sys.stdout.flush()
