"""Bytes that lie in a file without a name, shared by all who send them."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

__all__ = ["HeldBytes"]

_READ_CHUNK = 1 << 20


class _Holder:
    """An open file, closed when the last part of it is let go."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.parts = 0
        self.when_gone: Callable[[], object] | None = None


class HeldBytes:
    """A part of an open file. Its space is free again when every part is closed.

    Args:
        file: what the parts own from now on; or another part of the same file.
        start: where the part begins.
        size: its bytes.
    """

    def __init__(self, file: BinaryIO | HeldBytes, start: int, size: int) -> None:
        self._holder: _Holder | None = None
        holder = file._held() if isinstance(file, HeldBytes) else _Holder(file)
        holder.parts += 1
        self._holder = holder
        self._start = start
        self.size = size

    def share(self) -> HeldBytes:
        """The same bytes for somebody else, who closes them too."""
        return HeldBytes(self, self._start, self.size)

    def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes ``start`` to ``stop`` (exclusive; None: end).

        Raises:
            OSError: there are fewer.
        """
        descriptor = self._held().file.fileno()
        stop = self.size if stop is None else min(stop, self.size)
        pieces = []
        while start < stop:
            piece = os.pread(descriptor, min(stop - start, _READ_CHUNK), self._start + start)
            if not piece:
                raise OSError(f"a file ends {stop - start} bytes early")
            pieces.append(piece)
            start += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def when_gone(self, told: Callable[[], object]) -> None:
        """Have ``told`` called once when the last part is closed, in whatever thread that is."""
        self._held().when_gone = told

    @property
    def is_counted(self) -> bool:
        """Whether somebody is told when the last part is closed."""
        return self._held().when_gone is not None

    @property
    def closed(self) -> bool:
        """Whether this part was let go."""
        return self._holder is None

    def close(self) -> None:
        """Let go of it. Closing twice is fine."""
        holder, self._holder = self._holder, None
        if holder is not None:
            holder.parts -= 1
            if not holder.parts:
                holder.file.close()
                if holder.when_gone is not None:
                    holder.when_gone()

    def __del__(self) -> None:
        # Whoever was interrupted between getting and closing it.
        with suppress(Exception):
            self.close()

    def _held(self) -> _Holder:
        if self._holder is None:
            raise ValueError("the bytes were let go")
        return self._holder
