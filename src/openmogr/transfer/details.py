"""What ``obstore`` does not tell: ACL and tags of objects, styles of a bucket, asked for with signed requests.

By ``GET ?acl`` and ``GET ?tagging`` as COS and S3 have them, each with its own signature, and ``GET ?style`` of CI.
"""

from __future__ import annotations

import asyncio
import http.client
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from openmogr.storage.interface import Acl
from openmogr.transfer.signing import BucketHost, Signer, code_of

__all__ = ["Details", "DetailsSource"]

_MAX_BYTES = 256 * 1024
_TRIES = 3
_PAUSE_SECONDS = 1.0
_READ = ("READ", "FULL_CONTROL")


@dataclass(frozen=True, slots=True)
class Details:
    """Of one object."""

    acl: Acl = Acl.DEFAULT
    tags: Mapping[str, str] = field(default_factory=dict)


class _NotThere(ValueError):
    """There is none."""


class _NotTold(Exception):
    """An answer that may be another one when it is asked for again."""


class DetailsSource:
    """Asks a bucket for the details of its objects.

    Args:
        root: its URL, behind which the keys stand.
        sign: gives the headers of a signature.
    """

    def __init__(self, root: str, sign: Signer) -> None:
        self._host = BucketHost.of(root)
        self._sign = sign
        # One connection for each thread, as long as it lives.
        self._local = threading.local()

    async def of(self, key: str) -> Details:
        """The details of an object. Raises ``OSError`` or ``ValueError``, saying why they are not known."""
        return await asyncio.to_thread(self._of, key)

    async def styles(self) -> Mapping[str, str]:
        """Operation texts by the names of the bucket's styles, where the root is that of its CI host.

        Raises ``OSError`` or ``ValueError``, saying why they are not known.
        """
        return await asyncio.to_thread(self._styles)

    def _styles(self) -> Mapping[str, str]:
        try:
            _, document = self._ask("", "style")
        except _NotThere:
            return {}
        rules = (rule for rule in document.iter() if _name(rule) == "StyleRule")
        return {_text(rule, "StyleName"): _text(rule, "StyleBody") for rule in rules}

    def _of(self, key: str) -> Details:
        acl, tagging = self._ask(key, "acl"), self._ask(key, "tagging")
        tags = {_text(tag, "Key"): _text(tag, "Value") for tag in tagging[1].iter() if _name(tag) == "Tag"}
        return Details(_acl(*acl), tags)

    def _ask(self, key: str, subresource: str) -> tuple[str, Element]:
        """The header ``x-cos-acl``, and the document."""
        path = f"{self._host.path}/{quote(key)}"
        for number in range(_TRIES):
            try:
                return self._answer(path, subresource)
            except (OSError, http.client.HTTPException, _NotTold) as error:
                self._forget()
                if number == _TRIES - 1:
                    raise OSError(f"its {subresource}: {error}") from error
                time.sleep(_PAUSE_SECONDS * number)
        raise AssertionError

    def _answer(self, path: str, subresource: str) -> tuple[str, Element]:
        connection = self._connection()
        connection.request(
            "GET",
            f"{path}?{subresource}",
            headers=self._host.headers(self._sign, "GET", path, subresource),
        )
        answer = connection.getresponse()
        body = answer.read(_MAX_BYTES + 1)
        if answer.status >= 500:
            raise _NotTold(f"{answer.status} {answer.reason}")
        if answer.status != 200 or len(body) > _MAX_BYTES:
            self._forget()
            kind = _NotThere if answer.status == 404 else ValueError
            raise kind(f"its {subresource} is not told: {answer.status} {code_of(body)}".rstrip())
        try:
            return answer.getheader("x-cos-acl") or "", fromstring(body, forbid_dtd=True)
        except (ParseError, DefusedXmlException) as error:
            raise ValueError(f"its {subresource} is no XML: {error}") from error

    def _connection(self) -> http.client.HTTPConnection:
        found: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._local.connection = self._host.connection()
        return found

    def _forget(self) -> None:
        found: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        self._local.connection = None
        if found is not None:
            found.close()


def _acl(header: str, document: Element) -> Acl:
    """What everybody may: what is not granted to them is private, unless COS says that it is the bucket's ACL."""
    if header == Acl.DEFAULT:
        return Acl.DEFAULT
    for grant in document.iter():
        if _name(grant) != "Grant":
            continue
        uris = [item.text or "" for item in grant.iter() if _name(item) == "URI"]
        if any(uri.endswith("/AllUsers") for uri in uris) and _text(grant, "Permission") in _READ:
            return Acl.PUBLIC_READ
    return Acl.PRIVATE


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: Element, name: str) -> str:
    return next((item.text or "" for item in element if _name(item) == name), "")
