"""The loop of one worker: a job, its answer, the next job."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from openmogr.workers.channel import Inbox, Message, send
from openmogr.workers.protocol import (
    GRANTED,
    INLINE_BYTES,
    Answer,
    Handler,
    Job,
    pack_loss,
    pack_question,
    pack_reply,
)

__all__ = ["Memory", "serve"]

_FIELDS = re.compile(rb"^(VmHWM|VmRSS|RssAnon):\s+(\d+)", re.MULTILINE)


class Memory:
    """Reads this process's memory through descriptors that were opened before it was closed in.

    Args:
        max_growth: bytes that the process may hold more than at first; beyond it what is free is given back.
    """

    def __init__(self, max_growth: int = 0) -> None:
        self._max_growth = max_growth
        self._first = 0
        self._trim = _allocator_trim()
        self._status = _opened("/proc/self/status", os.O_RDONLY)
        self._reset = _opened("/proc/self/clear_refs", os.O_WRONLY)

    def start(self) -> None:
        """Let the peak begin at what is resident now."""
        if self._reset is not None:
            try:
                os.pwrite(self._reset, b"5", 0)
            except OSError:
                self._reset = None

    def peak_and_resident(self) -> tuple[int, int]:
        """Bytes; 0 where the system does not tell.

        Resident is what is this process's own. Pages of libraries are everybody's, and come in as they are used.
        """
        peak, resident = self._read()
        self._first = self._first or resident
        if self._max_growth and self._trim is not None and resident - self._first > self._max_growth:
            self._trim(0)
            _, resident = self._read()
        return peak, resident

    def _read(self) -> tuple[int, int]:
        if self._status is None:
            return 0, 0
        found = _FIELDS.findall(os.pread(self._status, 8192, 0))
        values = {name: int(number) * 1024 for name, number in found}
        return values.get(b"VmHWM", 0), values.get(b"RssAnon", values.get(b"VmRSS", 0))


def _allocator_trim() -> Callable[[int], object] | None:
    """glibc's ``malloc_trim``, where that is the allocator."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


def _opened(path: str, flags: int) -> int | None:
    try:
        return os.open(path, flags) if Path(path).exists() else None
    except OSError:
        return None


def serve(sock: socket.socket, handler: Handler, memory: Memory | None = None) -> None:
    """Answer jobs until the server closes its end.

    A task that raises ends the worker: errors that clients may see are the task's to put into an answer.
    """
    memory = memory or Memory()
    inbox = Inbox(sock)
    _, resident = memory.peak_and_resident()
    # A server that is gone needs no answer, and it is no fault of the worker.
    with suppress(ConnectionError):
        send(sock, pack_reply(Answer(b""), in_file=False, peak=0, resident=resident))
        while (message := inbox.wait()) is not None:
            if message.body:  # an empty one asks to stop what had just ended
                send(sock, _work(sock, inbox, handler, message, memory))


def _work(sock: socket.socket, inbox: Inbox, handler: Handler, message: Message, memory: Memory) -> bytes:
    out, *inputs = message.descriptors
    poll = select.poll()
    poll.register(sock, select.POLLIN)

    def cancelled() -> bool:
        # The server says nothing during a job unless it has no more use for it, or is gone.
        return bool(poll.poll(0))

    def admit(cost: int) -> bool:
        send(sock, pack_question(cost))
        told = inbox.wait()
        return told is not None and told.body == GRANTED

    try:
        memory.start()
        began = time.process_time()
        answer = handler(Job(message.body, inputs, cancelled, admit))
        in_file = len(answer.body) > INLINE_BYTES
        lost = _written(out, answer.body) if in_file else 0
        peak, resident = memory.peak_and_resident()
        if lost:
            return pack_loss(lost, peak=peak, resident=resident)
        cpu = time.process_time() - began
        return pack_reply(answer, in_file=in_file, peak=peak, resident=resident, cpu=cpu)
    finally:
        for descriptor in message.descriptors:
            os.close(descriptor)


def _written(out: int, data: bytes) -> int:
    """0, or the number of the error: the disk may be full, which is no fault of the worker."""
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(out, rest) :]
    except OSError as error:
        return error.errno or errno.EIO
    return 0
