"""Sizes and windows: the worked examples of docs/spec/api/image-mogr2.md, and properties over all sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openmogr.errors import InvalidArgument
from openmogr.image import parse_operation
from openmogr.image.language.operations import Crop, Cut, RatioCrop, Thumbnail, View
from openmogr.image.steps.geometry import Box, Placement, Size, place

LIMIT = 10_000


def placement(operation: str, size: Size, *, enlarge: bool = True) -> Placement:
    (step,) = parse_operation(operation).steps
    assert isinstance(step, (Thumbnail, View, Crop, Cut, RatioCrop))
    return place(step, size, LIMIT, enlarge=enlarge)


@pytest.mark.parametrize(
    ("value", "size", "expected"),
    [
        ("!50p", (4000, 3000), (2000, 1500)),
        ("!50px", (4000, 3000), (2000, 3000)),
        ("!x50p", (4000, 3000), (4000, 1500)),
        ("!150p", (3, 3), (5, 5)),
        ("!1p", (10, 10), (1, 1)),
        ("640x", (4000, 3000), (640, 480)),
        ("x480", (4000, 3000), (640, 480)),
        ("800x800", (4000, 3000), (800, 600)),
        ("800x800", (400, 300), (800, 600)),
        ("800x800>", (4000, 3000), (800, 600)),
        ("800x800>", (400, 300), (400, 300)),
        ("800x200>", (400, 300), (267, 200)),
        ("160x>", (100, 50), (100, 50)),
        ("800x800<", (400, 300), (800, 600)),
        ("800x800<", (4000, 3000), (4000, 3000)),
        ("!800x800r", (4000, 3000), (1067, 800)),
        ("!200x300r", (100, 100), (300, 300)),
        ("200x300!", (4000, 3000), (200, 300)),
        ("!100x100!", (4000, 3000), (100, 100)),
        ("300000@", (4000, 3000), (632, 474)),
        ("300000", (4000, 3000), (632, 474)),
        ("300000@", (100, 100), (100, 100)),
        ("1@", (5000, 1), (1, 1)),
        ("1@", (1, 5000), (1, 1)),
        ("20000x", (10, 10), (10000, 10000)),
        ("1x", (1, 10000), (1, 10000)),
        ("1x", (10000, 1), (1, 1)),
    ],
)
def test_thumbnail_sizes(value: str, size: Size, expected: Size) -> None:
    assert placement(f"imageMogr2/thumbnail/{value}", size).size == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("!200p", (100, 50)),
        ("300x300", (100, 50)),
        ("50x300!", (100, 50)),
        ("50x", (50, 25)),
        ("!300x3r", (100, 50)),
    ],
)
def test_animations_are_not_enlarged(value: str, expected: Size) -> None:
    assert placement(f"imageMogr2/thumbnail/{value}", (100, 50), enlarge=False).size == expected


@pytest.mark.parametrize(
    ("operation", "size", "scaled", "box"),
    [
        ("imageView2/1/w/500/h/400", (1000, 500), (800, 400), (150, 0, 650, 400)),
        ("imageView2/2/w/500/h/400", (1000, 500), (500, 250), (0, 0, 500, 250)),
        ("imageView2/3/w/500/h/400", (1000, 500), (800, 400), (0, 0, 800, 400)),
        ("imageView2/1/w/500/h/400", (4000, 3000), (533, 400), (16, 0, 516, 400)),
        ("imageView2/5/w/800/h/400", (4000, 3000), (800, 600), (0, 100, 800, 500)),
        ("imageView2/5/w/800/h/400", (3000, 4000), (600, 800), (100, 0, 500, 800)),
        ("imageView2/1/w/100", (400, 200), (200, 100), (50, 0, 150, 100)),
        ("imageView2/1/h/100", (200, 400), (100, 200), (0, 50, 100, 150)),
        ("imageView2/2/w/100", (400, 200), (100, 50), (0, 0, 100, 50)),
        ("imageView2/2/w/500", (400, 200), (400, 200), (0, 0, 400, 200)),
        ("imageView2/3/w/100", (400, 200), (200, 100), (0, 0, 200, 100)),
        ("imageView2/4/w/800/h/400", (4000, 3000), (800, 600), (0, 0, 800, 600)),
        ("imageView2/4/w/800/h/400", (3000, 4000), (600, 800), (0, 0, 600, 800)),
        ("imageView2/4/w/300", (200, 100), (600, 300), (0, 0, 600, 300)),
        ("imageView2/0/w/800/h/400", (4000, 3000), (533, 400), (0, 0, 533, 400)),
        ("imageView2/0/w/800/h/400", (3000, 4000), (400, 533), (0, 0, 400, 533)),
        ("imageView2/0/w/800", (3000, 4000), (600, 800), (0, 0, 600, 800)),
        ("imageView2/0/h/800", (400, 300), (400, 300), (0, 0, 400, 300)),
        ("imageMogr2/crop/300x400", (4000, 3000), (533, 400), (116, 0, 416, 400)),
        ("imageMogr2/crop/300x400/gravity/northwest", (4000, 3000), (533, 400), (0, 0, 300, 400)),
        ("imageMogr2/crop/300x400/gravity/southeast", (4000, 3000), (533, 400), (233, 0, 533, 400)),
        ("imageMogr2/crop/300x", (400, 200), (400, 200), (50, 0, 350, 200)),
        ("imageMogr2/crop/x50/gravity/south", (400, 200), (400, 200), (0, 150, 400, 200)),
        ("imageMogr2/crop/900x900", (400, 200), (400, 200), (0, 0, 400, 200)),
        ("imageMogr2/cut/600x600x100x10", (4000, 3000), (4000, 3000), (100, 10, 700, 610)),
        (
            "imageMogr2/cut/600x600x100x10/gravity/southeast",
            (4000, 3000),
            (4000, 3000),
            (3300, 2390, 3900, 2990),
        ),
        ("imageMogr2/cut/600x600x100x10/gravity/north", (4000, 3000), (4000, 3000), (1700, 10, 2300, 610)),
        ("imageMogr2/cut/600x600x100x10/gravity/west", (4000, 3000), (4000, 3000), (100, 1200, 700, 1800)),
        (
            "imageMogr2/cut/600x600x100x10/gravity/center",
            (4000, 3000),
            (4000, 3000),
            (1700, 1200, 2300, 1800),
        ),
        ("imageMogr2/cut/900x900x300x100", (400, 200), (400, 200), (300, 100, 400, 200)),
        ("imageMogr2/crop/!60x60a20a30", (400, 200), (400, 200), (20, 30, 80, 90)),
        ("imageMogr2/crop/!60x60-20a20", (400, 200), (400, 200), (0, 20, 40, 80)),
        ("imageMogr2/crop/!60x60a5a6/gravity/center", (400, 200), (400, 200), (175, 76, 235, 136)),
    ],
)
def test_windows(operation: str, size: Size, scaled: Size, box: Box) -> None:
    assert placement(operation, size) == Placement(scaled, box)


def test_views_of_animations_are_not_enlarged() -> None:
    assert placement("imageView2/1/w/300/h/30", (100, 50), enlarge=False) == Placement(
        (100, 50), (0, 10, 100, 40)
    )


@pytest.mark.parametrize("operation", ["imageMogr2/cut/5x5x400x0", "imageMogr2/crop/!5x5-5a0"])
def test_windows_outside_the_picture_are_refused(operation: str) -> None:
    with pytest.raises(InvalidArgument, match="outside") as caught:
        placement(operation, (400, 200))
    assert caught.value.number == -442


_side = st.integers(1, 50_000)
_wanted = st.one_of(st.none(), st.integers(1, 20_000))
_gravity = st.sampled_from(["north", "northwest", "southeast", "center", "east"])


@st.composite
def _operations(draw: st.DrawFn) -> str:
    width, height = draw(_wanted), draw(_wanted)
    size = f"{width or ''}x{height or ''}" if width or height else "7x"
    whole = f"{width or 5}x{height or 6}"
    number = draw(st.integers(1, 1000))
    return draw(
        st.sampled_from(
            [
                f"imageMogr2/thumbnail/{size}",
                f"imageMogr2/thumbnail/{size}>",
                f"imageMogr2/thumbnail/{size}<",
                f"imageMogr2/thumbnail/!{size}r",
                f"imageMogr2/thumbnail/{whole}!",
                f"imageMogr2/thumbnail/!{number}p",
                f"imageMogr2/thumbnail/!{number}px",
                f"imageMogr2/thumbnail/!x{number}p",
                f"imageMogr2/thumbnail/{number**3}@",
                f"imageMogr2/crop/{size}/gravity/{draw(_gravity)}",
                f"imageMogr2/cut/{whole}x{number}x{number * 3}/gravity/{draw(_gravity)}",
                *(f"imageView2/{mode}/w/{width or 9}/h/{height or 9}" for mode in range(6)),
                *(f"imageView2/{mode}/w/{width or 9}" for mode in range(6)),
                *(f"imageView2/{mode}/h/{height or 9}" for mode in range(6)),
            ]
        )
    )


@given(_operations(), _side, _side, st.booleans())
def test_no_size_is_zero_and_no_window_leaves_the_picture(
    operation: str, width: int, height: int, grow: bool
) -> None:
    try:
        result = placement(operation, (width, height), enlarge=grow)
    except InvalidArgument:
        assert "cut" in operation
        return
    left, top, right, bottom = result.box
    assert 0 <= left < right <= result.scaled[0]
    assert 0 <= top < bottom <= result.scaled[1]
    if not grow:
        assert result.scaled[0] <= width
        assert result.scaled[1] <= height


@given(st.integers(1, 10**8), _side, _side)
def test_area_is_never_exceeded(area: int, width: int, height: int) -> None:
    across, down = placement(f"imageMogr2/thumbnail/{area}@", (width, height)).size
    assert across * down <= area


@given(_wanted.filter(bool), _wanted.filter(bool), _side, _side)
def test_fit_touches_the_box_and_cover_fills_it(w: int, h: int, width: int, height: int) -> None:
    w, h = min(w, LIMIT), min(h, LIMIT)
    fitted = placement(f"imageMogr2/thumbnail/{w}x{h}", (width, height)).size
    assert fitted[0] <= w
    assert fitted[1] <= h
    assert w == fitted[0] or h == fitted[1]
    covering = placement(f"imageMogr2/thumbnail/!{w}x{h}r", (width, height)).size
    assert covering[0] >= w
    assert covering[1] >= h


@pytest.mark.parametrize(
    ("value", "size", "expected"),
    [
        ("1x1", (300, 200), (50, 0, 250, 200)),
        ("1x1/gravity/west", (300, 200), (0, 0, 200, 200)),
        ("1x1", (200, 301), (0, 50, 200, 250)),
        ("1.5x2", (200, 200), (0, 33, 200, 166)),
        ("0.5x0.75/gravity/southeast", (200, 200), (50, 0, 200, 200)),
        ("0.5x2", (300, 200), (0, 0, 300, 200)),
        ("1.5x1.5", (3, 1000), (0, 499, 3, 501)),
        ("1000x1000", (7, 900), (0, 449, 7, 450)),
    ],
)
def test_ratios(value: str, size: Size, expected: Box) -> None:
    assert placement(f"imageMogr2/rcrop/{value}", size) == Placement(size, expected)


_ratio = st.integers(1, 1_000_000).map(lambda parts: parts / 1000)


@given(st.tuples(_ratio, _ratio), st.tuples(st.integers(1, 5000), st.integers(1, 5000)))
def test_ratios_hold_to_the_nearest_pixel(ratios: tuple[float, float], size: Size) -> None:
    low, high = min(ratios), max(ratios)
    width, height = placement(f"imageMogr2/rcrop/{low:.3f}x{high:.3f}", size).size
    assert (width, height) == size or width == size[0] or height == size[1]
    assert (width - 0.5) / (height + 0.5) <= high or width == 1
    assert (width + 0.5) / max(height - 0.5, 0.25) >= low or height == 1
