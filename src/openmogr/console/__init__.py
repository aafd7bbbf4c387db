"""The files of the console: modules, styles and the page that loads them, as browsers get them; nothing is built.

Beside them lies the decoder of ``@openmogr/tpg``, in ``decoder``, where ``make wasm`` has built it; the console does
without it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType

__all__ = ["PAGE", "File", "files", "has_decoder"]

# The name of the page among the files.
PAGE = "index.html"
# Below which the files of the decoder are, and the one that is there when all are.
_DECODER = "tpg/"
_DECODER_WHOLE = f"{_DECODER}decode.js"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}


@dataclass(frozen=True, slots=True)
class File:
    """A file of the console.

    Attributes:
        content_type: its media type.
        etag: with its quotes; it changes with the bytes.
    """

    data: bytes
    content_type: str
    etag: str


@cache
def files() -> Mapping[str, File]:
    """All of them by their paths, read once."""
    package = resources.files(__package__)
    found = dict(_found(package.joinpath("static"), ""))
    decoder = package.joinpath("decoder")
    if decoder.is_dir():
        found.update(_found(decoder, _DECODER))
    return MappingProxyType(found)


def has_decoder() -> bool:
    """Whether pages can decode TPG: below ``tpg/`` there is what ``make wasm`` builds."""
    return _DECODER_WHOLE in files()


def _found(folder: Traversable, prefix: str) -> list[tuple[str, File]]:
    found: list[tuple[str, File]] = []
    for item in folder.iterdir():
        name = prefix + item.name
        if item.is_dir():
            found += _found(item, f"{name}/")
        elif (kind := _TYPES.get("." + item.name.rpartition(".")[2])) is not None:
            data = item.read_bytes()
            found.append((name, File(data, kind, f'"{hashlib.sha256(data).hexdigest()[:32]}"')))
    return found
