"""WebAssembly's table of qualities is the Python package's."""

from __future__ import annotations

from pillow_tpg._calibration import QP_BY_QUALITY

from tools.calibrate.tpg_quality import SCRIPT, script


def test_both_encoders_have_one_table() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    assert script(text, QP_BY_QUALITY) == text
    other = dict.fromkeys(QP_BY_QUALITY, ((1, 63), (100, 0.5)))
    assert script(text, other).count("[1, 63], [100, 0.5],") == len(QP_BY_QUALITY)
    assert script(script(text, other), QP_BY_QUALITY) == text
