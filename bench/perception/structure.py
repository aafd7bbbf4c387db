"""MS-SSIM of luma (Wang, Simoncelli and Bovik, 2003): five scales, a Gaussian window of 11 x 11 with sigma 1.5."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def _kernel() -> Plane:
    offsets = np.arange(_WINDOW) - _WINDOW // 2
    weights = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    result: Plane = weights / weights.sum()
    return result


def _smooth(plane: Plane) -> Plane:
    """Means under the window, where it fits."""
    for axis in (0, 1):
        length = plane.shape[axis] - _WINDOW + 1
        taps = (weight * np.take(plane, range(i, i + length), axis) for i, weight in enumerate(_kernel()))
        plane = sum(taps, np.zeros(()))
    return plane


def _halved(plane: Plane) -> Plane:
    height, width = (side // 2 * 2 for side in plane.shape)
    whole = plane[:height, :width]
    result: Plane = (whole[::2, ::2] + whole[1::2, ::2] + whole[::2, 1::2] + whole[1::2, 1::2]) / 4
    return result


def terms(a: Plane, b: Plane) -> tuple[float, float]:
    """Means of SSIM, and of its contrast and structure alone."""
    mean_a, mean_b = _smooth(a), _smooth(b)
    spread = _smooth(a * a) + _smooth(b * b) - mean_a**2 - mean_b**2
    both = _smooth(a * b) - mean_a * mean_b
    contrast = (2 * both + _C2) / (spread + _C2)
    light = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    return float(np.mean(light * contrast)), float(np.mean(contrast))


def ms_ssim(a: Plane, b: Plane) -> float:
    """1 for equal planes of 0 to 255. Scales that are smaller than the window are left out."""
    result, weights = 1.0, 0.0
    for scale, weight in enumerate(WEIGHTS):
        last = scale == len(WEIGHTS) - 1 or min(a.shape) // 2 < _WINDOW
        whole, contrast = terms(a, b)
        result *= max(whole if last else contrast, 1e-9) ** weight
        weights += weight
        if last:
            break
        a, b = _halved(a), _halved(b)
    return float(result ** (1 / weights))
