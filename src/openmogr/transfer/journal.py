"""What an import has done: a line of JSON for each object, so that a second run goes on where the first one ended."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Journal"]


class Journal:
    """Opens the file on entering, made if missing.

    Args:
        path: of the file; a line that was cut off is left out.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done: dict[str, tuple[str, int]] = {}
        self._file = -1

    def __enter__(self) -> Self:
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        text = self._path.read_text(encoding="utf-8")
        for line in text.splitlines():
            try:
                item = json.loads(line)
                self._done[item["key"]] = item["etag"], item["size"]
            except (ValueError, KeyError, TypeError):
                continue
        if text and not text.endswith("\n"):
            os.write(self._file, b"\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def __contains__(self, item: tuple[str, str, int]) -> bool:
        """Whether an object was taken in with this key, ETag and size."""
        key, etag, size = item
        return self._done.get(key) == (etag, size)

    def add(self, key: str, etag: str, size: int) -> None:
        """An object is stored."""
        self._done[key] = etag, size
        line = json.dumps({"key": key, "etag": etag, "size": size}, ensure_ascii=False)
        os.write(self._file, line.encode("utf-8", "replace") + b"\n")
