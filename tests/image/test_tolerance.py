"""Forms that nobody documents and URLs in the wild hold, each with the size that its author meant."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from openmogr.image import parse_operation

from .conftest import Run, photo


@pytest.fixture(scope="module")
def source() -> Image.Image:
    return photo(800, 600)


@pytest.mark.parametrize(
    ("operation", "size"),
    [
        # 0 is no wish
        ("imageView2/2/w/400/h/0", (400, 300)),
        ("imageView2/2/w/0/h/300", (400, 300)),
        ("imageView2/1/w/200/h/0", (200, 200)),
        ("imageView2/2/w/0/h/0", (800, 600)),
        ("imageView2/0/w/0.0/h/300", (400, 300)),
        ("imageMogr2/thumbnail/400x0", (400, 300)),
        ("imageMogr2/thumbnail/0x300", (400, 300)),
        ("imageMogr2/thumbnail/400x0>", (400, 300)),
        ("imageMogr2/thumbnail/!400x0r", (400, 300)),
        ("imageMogr2/thumbnail/0x0", (800, 600)),
        ("imageMogr2/thumbnail/0x", (800, 600)),
        ("imageMogr2/thumbnail/x0>", (800, 600)),
        ("imageMogr2/thumbnail/!0x0r", (800, 600)),
        ("imageMogr2/thumbnail/0", (800, 600)),
        ("imageMogr2/thumbnail/0x0/rotate/90", (600, 800)),
        # ImageMagick's width
        ("imageMogr2/thumbnail/200>", (200, 150)),
        ("imageMogr2/thumbnail/1200>", (800, 600)),
        ("imageMogr2/thumbnail/1200<", (1200, 900)),
        ("imageMogr2/thumbnail/200<", (800, 600)),
        ("imageMogr2/thumbnail/!200", (200, 150)),
        ("imageMogr2/thumbnail/200!", (200, 150)),
        # Cuts without offsets, or without a side
        ("imageMogr2/crop/!440x300", (440, 300)),
        ("imageMogr2/crop/!440x300/gravity/center", (440, 300)),
        ("imageMogr2/crop/!440x3000", (440, 600)),
        ("imageMogr2/crop/!640x-0-20", (640, 580)),
        ("imageMogr2/crop/!x300a20a0", (780, 300)),
        ("imageMogr2/crop/!640x", (640, 600)),
        ("imageMogr2/crop/!200x100+30+20", (200, 100)),
        ("imageMogr2/cut/400x400", (400, 400)),
        ("imageMogr2/cut/400x700", (400, 600)),
        # Decimals
        ("imageMogr2/thumbnail/400.4x", (400, 300)),
        ("imageMogr2/thumbnail/399.5x", (400, 300)),
        ("imageMogr2/thumbnail/183.33333333333334x120!", (183, 120)),
        ("imageMogr2/thumbnail/0.4x0.4!", (1, 1)),
        ("imageMogr2/thumbnail/!33.3p", (266, 200)),
        ("imageMogr2/thumbnail/!12.55px", (100, 600)),
        ("imageMogr2/thumbnail/120000.4@", (400, 300)),
        ("imageMogr2/thumbnail/199.6>", (200, 150)),
        ("imageMogr2/crop/99.5x100.49", (100, 100)),
        ("imageMogr2/crop/!99.5x100.49a1.5a2.4", (100, 100)),
        ("imageMogr2/cut/99.5x100.49x0.5x799.4", None),
        ("imageMogr2/cut/99.5x100.49x700.5x0", (99, 100)),
        ("imageMogr2/iradius/49.6", (100, 100)),
        ("imageView2/1/w/99.5/h/49.5", (100, 50)),
        ("imageMogr2/rotate/89.99999999999999", (600, 800)),
        (
            "imageMogr2/thumbnail/100x/blur/1.5x1.5/sharpen/70.4/bright/-9.5/contrast/9.5/quality/79.5",
            (100, 75),
        ),
        # Any format
        ("imageMogr2/thumbnail/100x/format/*", (100, 75)),
        ("imageView2/2/w/100/format/*", (100, 75)),
    ],
)
def test_sizes(run: Run, source: Image.Image, operation: str, size: tuple[int, int] | None) -> None:
    if size is None:
        with pytest.raises(Exception, match="outside the image of 800x600"):
            run(operation, source)
        return
    result = run(operation, source)
    with Image.open(BytesIO(result.data)) as picture:
        assert (picture.format, picture.size) == ("PNG", size)
    # Every form has a canonical one.
    pipeline = parse_operation(operation)
    assert parse_operation(pipeline.normalised) == pipeline


def test_a_cut_without_offsets_begins_at_its_anchor(run: Run, source: Image.Image) -> None:
    for operation, box in (
        ("imageMogr2/cut/400x400", (0, 0, 400, 400)),
        ("imageMogr2/cut/400x400/gravity/southeast", (400, 200, 800, 600)),
        ("imageMogr2/crop/!440x300", (0, 0, 440, 300)),
        ("imageMogr2/crop/!440x300/gravity/center", (180, 150, 620, 450)),
        ("imageMogr2/crop/!640x-0-20", (0, 0, 640, 580)),
        ("imageMogr2/crop/!640xa0a20", (0, 20, 640, 600)),
    ):
        with Image.open(BytesIO(run(operation, source).data)) as picture:
            assert picture.tobytes() == source.crop(box).tobytes(), operation


def test_decimals_are_rounded_half_up() -> None:
    texts = {
        "imageMogr2/quality/79.5": "imageMogr2/quality/80",
        "imageMogr2/quality/80.4!": "imageMogr2/quality/80!",
        "imageMogr2/bright/-10.5": "imageMogr2/bright/-11",
        "imageMogr2/thumbnail/2.5x3.4999": "imageMogr2/thumbnail/3x3",
        "imageMogr2/thumbnail/!33.30p": "imageMogr2/thumbnail/!33.3p",
        "imageMogr2/rotate/0.0000004": "imageMogr2/rotate/0",
        "imageMogr2/rotate/0.000001": "imageMogr2/rotate/0.000001",
        "imageMogr2/size-limit/1.5m": "imageMogr2/size-limit/1536k",
        "imageMogr2/size-limit/2.0M!": "imageMogr2/size-limit/2m!",
        "imageMogr2/size-limit/99.5k": "imageMogr2/size-limit/100k",
        "imageMogr2/size-limit/0.0001m": "imageMogr2/size-limit/1k",
        "imageView2/2/w/99.5/q/49.5": "imageView2/2/w/100/q/50",
    }
    for text, canonical in texts.items():
        assert parse_operation(text).normalised == canonical
        assert parse_operation(canonical).normalised == canonical


def test_any_format_takes_back_a_format_of_the_stage() -> None:
    assert parse_operation("imageMogr2/format/png/format/*").encoding.format is None
