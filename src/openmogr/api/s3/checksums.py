"""The checksums that S3 clients send beside uploads: computed while bytes pass, compared, and joined over parts.

Source: "Checking object integrity" in the Amazon S3 User Guide. Values are Base64 of the digest, big-endian for CRCs.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from anycrc import Model

from openmogr.api.errors import InvalidRequest
from openmogr.errors import InvalidArgument
from openmogr.storage.errors import BadDigest
from openmogr.storage.interface import Checksum, Part

__all__ = [
    "ALGORITHMS",
    "HEADER_PREFIX",
    "Expected",
    "Running",
    "algorithm_named",
    "check_value",
    "checksum_header",
    "given_checksum",
    "joined",
    "type_of",
    "upload_checksum",
]

HEADER_PREFIX = "x-amz-checksum-"


class Running(Protocol):
    """A checksum under way."""

    def update(self, data: bytes, /) -> object: ...

    def digest(self) -> bytes: ...


class _Crc:
    """A CRC as a hash object."""

    def __init__(self, model: Model, width: int) -> None:
        self._model = model
        self._width = width
        self._value = model.calc(b"")

    def update(self, data: bytes) -> None:
        self._value = self._model.calc(data, self._value)

    def digest(self) -> bytes:
        return int(self._value).to_bytes(self._width, "big")


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One of the five.

    Attributes:
        name: as S3 writes it, ``CRC32``.
        size: of a digest, in bytes.
        begin: a new running checksum.
        model: for joining, of CRCs only.
    """

    name: str
    size: int
    begin: Callable[[], Running]
    model: Model | None = None

    @property
    def header(self) -> str:
        """The header that carries it."""
        return HEADER_PREFIX + self.name.lower()


def _crc(name: str, model_name: str, size: int) -> Algorithm:
    model = Model(model_name)
    return Algorithm(name, size, lambda: _Crc(model, size), model)


ALGORITHMS: Mapping[str, Algorithm] = {
    item.name: item
    for item in (
        _crc("CRC32", "CRC32", 4),
        _crc("CRC32C", "CRC32-ISCSI", 4),
        _crc("CRC64NVME", "CRC64-NVME", 8),
        # SHA-1 is the client's choice; nothing here relies on it for safety.
        Algorithm("SHA1", 20, lambda: hashlib.sha1(usedforsecurity=False)),
        Algorithm("SHA256", 32, hashlib.sha256),
    )
}


@dataclass(frozen=True, slots=True)
class Expected:
    """A checksum of a body that is announced.

    Attributes:
        value: Base64; None: a trailer brings it, or nothing does and it is only to be computed.
        trailer: whether it must come as a trailer.
    """

    algorithm: Algorithm
    value: str | None = None
    trailer: bool = False

    def check(self, digest: bytes, value: str | None) -> Checksum:
        """The checksum of a body that has come in. Raises ``BadDigest`` where it is not ``value``."""
        found = b64encode(digest).decode()
        if value is not None and not hmac.compare_digest(found.encode(), value.encode()):
            raise BadDigest(f"The {self.algorithm.name} you specified did not match the calculated checksum.")
        return Checksum(self.algorithm.name, found)


def algorithm_named(text: str) -> Algorithm:
    """Raises ``InvalidRequest`` for one that is not known."""
    try:
        return ALGORITHMS[text.strip().upper()]
    except KeyError:
        raise InvalidRequest(
            f"The checksum algorithm {text[:40]!r} is not supported; there are {', '.join(ALGORITHMS)}."
        ) from None


def given_checksum(get: Callable[[str], str | None]) -> Expected | None:
    """The one checksum that headers, read by ``get``, carry. Raises ``InvalidRequest``."""
    given = [(item, value) for item in ALGORITHMS.values() if (value := get(item.header)) is not None]
    if len(given) > 1:
        raise InvalidRequest(
            "Expecting a single x-amz-checksum- header. Multiple checksum types are not allowed."
        )
    if not given:
        return None
    algorithm, value = given[0]
    return Expected(algorithm, check_value(algorithm, value, algorithm.header))


def check_value(algorithm: Algorithm, value: str, name: str) -> str:
    """The value, if it can be one. Raises ``InvalidRequest`` naming where it stands."""
    try:
        size = len(b64decode(value, validate=True))
    except (Base64Error, ValueError):
        size = -1
    if size != algorithm.size:
        raise InvalidRequest(f"The value of {name} is not Base64 of {algorithm.size} bytes.")
    return value


def joined(upload: Checksum, parts: Iterable[Part]) -> Checksum | None:
    """The checksum of an object from those of its parts; None where a part has none of that algorithm."""
    algorithm = ALGORITHMS[upload.algorithm]
    digests: list[tuple[bytes, int]] = []
    for part in parts:
        if part.checksum is None or part.checksum.algorithm != upload.algorithm:
            return None
        digests.append((b64decode(part.checksum.value), part.size))
    if upload.composite:
        running = algorithm.begin()
        for digest, _ in digests:
            running.update(digest)
        return Checksum(
            upload.algorithm, f"{b64encode(running.digest()).decode()}-{len(digests)}", composite=True
        )
    model = algorithm.model
    assert model is not None
    value = int.from_bytes(digests[0][0], "big")
    for digest, size in digests[1:]:
        value = model.combine(value, int.from_bytes(digest, "big"), size)
    return Checksum(upload.algorithm, b64encode(int(value).to_bytes(algorithm.size, "big")).decode())


def upload_checksum(algorithm: str | None, kind: str | None) -> Checksum | None:
    """What an upload in parts is to have, by ``x-amz-checksum-algorithm`` and ``x-amz-checksum-type``.

    Raises:
        InvalidRequest: the algorithm cannot be had in that way.
        InvalidArgument: there is no such type.
    """
    if kind is not None and kind not in ("COMPOSITE", "FULL_OBJECT"):
        raise InvalidArgument("x-amz-checksum-type must be COMPOSITE or FULL_OBJECT.")
    if algorithm is None:
        if kind is not None:
            raise InvalidRequest("x-amz-checksum-type needs x-amz-checksum-algorithm.")
        return None
    found = algorithm_named(algorithm)
    composite = found.name != "CRC64NVME" if kind is None else kind == "COMPOSITE"
    if composite and found.name == "CRC64NVME":
        raise InvalidRequest("The COMPOSITE checksum type cannot be used with CRC64NVME.")
    if not composite and found.model is None:
        raise InvalidRequest(f"The FULL_OBJECT checksum type cannot be used with {found.name}.")
    return Checksum(found.name, "", composite)


def checksum_header(checksum: Checksum | None) -> list[tuple[bytes, bytes]]:
    """The headers that tell a checksum."""
    if checksum is None or not checksum.value:
        return []
    return [
        (ALGORITHMS[checksum.algorithm].header.encode(), checksum.value.encode()),
        (b"x-amz-checksum-type", type_of(checksum).encode()),
    ]


def type_of(checksum: Checksum) -> str:
    """``COMPOSITE`` or ``FULL_OBJECT``."""
    return "COMPOSITE" if checksum.composite else "FULL_OBJECT"
