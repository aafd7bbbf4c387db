"""What quality numbers mean: the SSIMULACRA2 that libjpeg-turbo gives at the same number."""

from __future__ import annotations

from bisect import bisect_right

from pillow_tpg._calibration import QP_BY_QUALITY

__all__ = ["DEFAULT_QUALITY", "qp_for_quality", "quality_for_qp"]

DEFAULT_QUALITY = 75


def qp_for_quality(quality: float, tools: str = "full", *, name: str = "quality") -> int:
    """The QP with which photos look, on average, as JPEG's do at ``quality``, 1 to 100.

    Raises:
        ValueError: ``quality`` is out of range, or there is no such tool set; ``name`` is what messages call it.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"{name} is {quality}, allowed are 1 to 100")
    points = _points(tools)
    index = min(max(bisect_right([point[0] for point in points], quality), 1), len(points) - 1)
    (low, qp_low), (high, qp_high) = points[index - 1], points[index]
    return round(qp_low + (qp_high - qp_low) * (quality - low) / (high - low))


def quality_for_qp(qp: int, tools: str = "full") -> int:
    """The greatest quality, 1 to 100, that gives this QP or a coarser one.

    Raises:
        ValueError: ``qp`` is not in 0..=63, or there is no such tool set.
    """
    if not 0 <= qp <= 63:
        raise ValueError(f"qp is {qp}, allowed are 0 to 63")
    return max((q for q in range(1, 101) if qp_for_quality(q, tools) >= qp), default=1)


def _points(tools: str) -> tuple[tuple[int, float], ...]:
    try:
        return QP_BY_QUALITY["genuine" if tools == "compatible" else tools]
    except KeyError:
        raise ValueError(f"tools is {tools!r}, allowed are 'full' and 'genuine'") from None
