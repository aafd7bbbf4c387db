"""Messages with file descriptors over a stream socket, one writer and one reader at each end."""

from __future__ import annotations

import array
import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["MAX_MESSAGE", "Inbox", "Message", "send"]

MAX_MESSAGE = 200 * 1024

# The output of a job, its source, and ten further images of each of five rules.
_MAX_DESCRIPTORS = 64
_HEAD = struct.Struct("<IB")


@dataclass(frozen=True, slots=True)
class Message:
    """Bytes, and descriptors that the receiver owns."""

    body: bytes
    descriptors: Sequence[int]


def send(sock: socket.socket, body: bytes, descriptors: Sequence[int] = ()) -> None:
    """Send one message. On a socket that does not block it must fit into the buffer.

    Raises:
        ValueError: it is longer than ``MAX_MESSAGE``.
        OSError: the other end is gone, or does not read.
    """
    if len(body) > MAX_MESSAGE:
        raise ValueError(f"a message of {len(body)} bytes; at most {MAX_MESSAGE} are sent")
    data = memoryview(_HEAD.pack(len(body), len(descriptors)) + body)
    sent = socket.send_fds(sock, [data], list(descriptors)) if descriptors else sock.send(data)
    if sent < len(data):
        sock.sendall(data[sent:])


class Inbox:
    """Puts messages together again."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._data = bytearray()
        self._descriptors: list[int] = []

    def feed(self) -> bool:
        """Receive once; False at the end of the stream."""
        space = socket.CMSG_SPACE(_MAX_DESCRIPTORS * array.array("i").itemsize)
        data, ancillary, _, _ = self._sock.recvmsg(1 << 18, space)
        for level, kind, raw in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers = array.array("i")
                numbers.frombytes(raw[: len(raw) - len(raw) % numbers.itemsize])
                self._descriptors.extend(numbers)
        self._data += data
        return bool(data)

    def next(self) -> Message | None:
        """The next whole message, if there is one.

        Raises:
            ValueError: the other end announces a message that is too long.
        """
        if len(self._data) < _HEAD.size:
            return None
        length, count = _HEAD.unpack_from(self._data)
        if length > MAX_MESSAGE:
            raise ValueError(f"a message of {length} bytes is announced")
        end = _HEAD.size + length
        if len(self._data) < end or len(self._descriptors) < count:
            return None
        body = bytes(self._data[_HEAD.size : end])
        del self._data[:end]
        descriptors, self._descriptors = self._descriptors[:count], self._descriptors[count:]
        return Message(body, descriptors)

    def wait(self) -> Message | None:
        """The next message of a blocking socket; None at the end of the stream."""
        while (message := self.next()) is None:
            try:
                if not self.feed():
                    return None
            except ConnectionError:
                return None
        return message

    def close(self) -> None:
        """Close descriptors that nobody asked for."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()
