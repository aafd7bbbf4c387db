"""How far a picture is from its source, by several metrics.

DSSIM and Butteraugli come from the tool in ``bench/metrics``, built at the first use (Rust).
"""

from __future__ import annotations

import math
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pillow_tpg import Ssimulacra2

from bench.perception.structure import ms_ssim

Plane = NDArray[np.float64]
TOOL = Path(__file__).resolve().parent.parent / "metrics"
_SHORTEST, _LONGEST = 2, 8
_BLOCK = 16


@dataclass(frozen=True)
class Scores:
    """Metrics of one picture; ``detail`` is the share of the source's luma energy at 2 to 8 pixels."""

    ssimulacra2: float
    psnr: float
    dssim: float
    butteraugli: float
    ms_ssim: float
    detail: float

    def rising(self) -> dict[str, float]:
        """The metrics that curves are compared by, on scales that rise with quality about as PSNR does."""
        return {
            "SSIMULACRA2": self.ssimulacra2,
            "DSSIM": -10 * math.log10(max(self.dssim, 1e-8)),
            "Butteraugli": -10 * math.log10(max(self.butteraugli, 1e-4)),
            "MS-SSIM": -10 * math.log10(max(1 - self.ms_ssim, 1e-8)),
            "PSNR-Y": self.psnr,
        }


def luma(image: Image.Image) -> Plane:
    """BT.601 luma, 0 to 255."""
    result: Plane = np.asarray(image, np.float64) @ np.array([0.299, 0.587, 0.114])
    return result


def fine_energy(plane: Plane) -> Plane:
    """Energy of waves of 2 to 8 pixels, by 16x16 block."""
    height, width = plane.shape
    across, down = np.fft.rfftfreq(width), np.fft.fftfreq(height)
    frequency = np.hypot(down[:, None], across)
    band = (frequency > 1 / _LONGEST) & (frequency <= 1 / _SHORTEST)
    fine = np.fft.irfft2(np.fft.rfft2(plane) * band, plane.shape) ** 2
    rows, columns = (np.arange(0, side, _BLOCK) for side in plane.shape)
    result: Plane = np.add.reduceat(np.add.reduceat(fine, rows, axis=0), columns, axis=1)
    return result


@cache
def build_tool() -> Path:
    """The program that knows DSSIM and Butteraugli."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", TOOL / "target"))
    command = ["cargo", "build", "--release", "--quiet", "--manifest-path", str(TOOL / "Cargo.toml")]
    subprocess.run([*command, "--target-dir", str(target)], check=True)
    return target / "release" / "bench-metrics"


class Judge:
    """A source, analysed once, to which pictures of its size are compared."""

    def __init__(self, source: Image.Image) -> None:
        self._luma = luma(source)
        self._energy = fine_energy(self._luma)
        self._ssimulacra2 = Ssimulacra2(source)
        self._tool = subprocess.Popen(
            [build_tool(), str(source.width), str(source.height)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "RAYON_NUM_THREADS": "1"},
        )
        self._send(source)

    def __enter__(self) -> Judge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._tool.communicate()

    def _send(self, picture: Image.Image) -> None:
        assert self._tool.stdin is not None
        self._tool.stdin.write(picture.tobytes())
        self._tool.stdin.flush()

    def scores(self, picture: Image.Image) -> Scores:
        """Compares an RGB picture of the source's size."""
        self._send(picture)
        plane = luma(picture)
        error = float(np.mean((plane - self._luma) ** 2))
        kept = np.minimum(fine_energy(plane), self._energy).sum() / max(self._energy.sum(), 1e-9)
        structure = ms_ssim(self._luma, plane)
        ssimulacra2 = self._ssimulacra2.score(picture)
        assert self._tool.stdout is not None
        dssim, butteraugli = map(float, self._tool.stdout.readline().split())
        return Scores(
            ssimulacra2=ssimulacra2,
            psnr=10 * math.log10(65025 / max(error, 1e-9)),
            dssim=dssim,
            butteraugli=butteraugli,
            ms_ssim=structure,
            detail=float(kept),
        )
