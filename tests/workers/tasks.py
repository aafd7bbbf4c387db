"""Tasks that the tests of the pool run: what pictures may do to a decoder, without the pictures."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from openmogr.workers import Answer, Handler, Job

_blocks: list[bytearray] = []


def make(options: object) -> Handler:
    """A handler whose requests are a word and a number."""

    def handle(job: Job) -> Answer:
        word, _, number = job.request.decode().partition(" ")
        return _WORDS[word](job, int(number or 0), options)

    return handle


def broken(options: object) -> Handler:
    """A task that cannot be made."""
    raise RuntimeError("no such codec")


def _echo(job: Job, number: int, options: object) -> Answer:
    return Answer(repr((options, os.getpid())).encode(), b"x" * number)


def _unwritable(job: Job, number: int, options: object) -> Answer:
    # As a full disk does, writing fails; the signal of this limit would end the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    return Answer(b"", b"x" * number)


def _crash(job: Job, number: int, options: object) -> Answer:
    ctypes.string_at(0)
    raise AssertionError("the null page was readable")


def _exit(job: Job, number: int, options: object) -> Answer:
    os._exit(number)


def _keep(job: Job, number: int, options: object) -> Answer:
    """Where so many bytes lie, and the process that keeps them."""
    _blocks.append(bytearray(number))
    return Answer(repr((os.getpid(), ctypes.addressof(ctypes.c_char.from_buffer(_blocks[-1])))).encode())


def _raise(job: Job, number: int, options: object) -> Answer:
    raise RuntimeError("a fault of the task")


def _hang(job: Job, number: int, options: object) -> Answer:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    time.sleep(600)
    raise AssertionError("not stopped")


def _polite(job: Job, number: int, options: object) -> Answer:
    started = time.monotonic()
    while not job.cancelled() and time.monotonic() - started < 60:
        time.sleep(0.005)
    return Answer(b"stopped")


def _swell(job: Job, number: int, options: object) -> Answer:
    try:
        held = bytearray(number)
        held[::4096] = b"y" * len(held[::4096])
    except MemoryError:
        return Answer(b"no memory")
    return Answer(b"swollen")


_kept: list[bytearray] = []


def _leak(job: Job, number: int, options: object) -> Answer:
    _kept.append(bytearray(b"z") * number)
    return Answer(str(os.getpid()).encode())


def _ask(job: Job, number: int, options: object) -> Answer:
    return Answer(b"granted" if job.admit(number) else b"refused")


def _read(job: Job, number: int, options: object) -> Answer:
    return Answer(b"read", os.pread(job.inputs[0], number, 0))


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _environment(job: Job, number: int, options: object) -> Answer:
    names = sorted(os.environ)
    descriptors = [number for number in range(256) if _is_open(number)]
    return Answer(repr((names, len(descriptors))).encode())


def _reach(job: Job, number: int, options: object) -> Answer:
    """What of the world outside can be reached: files, folders, the network, programs, other processes."""
    reached = []
    attempts: dict[str, Callable[[], object]] = {
        "read": lambda: Path("/etc/hostname").read_bytes(),
        "list": lambda: list(Path("/etc").iterdir()),
        "write": lambda: Path("/tmp/openmogr-reached").write_bytes(b""),
        "socket": lambda: socket.create_connection(("127.0.0.1", number), 1),
        "program": lambda: subprocess.run(["/bin/true"], check=True),
        "signal": lambda: os.kill(os.getppid(), 0),
    }
    for name, attempt in attempts.items():
        try:
            attempt()
        except OSError:
            continue
        reached.append(name)
    Path(json.__file__).read_bytes()  # what code is made of stays readable
    return Answer(json.dumps(reached).encode())


_WORDS = {
    "ask": _ask,
    "crash": _crash,
    "echo": _echo,
    "environment": _environment,
    "keep": _keep,
    "exit": _exit,
    "hang": _hang,
    "leak": _leak,
    "polite": _polite,
    "raise": _raise,
    "reach": _reach,
    "read": _read,
    "swell": _swell,
    "unwritable": _unwritable,
}
