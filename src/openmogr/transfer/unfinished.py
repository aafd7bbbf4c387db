"""Multipart uploads of S3 and COS that nobody will finish: found by their key and ended, which ``obstore`` cannot."""

from __future__ import annotations

import asyncio
import http.client
import logging
from urllib.parse import quote
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from openmogr.storage.stores.opening import CannotOpen
from openmogr.storage.stores.settings import StoreBucket
from openmogr.transfer.signing import BucketHost, Signer, bucket_of, code_of

__all__ = ["UnfinishedUploads", "unfinished_uploads"]

_log = logging.getLogger("openmogr.storage")
_MAX_BYTES = 4 << 20


def unfinished_uploads(place: StoreBucket) -> UnfinishedUploads | None:
    """Those of a store; None where it is another kind of store, or where its keys are not in the environment."""
    try:
        return UnfinishedUploads(*bucket_of(place.url, place.endpoint, place.region))
    except CannotOpen:
        return None


class _Refused(Exception):
    """An answer that will be the same again."""


class UnfinishedUploads:
    """Ends uploads of a bucket.

    Args:
        root: its URL, behind which the keys stand.
        sign: gives the headers of a signature.
    """

    def __init__(self, root: str, sign: Signer) -> None:
        self._host = BucketHost.of(root)
        self._sign = sign

    async def end(self, key: str) -> None:
        """End all uploads of a key, and of no other; what the store refuses is logged and left to it.

        Raises:
            OSError: the store cannot be reached, or is not well.
        """
        await asyncio.to_thread(self._end, key)

    def _end(self, key: str) -> None:
        try:
            for upload in self._uploads(key):
                self._ask("DELETE", f"/{quote(key)}", f"uploadId={quote(upload, safe='')}")
                _log.info("ended an upload of the store that was cut off: %s", key)
        except _Refused as error:
            _log.warning("uploads of the store that were cut off are left to it: %s", error)
        except http.client.HTTPException as error:
            raise OSError(f"no answer about unfinished uploads: {error}") from error

    def _uploads(self, key: str) -> list[str]:
        # The key as the prefix: of MinIO no other tells anything, and elsewhere its uploads come first.
        body = self._ask("GET", "/", f"prefix={quote(key, safe='')}&uploads=")
        try:
            document = fromstring(body, forbid_dtd=True)
        except (ParseError, DefusedXmlException) as error:
            raise _Refused(f"the list of uploads is no XML: {error}") from error
        uploads = []
        for item in document.iter():
            if item.tag.rpartition("}")[2] == "Upload":
                told = {field.tag.rpartition("}")[2]: field.text or "" for field in item}
                if told.get("Key") == key and told.get("UploadId"):
                    uploads.append(told["UploadId"])
        return uploads

    def _ask(self, method: str, path: str, query: str) -> bytes:
        path = self._host.path + path
        connection = self._host.connection()
        try:
            headers = self._host.headers(self._sign, method, path, query)
            connection.request(method, f"{path}?{query}", headers=headers)
            answer = connection.getresponse()
            body = answer.read(_MAX_BYTES)
        finally:
            connection.close()
        if answer.status >= 500:
            raise OSError(f"{answer.status} {answer.reason}")
        # Somebody else may have ended it.
        if answer.status >= 300 and (method, answer.status) != ("DELETE", 404):
            raise _Refused(f"{answer.status} {code_of(body)}".rstrip())
        return body
