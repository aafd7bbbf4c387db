"""The measures of the benches: curves, structure, detail, and that the halves of the photos share nothing."""

from __future__ import annotations

import numpy as np
import pytest

from bench.perception import material, renderings
from bench.perception.curves import Curve, bd_rate, mean_difference
from bench.perception.measure import fine_energy
from bench.perception.structure import ms_ssim

CURVE: Curve = [(30.0, 0.2), (50.0, 0.5), (70.0, 1.1), (85.0, 2.3)]
ANY = (0.0, 100.0)


def test_bd_rate_of_smaller_files() -> None:
    smaller = [(quality, 0.9 * bits) for quality, bits in CURVE]
    assert bd_rate([CURVE], [smaller], ANY) == pytest.approx(-10)
    assert bd_rate([CURVE], [CURVE], ANY) == 0
    assert bd_rate([smaller], [CURVE], ANY) == pytest.approx(100 / 9)


def test_points_that_are_no_better_than_smaller_ones_are_left_out() -> None:
    dented = [*CURVE, (69.0, 1.4)]
    assert bd_rate([CURVE], [dented], ANY) == pytest.approx(0)


def test_mean_difference_at_equal_size() -> None:
    better = [(quality + 2, bits) for quality, bits in CURVE]
    assert mean_difference([CURVE], [better], (0.3, 2.0)) == pytest.approx(2)


def test_ms_ssim_against_another_implementation() -> None:
    """sewar 0.4.10 (which treats edges otherwise): 0.96456."""
    y, x = np.mgrid[:256, :320]
    plane = (128 + 60 * np.sin(x / 9) * np.cos(y / 13) + 40 * np.sin(x * y / 900)).round()
    noise = np.random.default_rng(1).normal(0, 12, plane.shape)
    noisy = np.clip(plane + noise, 0, 255).round()
    assert ms_ssim(plane, noisy) == pytest.approx(0.96456, abs=3e-4)
    assert ms_ssim(plane, plane) == pytest.approx(1)


@pytest.mark.parametrize(("period", "share"), [(3, 1), (6, 1), (12, 0), (40, 0)])
def test_fine_energy_is_that_of_2_to_8_pixels(period: int, share: float) -> None:
    wave = np.tile(100 * np.cos(2 * np.pi * np.arange(240) / period), (48, 1))
    assert fine_energy(wave).sum() == pytest.approx(share * (wave**2).sum(), abs=1e-3)
    assert fine_energy(wave).shape == (3, 15)


def test_halves_share_nothing() -> None:
    assert not set(material.PHOTOS["tune"]) & set(material.PHOTOS["held"])
    files = [{crop.file for crop in material.CROPS[half]} for half in ("tune", "held")]
    assert not files[0] & files[1]
    one, two = renderings.all_of(seed=1), renderings.all_of(seed=2)
    assert all(one[name].tobytes() != two[name].tobytes() for name in one)
