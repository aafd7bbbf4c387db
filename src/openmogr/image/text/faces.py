"""The fonts that the API names, and what stands for them (``docs/spec/api/image-mogr2.md#10.3``).

The vendor's fonts are proprietary. What stands for them are free families with Latin and CJK glyphs of the same kind:
without serifs, with them, or heavy.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

__all__ = ["DEFAULT_FONT", "FONTS", "Face"]


class Face(Enum):
    """A kind of font; the value is what to look for, the first that is there: file name, and family in a collection."""

    sans = (
        ("NotoSansCJK-Regular.ttc", "Noto Sans CJK SC"),
        ("NotoSansCJKsc-Regular.otf", "Noto Sans CJK SC"),
        ("NotoSansSC-Regular.otf", "Noto Sans SC"),
        ("SourceHanSansSC-Regular.otf", "Source Han Sans SC"),
        ("wqy-microhei.ttc", "WenQuanYi Micro Hei"),
        ("wqy-zenhei.ttc", "WenQuanYi Zen Hei"),
    )
    heavy = (
        ("NotoSansCJK-Bold.ttc", "Noto Sans CJK SC"),
        ("NotoSansCJKsc-Bold.otf", "Noto Sans CJK SC"),
        ("NotoSansSC-Bold.otf", "Noto Sans SC"),
        ("SourceHanSansSC-Bold.otf", "Source Han Sans SC"),
    )
    serif = (
        ("NotoSerifCJK-Regular.ttc", "Noto Serif CJK SC"),
        ("NotoSerifCJKsc-Regular.otf", "Noto Serif CJK SC"),
        ("NotoSerifSC-Regular.otf", "Noto Serif SC"),
        ("SourceHanSerifSC-Regular.otf", "Source Han Serif SC"),
        ("uming.ttc", "AR PL UMing CN"),
    )


# By name without suffix, in lower case.
FONTS: Mapping[str, Face] = {
    "simfang": Face.serif,
    "simhei": Face.sans,
    "simkai": Face.serif,
    "simsun": Face.serif,
    "stheiti-light": Face.sans,
    "stheiti-medium": Face.heavy,
    "youyuan": Face.sans,
    "ahronbd": Face.heavy,
    "arial": Face.sans,
    "ariblk": Face.heavy,
    "helvetica": Face.sans,
    "helveticaneue": Face.sans,
    "tahoma": Face.sans,
}

DEFAULT_FONT = "tahoma"
