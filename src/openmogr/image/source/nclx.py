"""Colour by code points (ITU-T H.273), as HEIF, AVIF and PNG carry it, in the shape of an ICC profile.

Likewise by gamma and chromaticities, as PNG has them besides.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO

from openmogr.image.formats.iso.isomedia import primary_properties
from openmogr.image.source.arrays import np

if TYPE_CHECKING:
    import numpy.typing as npt

    _Matrix = npt.NDArray[np.float64]

__all__ = ["gamma_profile", "nclx_profile", "read_nclx", "to_rec709"]


_D65, _C, _DCI = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351)

# H.273 table 2: x and y of red, green and blue, and the white point.
_Primaries = tuple[tuple[tuple[float, float], ...], tuple[float, float]]
_SMPTE_C: _Primaries = (((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)), _D65)
_PRIMARIES: dict[int, _Primaries] = {
    1: (((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)), _D65),
    4: (((0.67, 0.33), (0.21, 0.71), (0.14, 0.08)), _C),
    5: (((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)), _D65),
    6: _SMPTE_C,
    7: _SMPTE_C,
    9: (((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)), _D65),
    11: (((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), _DCI),
    12: (((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), _D65),
    22: (((0.630, 0.340), (0.295, 0.605), (0.155, 0.077)), _D65),
}
_UNSPECIFIED, _REC709 = 2, 1
_D50 = (0.9642, 1.0, 0.8249)

# H.273 table 3: the curves that SDR images have. Those of BT.709 and its kin are shown as sRGB's, as viewers do.
_SRGB_LIKE = {1, 2, 6, 13, 14, 15}
_GAMMA = {4: 2.2, 5: 2.8, 8: 1.0}

# Gammas of PNG within this part of sRGB's mean its curve, as libpng has it; primaries, within this distance, its own.
_SAME_GAMMA, _SRGB_GAMMA = 0.05, 1 / 2.2
_SAME_PLACE = 0.005
# Others are not believed.
_GAMMAS = (0.1, 5.0)
# Twice the area of the smallest triangle of primaries that is.
_LEAST_GAMUT = 0.01

_BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))


@lru_cache(maxsize=16)
def nclx_profile(primaries: int, transfer: int) -> bytes | None:
    """An ICC profile for code points; None where sRGB is meant, or the curve is one of HDR or unknown."""
    primaries = _REC709 if primaries == _UNSPECIFIED else primaries
    if primaries not in _PRIMARIES or (transfer not in _SRGB_LIKE and transfer not in _GAMMA):
        return None
    if primaries == _REC709 and transfer in _SRGB_LIKE:
        return None
    colorants = _colorants(_PRIMARIES[primaries])
    if transfer in _GAMMA:
        curve = _power(_GAMMA[transfer])
    else:
        # IEC 61966-2-1: gamma, a, b, c, d of the parametric curve of type 3.
        parameters = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
        curve = b"para" + bytes(4) + struct.pack(">HH5i", 3, 0, *map(_fixed, parameters))
    return _display(colorants, curve)


@lru_cache(maxsize=16)
def gamma_profile(gamma: int, chromaticities: tuple[int, ...]) -> bytes | None:
    """An ICC profile for ``gAMA`` and ``cHRM`` of a PNG; None where sRGB is meant, or nothing that can be.

    Args:
        gamma: of the file, in parts of 100,000.
        chromaticities: x and y of white, red, green and blue, likewise; or empty.
    """
    exponent = gamma / 100_000
    if not _GAMMAS[0] <= exponent <= _GAMMAS[1]:
        return None
    primaries = _primaries(chromaticities)
    if primaries == _PRIMARIES[_REC709] and abs(exponent / _SRGB_GAMMA - 1) <= _SAME_GAMMA:
        return None
    return _display(_colorants(primaries), _power(1 / exponent))


def _primaries(chromaticities: tuple[int, ...]) -> _Primaries:
    """Those of sRGB where there are none, where they are about the same, and where none can be so."""
    usual = _PRIMARIES[_REC709]
    if not chromaticities:
        return usual
    numbers = [number / 100_000 for number in chromaticities]
    white, red, green, blue = zip(numbers[::2], numbers[1::2], strict=True)
    own = ((red, green, blue), white)
    places, theirs = ([*points, centre] for points, centre in (own, usual))
    apart = max(
        abs(a - b) for one, other in zip(places, theirs, strict=True) for a, b in zip(one, other, strict=True)
    )
    across, up = ([corner[axis] - red[axis] for corner in (green, blue)] for axis in (0, 1))
    area = across[0] * up[1] - across[1] * up[0]
    possible = abs(area) >= _LEAST_GAMUT and all(y > 0 and x + y <= 1 for x, y in places)
    return own if possible and apart > _SAME_PLACE else usual


def _power(exponent: float) -> bytes:
    return b"para" + bytes(4) + struct.pack(">HHi", 0, 0, _fixed(exponent))


def _display(colorants: _Matrix, curve: bytes) -> bytes:
    tags = {name: _xyz(colorants[:, i]) for i, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    tags |= {b"wtpt": _xyz(_D50), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    return _profile(tags)


def to_rec709(primaries: int) -> _Matrix:
    """The matrix from linear RGB of code points to that of BT.709, whose primaries are sRGB's."""
    source = _PRIMARIES.get(primaries, _PRIMARIES[_REC709])
    return np.asarray(np.linalg.solve(_colorants(_PRIMARIES[_REC709]), _colorants(source)))


def read_nclx(stream: BinaryIO) -> tuple[int, int] | None:
    """Primaries and transfer by the ``colr`` box of the primary picture of ISO media, or by the first one."""
    for content in (*primary_properties(stream, b"colr"), *_first_nclx(stream)):
        if content[:4] == b"nclx" and len(content) >= 8:
            primaries, transfer = struct.unpack_from(">HH", content, 4)
            return int(primaries), int(transfer)
    return None


def _first_nclx(stream: BinaryIO) -> list[bytes]:
    # Sequences have it in their track.
    stream.seek(0)
    header = stream.read(65536)
    position = header.find(b"colrnclx")
    return [header[position + 4 : position + 12]] if position >= 0 else []


def _colorants(primaries: _Primaries) -> _Matrix:
    """Columns are red, green and blue in XYZ, adapted to the profile connection space's D50."""

    def xyz(x: float, y: float) -> _Matrix:
        return np.array([x / y, 1.0, (1 - x - y) / y])

    raw = np.stack([xyz(x, y) for x, y in primaries[0]], axis=1)
    white = xyz(*primaries[1])
    scaled = raw * np.linalg.solve(raw, white)
    bradford = np.array(_BRADFORD)
    gains = (bradford @ _D50) / (bradford @ white)
    adaptation = np.linalg.inv(bradford) @ (gains[:, None] * bradford)
    return np.asarray(adaptation @ scaled)


def _fixed(value: float) -> int:
    return round(value * 65536)


def _xyz(values: Iterable[float]) -> bytes:
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
    header += struct.pack(">3i", *(_fixed(value) for value in _D50))
    return header.ljust(128, b"\x00") + content
