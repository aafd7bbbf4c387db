"""A storage of which some buckets' objects lie in stores elsewhere, and are only read.

Everything else of such a bucket (that it is there, and the documents that configure it) is kept by the storage that
keeps all other buckets, in an empty one of the same name.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Self

from openmogr.errors import CosError
from openmogr.storage.errors import BucketAlreadyOwnedByYou, NoSuchUpload, ReadOnlyBucket, StorageUnusable
from openmogr.storage.interface import (
    Acl,
    Assembly,
    Bucket,
    Checksum,
    CompletedPart,
    ObjectAttributes,
    ObjectInfo,
    ObjectList,
    ObjectReader,
    Part,
    PartList,
    Promises,
    Staged,
    Storage,
    Upload,
    UploadList,
    Write,
)
from openmogr.storage.stores.reader import StoreReader
from openmogr.storage.stores.settings import StoreBucket
from openmogr.storage.stores.store import Store

__all__ = ["RoutedStorage"]

_log = logging.getLogger("openmogr.storage")

# What changes objects by itself.
_NOT_HERE = frozenset({"lifecycle"})


class RoutedStorage:
    """See :class:`openmogr.storage.interface.Storage`.

    Args:
        kept: keeps all other buckets; not started yet.
        stores: by the names of the buckets here.
        places: what the settings say of these.
        counts: of requests to stores by what became of them, for metrics.
        region: of buckets for which the settings name none.
    """

    def __init__(
        self,
        kept: Storage,
        stores: Mapping[str, Store],
        places: Mapping[str, StoreBucket],
        counts: Mapping[str, int],
        region: str,
    ) -> None:
        self._kept = kept
        self._stores = stores
        self._places = places
        self._region = region
        self.counts = counts

    async def __aenter__(self) -> Self:
        """Raises :class:`openmogr.storage.StorageUnusable`, saying why."""
        await self._kept.__aenter__()
        try:
            for name in self._stores:
                await self._make_room(name)
                _log.info("%s is read from %s", name, self._places[name].url)
        except BaseException as error:
            await self._kept.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._kept.__aexit__(kind, error, trace)

    async def _make_room(self, name: str) -> None:
        """See that there is a bucket without objects for what is kept here."""
        try:
            await self._kept.create_bucket(name, region=self._places[name].region or self._region)
        except BucketAlreadyOwnedByYou:
            objects = await self._kept.list_objects(name, max_keys=1)
            uploads = await self._kept.list_uploads(name, max_uploads=1)
            if objects.objects or uploads.uploads:
                raise StorageUnusable(
                    f"[gateway] names {name}, which has objects or uploads of its own in the data folder; take the"
                    " line out, or empty that bucket first"
                ) from None
        except CosError as error:
            raise StorageUnusable(f"[gateway] {name} cannot be made: {error.message}") from error

    @property
    def promises(self) -> Promises:
        return self._kept.promises

    async def check(self) -> None:
        # Not the stores: one that is down must not take all other buckets away.
        await self._kept.check()

    def is_read_only(self, name: str) -> bool:
        return name in self._stores

    def _writable(self, *names: str) -> Storage:
        if any(name in self._stores for name in names):
            raise ReadOnlyBucket
        return self._kept

    # Buckets

    def _shown(self, bucket: Bucket) -> Bucket:
        place = self._places.get(bucket.name)
        if place is None:
            return bucket
        acl = Acl.PUBLIC_READ if place.public else Acl.PRIVATE
        return replace(bucket, acl=acl, region=place.region or self._region)

    async def create_bucket(self, name: str, *, region: str, acl: Acl = Acl.PRIVATE) -> Bucket:
        return await self._kept.create_bucket(name, region=region, acl=acl)

    async def head_bucket(self, name: str) -> Bucket:
        return self._shown(await self._kept.head_bucket(name))

    async def list_buckets(self) -> Sequence[Bucket]:
        return [self._shown(bucket) for bucket in await self._kept.list_buckets()]

    async def delete_bucket(self, name: str) -> None:
        await self._writable(name).delete_bucket(name)

    async def set_bucket_acl(self, name: str, acl: Acl) -> None:
        await self._writable(name).set_bucket_acl(name, acl)

    async def get_bucket_document(self, name: str, kind: str) -> bytes | None:
        if kind in _NOT_HERE and name in self._stores:
            return None
        return await self._kept.get_bucket_document(name, kind)

    async def put_bucket_document(self, name: str, kind: str, document: bytes | None) -> None:
        kept = self._writable(name) if kind in _NOT_HERE else self._kept
        await kept.put_bucket_document(name, kind, document)

    # Objects

    def stage(self) -> AbstractAsyncContextManager[Staged]:
        return self._kept.stage()

    async def commit(self, writes: Sequence[Write]) -> Sequence[ObjectInfo]:
        kept = self._writable(*(write.bucket for write in writes))
        async with AsyncExitStack() as stack:
            taken: dict[int, Staged] = {}
            for write in writes:
                reader = write.content
                if isinstance(reader, StoreReader) and id(reader) not in taken:
                    taken[id(reader)] = await self._take(stack, reader)
            return await kept.commit(
                [replace(write, content=taken.get(id(write.content), write.content)) for write in writes]
            )

    async def _take(
        self, stack: AsyncExitStack, reader: ObjectReader, start: int = 0, stop: int | None = None
    ) -> Staged:
        """Bytes of a store, staged here."""
        staged = await stack.enter_async_context(self._kept.stage())
        async for chunk in reader.stream(start, stop):
            await staged.write(chunk)
        await staged.finish()
        return staged

    async def append_object(
        self, bucket: str, key: str, position: int, content: Staged, attributes: ObjectAttributes
    ) -> ObjectInfo:
        return await self._writable(bucket).append_object(bucket, key, position, content, attributes)

    async def head_object(self, bucket: str, key: str) -> ObjectInfo:
        store = self._stores.get(bucket)
        return await (self._kept.head_object(bucket, key) if store is None else store.head(key))

    async def open_object(self, bucket: str, key: str) -> ObjectReader:
        store = self._stores.get(bucket)
        return await (self._kept.open_object(bucket, key) if store is None else store.open(key))

    async def delete_objects(
        self, bucket: str, keys: Sequence[str], *, modified_until: datetime | None = None
    ) -> None:
        await self._writable(bucket).delete_objects(bucket, keys, modified_until=modified_until)

    async def set_object_acl(self, bucket: str, key: str, acl: Acl) -> None:
        await self._writable(bucket).set_object_acl(bucket, key, acl)

    async def set_object_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        await self._writable(bucket).set_object_tags(bucket, key, tags)

    async def list_objects(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", marker: str = "", max_keys: int = 1000
    ) -> ObjectList:
        store = self._stores.get(bucket)
        if store is not None:
            return await store.list_page(prefix, delimiter, marker, max_keys)
        return await self._kept.list_objects(
            bucket, prefix=prefix, delimiter=delimiter, marker=marker, max_keys=max_keys
        )

    # Multipart uploads, of which buckets that are only read have none

    async def create_upload(self, bucket: str, key: str, attributes: ObjectAttributes) -> Upload:
        return await self._writable(bucket).create_upload(bucket, key, attributes)

    async def put_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        content: Staged,
        checksum: Checksum | None = None,
    ) -> Part:
        return await self._writable(bucket).put_part(bucket, key, upload_id, number, content, checksum)

    async def copy_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        source: ObjectReader,
        start: int = 0,
        stop: int | None = None,
        checksum: Checksum | None = None,
    ) -> Part:
        kept = self._writable(bucket)
        if not isinstance(source, StoreReader):
            return await kept.copy_part(bucket, key, upload_id, number, source, start, stop, checksum)
        async with AsyncExitStack() as stack:
            staged = await self._take(stack, source, start, stop)
            return await kept.put_part(bucket, key, upload_id, number, staged, checksum)

    async def list_parts(
        self, bucket: str, key: str, upload_id: str, *, marker: int = 0, max_parts: int = 1000
    ) -> PartList:
        if bucket in self._stores:
            raise NoSuchUpload
        return await self._kept.list_parts(bucket, key, upload_id, marker=marker, max_parts=max_parts)

    async def list_uploads(
        self,
        bucket: str,
        *,
        prefix: str = "",
        delimiter: str = "",
        key_marker: str = "",
        upload_id_marker: str = "",
        max_uploads: int = 1000,
    ) -> UploadList:
        return await self._kept.list_uploads(
            bucket,
            prefix=prefix,
            delimiter=delimiter,
            key_marker=key_marker,
            upload_id_marker=upload_id_marker,
            max_uploads=max_uploads,
        )

    async def assemble(
        self, bucket: str, key: str, upload_id: str, parts: Sequence[CompletedPart]
    ) -> Assembly:
        return await self._writable(bucket).assemble(bucket, key, upload_id, parts)

    async def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        await self._writable(bucket).abort_upload(bucket, key, upload_id)
