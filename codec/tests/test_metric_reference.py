"""SSIMULACRA2 against values of the public C++ implementation.

Pictures and values are those that fast-ssim2 (BSD-3-Clause) recorded with the program `ssimulacra2`.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from pillow_tpg import Ssimulacra2

Pixels = NDArray[np.uint8]
BOUND = 0.1

# Score of a uniform grey of 128 against one that is lighter, by the side of the picture and the difference.
UNIFORM = {
    32: {1: 97.7492143, 5: 98.8082738, 10: 96.5311409, 20: 93.7982322, 50: 85.0140959},
    64: {1: 97.9867213, 5: 91.5235769, 10: 80.2428939, 20: 56.0585558, 50: -8.7594226},
    128: {1: 96.7892074, 5: 88.5407088, 10: 77.8429630, 20: 54.2788392, 50: -9.8238332},
    256: {1: 96.1502710, 5: 89.7320944, 10: 80.2914914, 20: 59.7789292, 50: -0.3908578},
}
PATTERNS = {
    "gradient and uniform": -64.5687215,
    "noise and uniform": -47.3357256,
    "gradient and blurred": 94.3409032,
    "noise and sharpened": -5.8101756,
    "gradient and from YUV": 97.2601096,
    "edge and blurred": 24.2733355,
}
SIDE = 64


def uniform(side: int, value: int) -> Pixels:
    return np.full((side, side, 3), value, np.uint8)


def grey(plane: NDArray[np.int64]) -> Pixels:
    return np.repeat(plane[:, :, None], 3, 2).astype(np.uint8)


def gradient() -> Pixels:
    return grey(np.tile(np.arange(SIDE) * 255 // (SIDE - 1), (SIDE, 1)))


def diagonal() -> Pixels:
    y, x = np.mgrid[:SIDE, :SIDE]
    return grey((x + y) * 255 // (2 * SIDE - 2))


def edge() -> Pixels:
    return grey(np.tile(np.where(np.arange(SIDE) < SIDE // 2, 0, 255), (SIDE, 1)))


def noise(seed: int) -> Pixels:
    values = []
    for _ in range(SIDE * SIDE * 3):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append(seed >> 33 & 255)
    return np.array(values, np.uint8).reshape(SIDE, SIDE, 3)


def blurred(pixels: Pixels) -> Pixels:
    """Means of 8 x 8."""
    padded = np.pad(pixels.astype(int), ((4, 3), (4, 3), (0, 0)), "edge")
    sums = sum(padded[i : i + SIDE, j : j + SIDE] for i in range(8) for j in range(8))
    return np.asarray(sums // 64, np.uint8)


def sharpened(pixels: Pixels) -> Pixels:
    p = np.pad(pixels.astype(int), ((1, 1), (1, 1), (0, 0)), "edge")
    beside = p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:]
    return np.asarray(np.clip(5 * p[1:-1, 1:-1] - beside, 0, 255), np.uint8)


def from_yuv(pixels: Pixels) -> Pixels:
    """There and back, cut off to whole numbers."""
    f = np.float32
    r, g, b = (pixels[:, :, i].astype(f) for i in range(3))
    y = f(0.299) * r + f(0.587) * g + f(0.114) * b
    u = f(-0.14713) * r - f(0.28886) * g + f(0.436) * b + f(128) - f(128)
    v = f(0.615) * r - f(0.51499) * g - f(0.10001) * b + f(128) - f(128)
    planes = [y + f(1.13983) * v, y - f(0.39465) * u - f(0.5806) * v, y + f(2.03211) * u]
    return np.asarray(np.clip(np.stack(planes, 2), 0, 255).astype(np.uint8))


def pair(name: str) -> tuple[Pixels, Pixels]:
    return {
        "gradient and uniform": (gradient(), uniform(SIDE, 128)),
        "noise and uniform": (noise(42), uniform(SIDE, 128)),
        "gradient and blurred": (gradient(), blurred(gradient())),
        "noise and sharpened": (noise(999), sharpened(noise(999))),
        "gradient and from YUV": (diagonal(), from_yuv(diagonal())),
        "edge and blurred": (edge(), blurred(edge())),
    }[name]


@pytest.mark.parametrize(("side", "difference"), [(s, d) for s in UNIFORM for d in UNIFORM[s]])
def test_uniform(side: int, difference: int) -> None:
    score = Ssimulacra2(uniform(side, 128)).score(uniform(side, 128 + difference))
    assert score == pytest.approx(UNIFORM[side][difference], abs=BOUND)


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns(name: str) -> None:
    source, other = pair(name)
    assert Ssimulacra2(source).score(other) == pytest.approx(PATTERNS[name], abs=BOUND)
