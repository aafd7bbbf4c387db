"""Where results are written: each appears whole or not at all, and over nothing that was not meant."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import itertools
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from openmogr.bulk.errors import BulkError, ObjectFailed
from openmogr.bulk.model import PlaceUrl, Reason
from openmogr.bulk.places import STATE_FOLDER, open_bucket, prefix_of
from openmogr.storage.stores.errors import scrubbed
from openmogr.storage.stores.opening import secrets_at_hand

__all__ = ["BucketTarget", "FolderTarget", "TargetPlace", "clear_parts", "open_target"]

_PARTS = "parts"
# What a file system without hard links says.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_OTHER = "there is another object of that key, which this run did not make; --overwrite replaces it"


class TargetPlace(Protocol):
    """A place that results are written to."""

    async def put(self, key: str, data: bytes, content_type: str, *, replace: bool) -> None:
        """Write one, in one step. The same bytes that are there already are as good as written.

        Args:
            key: checked by ``key_problem``.
            data: all of it.
            content_type: told to a bucket.
            replace: whether another object of that key may be replaced.

        Raises:
            ObjectFailed: there is another object, or it cannot be written.
        """

    async def settle(self) -> None:
        """Make sure that what was written outlives a loss of power."""


def open_target(place: PlaceUrl) -> TargetPlace:
    """A place to write to; a folder is made. Raises ``BulkError``."""
    return FolderTarget(Path(place.url)) if place.is_folder else BucketTarget(place)


def clear_parts(folder: Path) -> None:
    """Remove what was on its way when a run was killed. For whoever has the ledger, with nobody at work."""
    for left in (folder / STATE_FOLDER / _PARTS).glob("*"):
        left.unlink(missing_ok=True)


class FolderTarget:
    """Files of a folder. They are written in a folder of their own below it, then put in their places."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts = folder / STATE_FOLDER / _PARTS
        try:
            self._parts.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BulkError(f"{folder} cannot be written: {error.strerror}") from error
        # No two processes write one file, on whatever machines.
        self._name = f"{socket.gethostname()}-{os.getpid()}-{os.urandom(4).hex()}"
        self._numbers = itertools.count()

    async def put(self, key: str, data: bytes, content_type: str, *, replace: bool) -> None:
        """Write one file."""
        del content_type
        # Some system calls on a file in the page cache: a thread would take longer.
        part = self._parts / f"{self._name}-{next(self._numbers)}"
        target = self._folder / key
        try:
            part.write_bytes(data)
            self._place(part, target, data, replace=replace)
        except OSError as error:
            raise ObjectFailed(Reason.TARGET, f"it cannot be written: {error.strerror}") from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def _place(self, part: Path, target: Path, data: bytes, *, replace: bool) -> None:
        for is_again in (False, False, True):
            try:
                if replace:
                    part.replace(target)
                else:
                    target.hardlink_to(part)
                return
            except FileExistsError:
                if not _holds(target, data):
                    raise ObjectFailed(Reason.EXISTS, _OTHER) from None
                return
            except FileNotFoundError:
                if is_again:
                    raise
                target.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                if error.errno not in _NO_LINKS or replace:
                    raise
                if target.exists():
                    if not _holds(target, data):
                        raise ObjectFailed(Reason.EXISTS, _OTHER) from None
                    return
                replace = True

    async def settle(self) -> None:
        """``syncfs``, once for many files."""
        await asyncio.to_thread(_sync, self._parts)


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None or syncfs(descriptor):
            os.sync()
    finally:
        os.close(descriptor)


class BucketTarget:
    """Objects of a bucket, below the path of the URL.

    Whether there is another object is asked of the store in the same request where it can do that (``If-None-Match``),
    else by a request before.
    """

    def __init__(self, place: PlaceUrl) -> None:
        self._store = open_bucket(place)
        prefix = prefix_of(place)
        self._prefix = f"{prefix.rstrip('/')}/" if prefix else ""
        # COS does not look at the condition.
        self._asks_first = urlsplit(place.url).scheme == "cos"

    async def put(self, key: str, data: bytes, content_type: str, *, replace: bool) -> None:
        """Write one object."""
        from obstore import exceptions

        key = self._prefix + key
        try:
            if replace:
                await self._put(key, data, content_type, "overwrite")
            elif self._asks_first:
                await self._put_after_asking(key, data, content_type)
            else:
                try:
                    await self._put(key, data, content_type, "create")
                except (exceptions.NotSupportedError, NotImplementedError):
                    self._asks_first = True
                    await self._put_after_asking(key, data, content_type)
                except (exceptions.AlreadyExistsError, FileExistsError, exceptions.PreconditionError):
                    if not await self._holds(key, data):
                        raise ObjectFailed(Reason.EXISTS, _OTHER) from None
        except ObjectFailed:
            raise
        except Exception as error:  # whatever a store's client raises
            told = scrubbed(str(error), secrets_at_hand())
            raise ObjectFailed(Reason.TARGET, f"it cannot be written: {told}", transient=True) from error

    async def settle(self) -> None:
        """A store that has answered has stored it."""

    async def _put_after_asking(self, key: str, data: bytes, content_type: str) -> None:
        import obstore

        try:
            found = await obstore.head_async(self._store, key)
        except FileNotFoundError:
            await self._put(key, data, content_type, "overwrite")
            return
        if int(found["size"]) != len(data) or not await self._holds(key, data):
            raise ObjectFailed(Reason.EXISTS, _OTHER)

    async def _put(self, key: str, data: bytes, content_type: str, mode: Any) -> None:
        import obstore

        attributes = {"Content-Type": content_type}
        await obstore.put_async(self._store, key, data, attributes=attributes, mode=mode, use_multipart=False)

    async def _holds(self, key: str, data: bytes) -> bool:
        import obstore

        result = await obstore.get_async(self._store, key)
        return int(result.meta["size"]) == len(data) and bytes(await result.bytes_async()) == data
