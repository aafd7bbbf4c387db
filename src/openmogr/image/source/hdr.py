"""Bring images with the curves of HDR, PQ and HLG (ITU-R BT.2100), to sRGB.

Light is mapped from a display of 1,000 cd/m2 to the 203 cd/m2 of diffuse white (BT.2408) by the curve of BT.2390,
section 5.4: what is darker than about 90 cd/m2 stays as it is, highlights are compressed. Hues stay; colours beyond
sRGB are cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from openmogr.image.source.arrays import np
from openmogr.image.source.colour import has_alpha
from openmogr.image.source.nclx import to_rec709

if TYPE_CHECKING:
    import numpy.typing as npt

    _Samples = npt.NDArray[np.float32]

__all__ = ["HDR_TRANSFERS", "hdr_to_srgb"]

_PQ, _HLG = 16, 18
HDR_TRANSFERS = frozenset({_PQ, _HLG})


# BT.2100 table 4.
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
# BT.2100 table 5.
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
_SYSTEM_GAMMA = 1.2
_LUMINANCE = (0.2627, 0.6780, 0.0593)

_PEAK, _WHITE = 1000.0, 203.0
_BAND_PIXELS = 1 << 19


def hdr_to_srgb(image: Image.Image, primaries: int, transfer: int) -> Image.Image:
    """Pixels as 8 bit sRGB, alpha staying alpha and grey staying grey.

    Args:
        image: mode L, LA, RGB or RGBA; not changed.
        primaries: by H.273.
        transfer: one of ``HDR_TRANSFERS``.
    """
    colour = image.convert("RGB")
    curve = _from_pq() if transfer == _PQ else _from_hlg()
    matrix = to_rec709(primaries).astype(np.float32)
    samples = np.array(colour)
    rows = max(_BAND_PIXELS // max(image.width, 1), 1)
    for start in range(0, image.height, rows):
        light = curve[samples[start : start + rows]]
        if transfer == _HLG:
            scene = light @ np.array(_LUMINANCE, np.float32)
            light = light * (_PEAK * scene[..., None] ** (_SYSTEM_GAMMA - 1))
        samples[start : start + rows] = _encoded(_compressed(light) @ matrix.T)
    result = Image.fromarray(samples)
    if image.mode.startswith("L"):
        result = result.convert("L")
    if has_alpha(image):
        result.putalpha(image.getchannel("A"))
    return result


def _from_pq() -> _Samples:
    """The light of the 256 signals, in cd/m2."""
    signal = (np.arange(256) / 255) ** (1 / _M2)
    light = (np.maximum(signal - _C1, 0) / (_C2 - _C3 * signal)) ** (1 / _M1)
    return (10_000 * light).astype(np.float32)


def _from_hlg() -> _Samples:
    """The scene light of the 256 signals, 0 to 1."""
    signal = np.arange(256) / 255
    low, high = signal**2 / 3, (np.exp((signal - _C) / _A) + _B) / 12
    return np.where(signal <= 0.5, low, high).astype(np.float32)


def _to_pq(light: _Samples) -> _Samples:
    power = (light / 10_000) ** _M1
    return np.asarray(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2, np.float32)


def _compressed(light: _Samples) -> _Samples:
    """Light in cd/m2 to 0..1, 1 being diffuse white; all channels of a pixel by one factor."""
    steps = np.linspace(0, 1, 1024, dtype=np.float32)
    table = _curve(steps)
    top = float(_to_pq(np.array([_PEAK], np.float32))[0])
    brightest = light.max(axis=-1)
    position = np.minimum(_to_pq(brightest) / top, 1)
    mapped = np.interp(position, steps, table)
    signal = np.maximum(mapped * top, 0) ** (1 / _M2)
    target = 10_000 * (np.maximum(signal - _C1, 0) / (_C2 - _C3 * signal)) ** (1 / _M1)
    factor = target / np.maximum(brightest, 1e-6) / _WHITE
    return np.asarray(light * factor[..., None], np.float32)


def _curve(signal: _Samples) -> _Samples:
    """The knee of BT.2390 over PQ signals, in parts of the peak's."""
    top, white = _to_pq(np.array([_PEAK, _WHITE], np.float32))
    most = white / top
    knee = 1.5 * most - 0.5
    t = (signal - knee) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    )
    return np.asarray(np.where(signal < knee, signal, spline), np.float32)


def _encoded(linear: _Samples) -> npt.NDArray[np.uint8]:
    clipped = np.clip(linear, 0, 1)
    encoded = np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055)
    return np.asarray(encoded * 255 + 0.5, np.uint8)
