"""Tells a URL that a job has ended, without being led anywhere else.

Only hosts that the operator lists are called, only at public addresses or in networks that the operator lists, at the
very address that was checked; redirects are not followed.
"""

from __future__ import annotations

import asyncio
import http.client
import logging
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from openmogr.errors import InvalidArgument
from openmogr.jobs import JobSettings

__all__ = ["Callback", "CallbackError", "send_callback"]

_log = logging.getLogger("openmogr.jobs")

_TRIES = 3
_PAUSE_SECONDS = 1.0


class CallbackError(Exception):
    """A callback that was not taken; the text says why."""


@dataclass(frozen=True, slots=True)
class Callback:
    """A URL that may be called."""

    url: SplitResult

    @classmethod
    def checked(cls, text: str, settings: JobSettings) -> Callback:
        """That of a text.

        Raises:
            InvalidArgument: it is no URL of a host that callbacks may go to.
        """
        try:
            url = urlsplit(text)
            port = url.port
        except ValueError:
            raise InvalidArgument("CallBack is not a URL.") from None
        if url.scheme not in ("http", "https") or not url.hostname or url.username or port == 0:
            raise InvalidArgument("CallBack must be the URL of a host by http or https, without a user.")
        if not any(_matches(pattern, url.hostname) for pattern in settings.callback_hosts):
            raise InvalidArgument(f"Callbacks to {url.hostname[:100]!r} are not allowed here.")
        return cls(url)


def _matches(pattern: str, host: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", r"[^.]+"), host, re.IGNORECASE) is not None


async def send_callback(callback: Callback, body: bytes, content_type: str, settings: JobSettings) -> None:
    """POST ``body``, up to three times until it is taken with 2xx. Raises ``CallbackError``."""
    for number in range(_TRIES):
        if number:
            await asyncio.sleep(_PAUSE_SECONDS * number)
        try:
            return await asyncio.to_thread(_post, callback.url, body, content_type, settings)
        except (OSError, http.client.HTTPException, CallbackError) as error:
            _log.info("callback to %s: %s", callback.url.hostname, error)
            last = error
    raise CallbackError(f"{callback.url.hostname}: {last}")


def _post(url: SplitResult, body: bytes, content_type: str, settings: JobSettings) -> None:
    assert url.hostname is not None
    port = url.port or (443 if url.scheme == "https" else 80)
    connection = _Connection(url.hostname, port, timeout=settings.callback_timeout)
    connection.address = _address(url.hostname, port, settings)
    connection.secure = url.scheme == "https"
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    try:
        connection.request("POST", target, body, {"Content-Type": content_type, "User-Agent": "openmogr"})
        status = connection.getresponse().status
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise CallbackError(f"answered {status}")


def _address(
    host: str,
    port: int,
    settings: JobSettings,
    resolve: Callable[..., list[tuple[object, ...]]] | None = None,
) -> tuple[str, int]:
    """Where the host is, if that is a place to be called."""
    found = (resolve or socket.getaddrinfo)(host, port, type=socket.SOCK_STREAM)
    allowed = [ip_network(text, strict=False) for text in settings.callback_networks]
    for *_, place in found:
        assert isinstance(place, tuple)
        address = ip_address(str(place[0]).partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped or address
        if (address.is_global and not address.is_multicast) or any(address in network for network in allowed):
            return str(place[0]), port
    raise CallbackError(f"{host} has no public address")


class _Connection(http.client.HTTPConnection):
    """To the address that was checked, whatever the name means a moment later."""

    address: tuple[str, int]
    secure = False

    def connect(self) -> None:
        self.sock = socket.create_connection(self.address, self.timeout)
        if self.secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)
