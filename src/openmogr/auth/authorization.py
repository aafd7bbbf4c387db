"""The seven fields of a signature, wherever a request carries them (``docs/spec/api/signature.md#2``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, unquote_plus

from openmogr.errors import AccessDenied

__all__ = ["Authorization", "from_request", "parse_fields", "parse_time", "split_pairs"]

_TIME = re.compile(r"(\d{1,15});(\d{1,15})")
# How signers write it, with nothing that would have to be decoded.
_USUAL = re.compile(
    r"q-sign-algorithm=sha1&q-ak=([^&\s%]+)&q-sign-time=([^&\s%]+)&q-key-time=([^&\s%]+)"
    r"&q-header-list=([^&\s]*)&q-url-param-list=([^&\s]*)&q-signature=([^&\s%]+)"
)


@dataclass(frozen=True, slots=True)
class Authorization:
    """The fields as sent; ``header_list`` and ``parameter_list`` hold lower-case, percent-encoded names.

    Attributes:
        in_query: the fields stood in the URL.
    """

    secret_id: str
    sign_time: str
    key_time: str
    header_list: tuple[str, ...]
    parameter_list: tuple[str, ...]
    signature: str
    in_query: bool = False


def split_pairs(text: str) -> dict[str, str]:
    """``k=v&k=v`` in any order, with space around it, undecoded. Of a repeated name the last one counts."""
    pairs = (item.partition("=") for item in text.strip().split("&"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def parse_fields(fields: Mapping[str, str], *, in_query: bool = False) -> Authorization:
    """Raises ``AccessDenied`` when a field is missing or the algorithm is another one."""
    for name in ("q-sign-algorithm", "q-ak", "q-sign-time", "q-key-time", "q-signature"):
        if not fields.get(name):
            raise AccessDenied(f"The signature lacks the field {name}.")
    if fields["q-sign-algorithm"] != "sha1":
        raise AccessDenied("The signature algorithm must be sha1.")
    return Authorization(
        secret_id=fields["q-ak"],
        sign_time=fields["q-sign-time"],
        key_time=fields["q-key-time"],
        header_list=_names(fields.get("q-header-list", "")),
        parameter_list=_names(fields.get("q-url-param-list", "")),
        signature=fields["q-signature"],
        in_query=in_query,
    )


# A client signs many requests with one time.
@lru_cache(maxsize=1024)
def parse_time(text: str) -> tuple[int, int]:
    """``<start>;<end>`` in Unix seconds. Raises ``AccessDenied``."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise AccessDenied(
            "q-sign-time and q-key-time are a start and an end in Unix seconds, joined by a semicolon."
        )
    return int(match[1]), int(match[2])


def from_request(header: str | None, query: Iterable[str]) -> Authorization | None:
    """Find the signature in the ``Authorization`` header or in raw query items; None when anonymous.

    The header wins. An empty header is that of an anonymous client.
    """
    if header is not None and (usual := _USUAL.fullmatch(header)):
        secret_id, sign_time, key_time, headers, parameters, signature = usual.groups()
        return Authorization(secret_id, sign_time, key_time, _names(headers), _names(parameters), signature)
    if header is not None and header.strip():
        fields = split_pairs(header)
        if any("%3B" in fields.get(name, "").upper() for name in ("q-sign-time", "q-key-time")):
            fields = {name: unquote(value) for name, value in fields.items()}
        return parse_fields(fields)
    fields = {}
    for item in query:
        name, _, value = item.partition("=")
        if name.startswith("q-"):
            fields[name] = unquote_plus(value)
        elif name == "sign" and "q-" in value:
            fields |= split_pairs(unquote(value))
    return (
        parse_fields(fields, in_query=True)
        if fields.keys() & {"q-sign-algorithm", "q-signature", "q-ak"}
        else None
    )


def _names(text: str) -> tuple[str, ...]:
    if ";" not in text:
        return (text,) if text else ()
    return tuple(name for name in text.split(";") if name)
