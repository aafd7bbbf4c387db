"""A reader of bits, most significant first, with the codes that AV1 and HEVC headers are made of."""

from __future__ import annotations

__all__ = ["BitReader"]

_LONGEST_CODE = 32


class BitReader:
    """Reads from the first bit of ``data``.

    Raises:
        EOFError: from every method, where the data is over.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def flag(self) -> bool:
        """One bit."""
        return bool(self.bits(1))

    def bits(self, count: int) -> int:
        """An unsigned number of ``count`` bits; 0 of none."""
        start, stop = self._position, self._position + count
        if stop > 8 * len(self._data):
            raise EOFError("the header is cut off")
        self._position = stop
        whole = int.from_bytes(self._data[start // 8 : (stop + 7) // 8], "big")
        return whole >> -stop % 8 & ((1 << count) - 1)

    def skip(self, count: int) -> None:
        """Pass over ``count`` bits."""
        self.bits(count)

    def signed(self, count: int) -> int:
        """A number in two's complement: ``su(count)`` of AV1 section 4.10.6."""
        value = self.bits(count)
        return value - (1 << count) if value >> (count - 1) else value

    def non_symmetric(self, values: int) -> int:
        """A number below ``values``: ``ns(values)`` of AV1 section 4.10.7."""
        width = values.bit_length()
        short = (1 << width) - values
        value = self.bits(width - 1)
        return value if value < short else (value << 1) - short + self.bits(1)

    def exp_golomb(self) -> int:
        """``ue(v)`` of HEVC section 9.2, ``uvlc()`` of AV1 section 4.10.3.

        Raises:
            ValueError: it has more than 32 bits.
        """
        zeros = 0
        while not self.flag():
            zeros += 1
            if zeros == _LONGEST_CODE:
                raise ValueError("a number of the header is too long")
        return (1 << zeros) - 1 + self.bits(zeros)

    def signed_exp_golomb(self) -> int:
        """``se(v)`` of HEVC section 9.2.2: 0, 1, -1, 2, -2 and so on."""
        number = self.exp_golomb()
        return (number + 1) // 2 if number & 1 else -(number // 2)

    def byte_aligned(self) -> bytes:
        """What is left from the next whole byte on."""
        return self._data[(self._position + 7) // 8 :]
