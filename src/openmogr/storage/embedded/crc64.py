"""CRC-64/XZ, COS's ``x-cos-hash-crc64ecma``: ECMA-182's polynomial, reflected, all ones in and out."""

from __future__ import annotations

from functools import lru_cache

from fastcrc import crc64 as _crc64

__all__ = ["combine", "update"]

# The polynomial without its x^64, lowest degree in the highest bit.
_POLYNOMIAL = 0xC96C5795D7870F42
_ONE = 1 << 63


def update(crc: int, data: bytes) -> int:
    """Continue a CRC (0 to begin) over more bytes."""
    return _crc64.xz(data, crc)


def combine(first: int, second: int, second_length: int) -> int:
    """The CRC of two byte strings joined, from the CRC of each and the length of the second in bytes."""
    return _multiply(_byte_shift(second_length), first) ^ second


def _multiply(a: int, b: int) -> int:
    """The product of two polynomials over GF(2), modulo the CRC's polynomial, all reflected."""
    product = 0
    bit = _ONE
    while a:
        if a & bit:
            product ^= b
            a ^= bit
        bit >>= 1
        b = (b >> 1) ^ _POLYNOMIAL if b & 1 else b >> 1
    return product


@lru_cache(maxsize=256)
def _byte_shift(length: int) -> int:
    """x to the power of 8 * length, by repeated squaring. Cached: an upload's parts mostly have one size."""
    result = _ONE
    square = _ONE >> 8
    while length:
        if length & 1:
            result = _multiply(square, result)
        square = _multiply(square, square)
        length >>= 1
    return result
