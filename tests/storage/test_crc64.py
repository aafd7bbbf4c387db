"""CRC-64/XZ: the published check value, and joining."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from openmogr.storage.embedded import crc64


def test_check_value() -> None:
    assert crc64.update(0, b"123456789") == 0x995DC9BBDF1939FA == 11051210869376104954
    assert crc64.update(0, b"") == 0


@given(st.binary(), st.binary())
def test_parts_join(first: bytes, second: bytes) -> None:
    whole = crc64.update(0, first + second)
    assert crc64.update(crc64.update(0, first), second) == whole
    assert crc64.combine(crc64.update(0, first), crc64.update(0, second), len(second)) == whole


def test_large_parts_join() -> None:
    zeros = bytes(5_000_000)
    first = crc64.update(0, b"begin")
    assert crc64.combine(first, crc64.update(0, zeros), len(zeros)) == crc64.update(first, zeros)
