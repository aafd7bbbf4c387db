"""What crosses between the server and its workers.

The server is trusted by its workers, never the other way round: what a worker sends is bytes of a checked length,
and nothing in it is executed or unpickled.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import BinaryIO, Self, TypeAlias

from openmogr.workers.errors import ReplyLost
from openmogr.workers.held import HeldBytes

__all__ = [
    "GRANTED",
    "INLINE_BYTES",
    "Answer",
    "Handler",
    "Job",
    "Reply",
    "pack_loss",
    "pack_question",
    "pack_reply",
    "spool_file",
    "unpack_question",
    "unpack_reply",
]

# Replies up to this length come in the message itself, longer ones in the job's file.
INLINE_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class Job:
    """What a task is given.

    Attributes:
        request: as the server packed it.
        inputs: open descriptors of files to read, at any position; closed when the job ends.
        cancelled: whether the server has no more use for the result. Cheap; ask often.
        admit: wait for the server to grant so many bytes of memory; once a job at most, before they are taken.
            False: it is refused, and any answer goes to nobody.
    """

    request: bytes
    inputs: Sequence[int]
    cancelled: Callable[[], bool]
    admit: Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a task gives: ``head`` says what it is (at most 64 KiB), ``body`` holds the bulk."""

    head: bytes
    body: bytes = b""


Handler: TypeAlias = Callable[[Job], Answer]


@dataclass(slots=True)
class Reply:
    """What the server gets.

    Attributes:
        head: the task's own.
        size: bytes of the body.
        peak: most resident memory of the worker during the job, in bytes; 0 where the system does not tell.
        cpu: seconds of processor time that the job took in its worker.
    """

    head: bytes
    size: int
    peak: int
    cpu: float = 0.0
    _inline: bytes = field(default=b"", repr=False)
    _file: HeldBytes | None = field(default=None, repr=False)

    @property
    def file(self) -> HeldBytes | None:
        """The file that holds the body; None where it came inline."""
        return self._file

    def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes ``start`` to ``stop`` (exclusive) of the body."""
        if self._file is None:
            return self._inline[start : self.size if stop is None else stop]
        return self._file.read(start, stop)

    def part(self, start: int, size: int) -> HeldBytes:
        """A part of a body that lies in a file; it stays when the reply is closed."""
        assert self._file is not None
        return HeldBytes(self._file, start, size)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# What it is; length of the head; length of the body, or bytes asked for; peak and present resident bytes; CPU seconds.
_REPLY = struct.Struct("<cIQQQd")
_INLINE, _IN_FILE, _ASKS, _LOST = b"i", b"f", b"a", b"l"

GRANTED = b"granted"


def pack_reply(answer: Answer, *, in_file: bool, peak: int, resident: int, cpu: float = 0.0) -> bytes:
    """The message of a worker that has finished a job."""
    kind = _IN_FILE if in_file else _INLINE
    head = _REPLY.pack(kind, len(answer.head), len(answer.body), peak, resident, cpu)
    return head + answer.head + (b"" if in_file else answer.body)


def pack_loss(number: int, *, peak: int, resident: int) -> bytes:
    """The message of a worker that could not write its answer into the file; ``number`` is the system's."""
    return _REPLY.pack(_LOST, 0, number, peak, resident, 0.0)


def pack_question(cost: int) -> bytes:
    """The message of a worker that needs ``cost`` bytes of memory."""
    return _REPLY.pack(_ASKS, 0, max(cost, 0), 0, 0, 0.0)


def unpack_question(message: bytes) -> int | None:
    """How many bytes a worker asks for; None where the message is a reply."""
    if message[:1] != _ASKS or len(message) != _REPLY.size:
        return None
    return int(_REPLY.unpack(message)[2])


def unpack_reply(message: bytes, file: BinaryIO | None) -> tuple[Reply, int]:
    """The reply of a message and the worker's resident bytes.

    Raises:
        ValueError: it is not what a worker sends.
        ReplyLost: the worker could not write it.
    """
    if len(message) < _REPLY.size:
        raise ValueError("the reply is cut off")
    kind, head_length, size, peak, resident, cpu = _REPLY.unpack_from(message)
    if kind == _LOST:
        raise ReplyLost(os.strerror(min(size, 4095)), resident)
    if kind not in (_INLINE, _IN_FILE):
        raise ValueError("the message is no reply")
    in_file = kind == _IN_FILE
    head = message[_REPLY.size : _REPLY.size + head_length]
    inline = message[_REPLY.size + head_length :]
    if len(head) != head_length or len(inline) != (0 if in_file else size):
        raise ValueError("the reply's lengths do not agree")
    if not in_file:
        return Reply(head, size, peak, cpu, inline), resident
    if file is None or os.fstat(file.fileno()).st_size != size:
        raise ValueError("the reply's file has another length")
    return Reply(head, size, peak, cpu, b"", HeldBytes(file, 0, size)), resident


def spool_file(folder: str | None) -> BinaryIO:
    """A nameless file, which takes its space with it when the last descriptor is closed."""
    return TemporaryFile(dir=folder, buffering=0)
