"""Image watermarks: every parameter, its edges and its errors (``docs/spec/api/image-mogr2.md#10``)."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import numpy as np
import pytest
from PIL import Image

from openmogr.errors import (
    CosError,
    ImageResolutionExceed,
    InvalidArgument,
    InvalidImageSource,
    NotImplementedHere,
)
from openmogr.image import ImageSettings, Processor, Result, Source, parse_operation
from openmogr.image.language.operations import Gravity

from .conftest import decoded, encoded, photo, pixels

RED, WHITE = (255, 0, 0), (255, 255, 255)
LOGO = Image.new("RGB", (20, 10), RED)


def b64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


NAME = "http://b.example/logo.png"
MARK = f"watermark/1/image/{b64(NAME)}/dissolve/100"


def source(image: Image.Image | bytes, form: str = "PNG", **options: object) -> Source:
    return Source(data=image if isinstance(image, bytes) else encoded(image, form, **options))


def laid(
    operation: str,
    base: Image.Image | Source,
    logo: Image.Image | Source = LOGO,
    settings: ImageSettings | None = None,
) -> Result:
    given = [one if isinstance(one, Source) else source(one) for one in (base, logo)]
    processor = Processor(settings or ImageSettings(png_effort=0))
    return processor.execute(parse_operation(operation), given[0], {NAME: given[1]})


def white(width: int = 100, height: int = 60, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (width, height), "white")


def box(result: Result | Image.Image, color: tuple[int, int, int] = RED) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what has a colour."""
    image = result if isinstance(result, Image.Image) else decoded(result)
    rows, columns = np.nonzero((pixels(image) == color).all(axis=-1))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


PLACES = {
    "northwest": (7, 3),
    "north": (40, 3),
    "northeast": (73, 3),
    "west": (7, 25),
    "center": (40, 25),
    "east": (73, 25),
    "southwest": (7, 47),
    "south": (40, 47),
    "southeast": (73, 47),
}


@pytest.mark.parametrize("gravity", Gravity.__members__)
def test_offsets_lead_inwards_from_the_anchor_and_count_where_it_has_a_side(gravity: str) -> None:
    left, top = PLACES[gravity]
    for name in (gravity, gravity.upper()):
        result = laid(f"{MARK}/gravity/{name}/dx/7/dy/3", white())
        assert box(result) == (left, top, left + 20, top + 10)


def test_without_parameters_it_is_in_the_corner_at_ninety_per_cent() -> None:
    image = decoded(laid(f"watermark/1/image/{b64(NAME)}", white()))
    assert box(image, (255, 25, 25)) == (80, 50, 100, 60)
    assert (pixels(image)[:50] == 255).all()


@pytest.mark.parametrize(("dissolve", "level"), [(1, 252), (50, 127), (99, 3), (100, 0)])
def test_dissolve_is_the_opacity(dissolve: int, level: int) -> None:
    image = decoded(laid(f"{MARK}/dissolve/{dissolve}", white()))
    assert image.getpixel((99, 59)) == pytest.approx((255, level, level), abs=1)


def test_the_alpha_of_the_mark_counts_besides() -> None:
    logo = Image.new("RGBA", (20, 10), (*RED, 128))
    logo.paste((0, 255, 0, 0), (0, 0, 10, 10))
    image = decoded(laid(f"{MARK}/dissolve/50", white(), logo))
    assert image.getpixel((85, 55)) == WHITE
    assert image.getpixel((95, 55)) == pytest.approx((255, 191, 191), abs=1)


def test_on_alpha_it_lies_over() -> None:
    base = Image.new("RGBA", (40, 20), (0, 0, 255, 0))
    base.paste((0, 0, 255, 128), (30, 0, 40, 20))
    image = decoded(laid(f"{MARK}/dissolve/50", base))
    assert image.mode == "RGBA"
    assert image.getpixel((25, 15)) == (*RED, 128)
    assert image.getpixel((35, 15)) == pytest.approx((170, 0, 85, 192), abs=1)
    assert image.getpixel((5, 5))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize(
    ("parameters", "size"),
    [
        ("scatype/1/spcent/500", (50, 25)),
        ("scatype/1/spcent/1000", (100, 50)),
        ("scatype/1/spcent/1", (1, 1)),
        ("scatype/2/spcent/500", (60, 30)),
        ("scatype/3/spcent/250", (55, 27)),
        ("scatype/3/spcent/100", (35, 17)),
    ],
)
def test_scaled_to_a_part_of_the_image(parameters: str, size: tuple[int, int]) -> None:
    left, top, right, bottom = box(laid(f"{MARK}/{parameters}", white()))
    assert (right - left, bottom - top) == size
    assert (right, bottom) == (100, 60)


@pytest.mark.parametrize(
    ("parameters", "size", "gravity"),
    [
        ("blogo/1", (100, 50), "south"),
        ("blogo/2", (100, 60), "south"),
        ("blogo/1/scatype/2/spcent/1000", (100, 50), "south"),
    ],
)
def test_a_mark_that_is_larger_is_scaled_or_cropped(
    parameters: str, size: tuple[int, int], gravity: str
) -> None:
    logo = Image.new("RGB", (200, 100), RED)
    left, top, right, bottom = box(laid(f"{MARK}/{parameters}/gravity/{gravity}", white(), logo))
    assert (right - left, bottom - top) == size


def test_cropping_keeps_the_side_of_the_anchor_and_smaller_marks_stay() -> None:
    logo = Image.new("RGB", (300, 20), (0, 0, 255))
    logo.paste(RED, (290, 0, 300, 20))
    assert box(laid(f"{MARK}/blogo/2/dx/5", white(), logo)) == (85, 40, 95, 60)
    logo.paste(RED, (0, 0, 10, 20))
    assert box(laid(f"{MARK}/blogo/2/gravity/northwest", white(), logo)) == (0, 0, 10, 20)
    for fit in (1, 2):
        assert box(laid(f"{MARK}/blogo/{fit}", white())) == (80, 50, 100, 60)


def test_what_reaches_beyond_the_image_is_cut_off_and_all_outside_is_refused() -> None:
    logo = Image.new("RGB", (200, 100), RED)
    assert box(laid(f"{MARK}/gravity/northwest/dx/90/dy/50", white(), logo)) == (90, 50, 100, 60)
    assert (pixels(decoded(laid(f"{MARK}/gravity/center", white(), logo))) == RED).all()
    for offset in ("dx/100", "dy/60", "dx/99999999999"):
        with pytest.raises(InvalidArgument, match="lies outside the image of 100x60"):
            laid(f"{MARK}/{offset}", white())
    assert box(laid(f"{MARK}/dx/99/dy/59", white())) == (0, 0, 1, 1)


def test_tiles_cover_the_image_with_gaps_and_one_is_at_its_place() -> None:
    image = pixels(decoded(laid(f"{MARK}/batch/1/dx/10/dy/5/gravity/northwest", white())))
    marked = (image == RED).all(axis=-1)
    columns = [(column - 10) % 30 < 20 for column in range(100)]
    rows = [(row - 5) % 15 < 10 for row in range(60)]
    assert (marked == np.outer(rows, columns)).all()
    plain = pixels(decoded(laid(f"{MARK}/batch/1", white())))
    assert (plain == RED).all()
    alone = pixels(decoded(laid(f"{MARK}/batch/1/dx/999999/dy/999999", white())))
    assert not (alone == RED).all(axis=-1).any()


def test_tiles_are_turned_clockwise_and_single_marks_are_not() -> None:
    logo = Image.new("RGB", (20, 10), RED)
    logo.paste((0, 0, 255), (0, 0, 20, 2))  # the upper edge goes to the right
    turned = decoded(laid(f"{MARK}/batch/1/degree/90/gravity/northwest", white(), logo))
    assert [turned.getpixel((x, 5)) for x in (0, 7, 8, 9, 10)] == [RED, RED, (0, 0, 255), (0, 0, 255), RED]
    operation = parse_operation(f"{MARK}/degree/45")
    assert operation == parse_operation(MARK)
    slanted = pixels(decoded(laid(f"{MARK}/batch/1/degree/45/dx/3/dy/3", white())))
    seen = (slanted != 255).any(axis=-1).mean()
    assert 0.3 < seen < 0.6  # a tile of 20x10 in a cell of 24x24
    assert parse_operation(f"{MARK}/batch/1/degree/360") == parse_operation(f"{MARK}/batch/1")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_kinds_of_pictures_and_marks(mode: str) -> None:
    for base, logo in ((white().convert(mode), LOGO), (white(), LOGO.convert(mode))):
        image = decoded(laid(f"{MARK}|imageMogr2/format/png", base, logo))
        expected = RED if logo is LOGO or mode not in ("L", "LA", "1") else None
        if expected:
            assert box(image) == (80, 50, 100, 60)
        assert image.convert("RGB").getpixel((0, 0)) == WHITE
    grey = decoded(laid(f"{MARK}|imageMogr2/format/png", white(mode="L"), LOGO.convert("L")))
    assert (grey.mode, grey.getpixel((99, 59))) == ("L", 76)


def test_wide_samples_cmyk_and_palettes() -> None:
    deep = Image.fromarray(np.full((60, 100), 65535, np.uint16))
    assert box(laid(f"{MARK}|imageMogr2/format/png", deep)) == (80, 50, 100, 60)
    cmyk = source(white().convert("CMYK"), "JPEG", quality=95)
    image = decoded(laid(f"{MARK}/dissolve/100|imageMogr2/quality/95", cmyk))
    assert (image.format, image.mode) == ("JPEG", "RGB")
    assert image.getpixel((95, 55)) == pytest.approx(RED, abs=30)
    gif = source(white().convert("P"), "GIF")
    result = laid(MARK, gif)
    assert (result.content_type, box(result)) == ("image/gif", (80, 50, 100, 60))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "WEBP", "TIFF"])
def test_the_format_of_the_source_is_kept(form: str) -> None:
    result = laid(MARK, source(photo(), form))
    assert result.format == form
    assert not result.is_original


def test_marks_are_upright_and_sources_are_as_they_are_stored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    logo = source(LOGO, "JPEG", quality=100, exif=exif)
    result = decoded(laid(f"{MARK}|imageMogr2/format/png", white(), logo))
    rows, columns = np.nonzero((pixels(result) != 255).any(axis=-1))
    assert (columns.min(), rows.min()) == (90, 40)
    base = source(white(), "JPEG", exif=exif)
    image = decoded(laid(f"imageMogr2/auto-orient|{MARK}|imageMogr2/format/png", base))
    assert (image.size, box(image)) == ((60, 100), (40, 90, 60, 100))


def test_every_frame_of_an_animation_has_it() -> None:
    frames = [Image.new("RGB", (100, 60), color) for color in ("white", "blue", "lime")]
    base = source(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=70, lossless=True)
    result = laid(f"{MARK}|imageMogr2/format/apng", base)
    image = decoded(result)
    assert result.frame_count == 3
    for number in range(3):
        image.seek(number)
        assert image.info["duration"] == 70
        assert box(image.convert("RGB")) == (80, 50, 100, 60)


def test_marks_are_stages_like_others() -> None:
    base = white(200, 120)
    before = laid(f"imageMogr2/thumbnail/!50p|{MARK}", base)
    assert (decoded(before).size, box(before)) == ((100, 60), (80, 50, 100, 60))
    after = laid(f"imageView2/2/w/200|{MARK}|imageMogr2/thumbnail/!50p/format/png", base)
    assert decoded(after).getpixel((95, 58)) == RED
    twice = laid(f"{MARK}/gravity/west|{MARK}/gravity/east", base)
    assert box(twice) == (0, 55, 200, 65)
    assert b'"png"' in laid(f"{MARK}|imageInfo", base).data


def test_canonical_texts_have_what_differs_from_the_defaults() -> None:
    for text, canonical in (
        (f"{MARK}/gravity/SouthEast/dx/0/batch/0/degree/45/blogo/1/dissolve/90", "/blogo/1"),
        (f"{MARK}/gravity/North/dx/9/dy/9", "/gravity/north/dy/9/dissolve/100"),
        (f"{MARK}/spcent/7/scatype/3/dissolve/90", "/scatype/3/spcent/7"),
        (f"{MARK}/batch/1/degree/30.5/ignore-error/1", "/dissolve/100/batch/1/degree/30.5/ignore-error/1"),
    ):
        pipeline = parse_operation(text)
        assert pipeline.normalised == f"watermark/1/image/{b64(NAME)}{canonical}"
        assert parse_operation(pipeline.normalised) == pipeline
    padded = f"watermark/1/image/{b64(NAME)}==="
    assert parse_operation(padded).further_sources == (NAME,)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ("gravity/middle", "gravity is 'middle'"),
        ("dx/-1", "dx is '-1'"),
        ("dy/a", "dy is 'a'"),
        ("dissolve/0", "dissolve is '0'"),
        ("dissolve/101", "dissolve is '101'"),
        ("batch/2", "batch is '2'"),
        ("batch/1/degree/361", "degree is '361'"),
        ("degree/x", "degree is 'x'"),
        ("blogo/0", "blogo is '0'"),
        ("blogo/3", "blogo is '3'"),
        ("scatype/1", "scatype and spcent go together"),
        ("spcent/1", "scatype and spcent go together"),
        ("scatype/4/spcent/1", "scatype is '4'"),
        ("scatype/1/spcent/0", "spcent is '0'"),
        ("scatype/2/spcent/1001", "spcent is '1001'"),
        ("scatype/3/spcent/251", "spcent is '251'"),
        ("dissolve", "dissolve has no value"),
        ("image/*", "image is '*'"),
        ("image/_w", "image is '_w'"),
        ("image/Cg", "image is 'Cg'"),
    ],
)
def test_bad_values_are_refused_in_words(parameters: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_operation(f"{MARK}/{parameters}")
    assert words in caught.value.message
    assert caught.value.number == -106


@pytest.mark.parametrize(
    "text", ["watermark/1", "watermark/1/gravity/north", "watermark/5/image/YQ", "watermark/"]
)
def test_stages_that_name_nothing_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"missing|the type is"):
        parse_operation(text)


@pytest.mark.parametrize("kind", ["3", "4"])
def test_blind_watermarks_are_told_to_be_the_vendors(kind: str) -> None:
    with pytest.raises(NotImplementedHere, match="blind watermarks") as caught:
        parse_operation(f"watermark/{kind}/type/3/text/YQ")
    assert (caught.value.status, caught.value.code) == (501, "NotImplemented")
    assert parse_operation(f"watermark/{kind}/type/1/ignore-error/1").ignore_error


def test_ten_images_are_laid_and_no_more() -> None:
    names = [f"http://b.example/{number}" for number in range(11)]
    stages = [f"watermark/1/image/{b64(name)}" for name in names]
    assert parse_operation("|".join(stages[:10])).further_sources == tuple(names[:10])
    with pytest.raises(InvalidArgument, match="11 image watermarks, more than 10"):
        parse_operation("|".join(stages), max_stages=20)


def test_unknown_parameters_are_skipped_unless_strict() -> None:
    assert parse_operation(f"{MARK}/hdr/1") == parse_operation(MARK)
    with pytest.raises(InvalidArgument, match="'hdr'"):
        parse_operation(f"{MARK}/hdr/1", strict=True)
    with pytest.raises(InvalidArgument, match="'fontsize'"):
        parse_operation(f"{MARK}/fontsize/gravity")


def gif_of_two() -> Source:
    return source(LOGO, "GIF", save_all=True, append_images=[white(20, 10)])


@pytest.mark.parametrize(
    ("logo", "words"),
    [
        (source(b"no image"), "cannot be used"),
        (source(encoded(photo(), "PNG")[:200]), "cannot be used"),
        (gif_of_two(), "is animated"),
    ],
)
def test_what_cannot_be_laid_is_told_with_its_name(logo: Source, words: str) -> None:
    with pytest.raises(InvalidImageSource) as caught:
        laid(MARK, white(), logo)
    assert f"the watermark image '{NAME}'" in caught.value.message
    assert words in caught.value.message
    kept = laid(f"{MARK}/ignore-error/1", white(), logo)
    assert kept.is_original


def test_a_name_is_told_without_what_may_be_secret() -> None:
    secret = f"watermark/1/image/{b64(NAME + '?q-signature=abc')}"
    with pytest.raises(InvalidImageSource) as caught:
        Processor(ImageSettings()).execute(parse_operation(secret), source(white()))
    assert "abc" not in caught.value.message


def test_limits_hold_for_marks() -> None:
    small = ImageSettings(max_input_bytes=400)
    with pytest.raises(InvalidImageSource, match="more than 400"):
        laid(MARK, source(encoded(white(), "PNG", optimize=True)), source(photo()), small)
    with pytest.raises(InvalidImageSource, match="more than 7000 in total"):
        laid(MARK, white(), photo(), ImageSettings(max_pixels=7000))
    thin = Image.new("RGB", (1, 900), RED)
    with pytest.raises(ImageResolutionExceed, match="the watermark would be 100x90000 pixels"):
        laid(f"{MARK}/scatype/1/spcent/1000", white(), thin)
    with pytest.raises(ImageResolutionExceed, match="work on"):
        laid(MARK, white(), photo(), ImageSettings(max_work=30_000))


def test_a_mark_of_a_pixel_on_a_large_image_is_soon_done() -> None:
    result = laid(f"{MARK}/batch/1/dx/1/dy/1", white(3000, 3000), Image.new("RGB", (1, 1), RED))
    assert (pixels(decoded(result)) == RED).all(axis=-1).mean() == pytest.approx(0.25)


def test_images_that_no_step_lays_are_not_touched() -> None:
    further: Mapping[str, Source] = {NAME: source(LOGO), "other": source(b"no image")}
    result = Processor(ImageSettings()).execute(parse_operation(MARK), source(white()), further)
    assert box(result) == (80, 50, 100, 60)


def test_an_unexpected_error_is_no_fault_of_the_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("openmogr.image.steps.watermark._over", broken)
    with pytest.raises(CosError) as caught:
        laid(MARK, white())
    assert caught.value.code == "SlowDown"
