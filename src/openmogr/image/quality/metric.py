"""How much an image looks like another one: SSIMULACRA2, by our own codec's package."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

from PIL import Image

from openmogr.image.errors import missing_codec

__all__ = ["METRIC_BYTES", "has_metric", "scorer"]

# What the metric takes per pixel at its peak, both images included.
METRIC_BYTES = 260
# The metric knows no smaller images.
_MIN_SIDE = 8


def has_metric() -> bool:
    """Whether the metric's package is installed."""
    return importlib.util.find_spec("pillow_tpg") is not None


def scorer(reference: Image.Image) -> Callable[[Image.Image], float]:
    """What scores images against ``reference``: up to 100, which is no difference; 90 is hard to tell from it.

    Args:
        reference: any mode; alpha is put on white, here and in what is scored. Sides below 8 pixels are doubled.

    Raises:
        NotSupported: the metric's package is not installed.
    """
    try:
        module = importlib.import_module("pillow_tpg")
    except ImportError:
        raise missing_codec(
            "quality targets need SSIMULACRA2, which is not available here; the extra openmogr[tpg] adds it"
        ) from None
    metric = module.Ssimulacra2(_shown(reference))

    def score(image: Image.Image) -> float:
        return float(metric.score(_shown(image)))

    return score


def _shown(image: Image.Image) -> Image.Image:
    if image.mode in ("LA", "RGBA", "PA") or "transparency" in image.info:
        whole = image.convert("RGBA")
        on_white = Image.new("RGBA", whole.size, "white")
        on_white.alpha_composite(whole)
        image = on_white
    shown = image.convert("RGB")
    while min(shown.size) < _MIN_SIDE:
        shown = shown.resize((shown.width * 2, shown.height * 2), Image.Resampling.NEAREST)
    return shown
