"""Colour by code points (ITU-T H.273), as HEIF and AVIF carry it, in the shape of an ICC profile."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

__all__ = ["nclx_profile", "read_nclx"]

_Matrix = npt.NDArray[np.float64]

# H.273 table 2: x and y of red, green and blue; all of these have the white point D65.
_PRIMARIES = {
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_D65 = (0.3127, 0.3290)
_D50 = np.array([0.9642, 1.0, 0.8249])

# H.273 table 3: the curves that SDR pictures have. Those of BT.709 and its kin are shown as sRGB's, as viewers do.
_SRGB_LIKE = {1, 2, 6, 13, 14, 15}
_GAMMA = {4: 2.2, 5: 2.8, 8: 1.0}

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@lru_cache(maxsize=16)
def nclx_profile(primaries: int, transfer: int) -> bytes | None:
    """An ICC profile for wide-gamut code points; None where sRGB is meant or the curve is one of HDR."""
    if primaries not in _PRIMARIES or (transfer not in _SRGB_LIKE and transfer not in _GAMMA):
        return None
    colorants = _colorants(_PRIMARIES[primaries])
    if transfer in _GAMMA:
        curve = b"para" + bytes(4) + struct.pack(">HHi", 0, 0, _fixed(_GAMMA[transfer]))
    else:
        # IEC 61966-2-1: gamma, a, b, c, d of the parametric curve of type 3.
        parameters = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
        curve = b"para" + bytes(4) + struct.pack(">HH5i", 3, 0, *map(_fixed, parameters))
    tags = {name: _xyz(colorants[:, i]) for i, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    tags |= {b"wtpt": _xyz(_D50), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    return _profile(tags)


def read_nclx(stream: BinaryIO) -> tuple[int, int] | None:
    """Primaries and transfer of the first ``colr`` box of type ``nclx`` in the first 64 KiB of ISO media."""
    stream.seek(0)
    header = stream.read(65536)
    position = header.find(b"colrnclx")
    if position < 0 or position + 12 > len(header):
        return None
    primaries, transfer = struct.unpack_from(">HH", header, position + 8)
    return int(primaries), int(transfer)


def _colorants(primaries: tuple[tuple[float, float], ...]) -> _Matrix:
    """Columns are red, green and blue in XYZ, adapted from D65 to the profile connection space's D50."""

    def xyz(x: float, y: float) -> _Matrix:
        return np.array([x / y, 1.0, (1 - x - y) / y])

    raw = np.stack([xyz(x, y) for x, y in primaries], axis=1)
    white = xyz(*_D65)
    scaled = raw * np.linalg.solve(raw, white)
    gains = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adaptation = np.linalg.inv(_BRADFORD) @ (gains[:, None] * _BRADFORD)
    return np.asarray(adaptation @ scaled)


def _fixed(value: float) -> int:
    return round(value * 65536)


def _xyz(values: _Matrix) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(_fixed(float(value)) for value in values))


def _profile(tags: dict[bytes, bytes]) -> bytes:
    """A display profile of ICC.1:2010 (version 4.3) with these tags."""
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += name + struct.pack(">II", start + len(body), len(data))
        body += padded
    content = struct.pack(">I", len(tags)) + table + body
    header = struct.pack(">I4sI4s4s4s", 128 + len(content), bytes(4), 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += struct.pack(">3i", *(_fixed(float(value)) for value in _D50))
    return header.ljust(128, b"\x00") + content
