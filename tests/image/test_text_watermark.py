"""Text watermarks: every parameter, its edges and its errors (``docs/spec/api/image-mogr2.md#10.3``)."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from openmogr.errors import CosError, InvalidArgument, NotSupported
from openmogr.image import ImageSettings, Processor, Result, Source, font_versions, parse_operation
from openmogr.image.language.operations import Gravity
from openmogr.image.text.faces import FONTS, Face
from openmogr.image.text.fonts import find_font, font_for
from openmogr.image.text.glyphs import read_glyphs

from .conftest import decoded, encoded, pixels

SETTINGS = ImageSettings()
WORDS = "腾讯云 Agj"


def b64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def mark(words: str = WORDS, **parameters: str | int) -> str:
    """An operation; of parameters in Base64 the text."""
    coded = {
        name: b64(str(value)) if name in ("font", "fill") else value for name, value in parameters.items()
    }
    return "/".join([f"watermark/2/text/{b64(words)}", *(f"{name}/{value}" for name, value in coded.items())])


@pytest.fixture(autouse=True)
def _font() -> None:
    if find_font(Face.sans, SETTINGS.fonts) is None:
        pytest.skip(f"no font with Latin and CJK glyphs in {', '.join(SETTINGS.fonts)}")


def written(operation: str, base: Image.Image | None = None) -> Result:
    data = encoded(base or Image.new("RGB", (300, 200), "white"), "PNG")
    return Processor(SETTINGS).execute(parse_operation(operation), Source(data=data))


def ink(result: Result | Image.Image) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is not white."""
    image = result if isinstance(result, Image.Image) else decoded(result)
    rows, columns = np.nonzero((pixels(image) != 255).any(axis=-1))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


@pytest.mark.parametrize("gravity", Gravity.__members__)
def test_it_stands_at_its_anchor(gravity: str) -> None:
    left, top, right, bottom = ink(written(mark(gravity=gravity, fontsize=30, dx=11, dy=7)))
    across, down = Gravity[gravity].value
    # A glyph does not fill its advance, nor a line the em.
    assert (left - 11, left + right - 300, 289 - right)[across] == pytest.approx(0, abs=4)
    assert (top - 7, top + bottom - 200, 193 - bottom)[down] == pytest.approx(0, abs=6)


def test_without_parameters_it_is_grey_small_and_in_the_corner() -> None:
    image = decoded(written(mark()))
    _, top, right, bottom = ink(image)
    assert (right, bottom) == pytest.approx((300, 200), abs=2)
    assert 10 <= bottom - top <= 17
    darkest = int(pixels(image).min())
    assert darkest == pytest.approx(255 - 0.9 * (255 - 0x3D), abs=3)
    assert (
        written(mark()).data
        == written(mark(font="tahoma.ttf", fontsize=13, fill="#3D3D3D", dissolve=90)).data
    )


@pytest.mark.parametrize("size", [8, 20, 60, 150])
def test_fontsize_is_the_height_of_the_em(size: int) -> None:
    _, top, _, bottom = ink(written(mark("国", fontsize=size), Image.new("RGB", (400, 400), "white")))
    assert bottom - top == pytest.approx(0.9 * size, abs=0.08 * size + 1.5)


def test_the_largest_size_is_a_thousand() -> None:
    assert parse_operation(mark(fontsize=1000)).steps
    for wrong in ("0", "1001", "x", "-3"):
        with pytest.raises(InvalidArgument, match="fontsize"):
            parse_operation(mark(fontsize=wrong))


@pytest.mark.parametrize(
    ("fill", "color"),
    [("#FF0000", (255, 0, 0)), ("00ff00", (0, 255, 0)), ("#00F", (0, 0, 255)), ("DarkOrange", (255, 140, 0))],
)
def test_fill_is_a_colour_or_its_name(fill: str, color: tuple[int, int, int]) -> None:
    image = decoded(written(mark("一一一", fill=fill, fontsize=100, dissolve=100))).convert("RGB")
    assert color in {image.getpixel((x, y)) for x in range(250, 290, 5) for y in range(100, 200)}


@pytest.mark.parametrize("fill", ["#12345", "nocolour", "", "#GGGGGG"])
def test_other_colours_are_refused(fill: str) -> None:
    with pytest.raises(InvalidArgument, match=r"fill (is|has)"):
        parse_operation(mark(fill=fill))


def test_dissolve_is_the_opacity() -> None:
    darkest = [
        int(pixels(decoded(written(mark("黑", fontsize=90, fill="#000", dissolve=n)))).min())
        for n in (1, 50, 100)
    ]
    assert darkest == pytest.approx([252, 127, 0], abs=2)


def test_a_shadow_lies_below_and_to_the_right() -> None:
    plain = pixels(
        decoded(written(mark(fontsize=40, fill="#FF0000", dissolve=100, gravity="center")))
    ).astype(int)
    soft, hard = (
        pixels(
            decoded(
                written(mark(fontsize=40, fill="#FF0000", dissolve=100, gravity="northwest", shadow=shadow))
            )
        ).astype(int)
        for shadow in (30, 100)
    )
    assert ((plain[..., 0] >= 250) | (plain.min(axis=-1) == 255)).all()
    # Black appears beside the red, the more the stronger.
    assert hard[..., 0].min() < soft[..., 0].min() < 200
    bare = ink(written(mark(fontsize=40, gravity="northwest")))
    left, top, right, bottom = ink(written(mark(fontsize=40, gravity="northwest", shadow=100)))
    # Softness reaches a little further on the other sides.
    assert (left, top) == pytest.approx(bare[:2], abs=2)
    assert right > bare[2]
    assert bottom > bare[3]
    for wrong in ("-1", "101"):
        with pytest.raises(InvalidArgument, match="shadow"):
            parse_operation(mark(shadow=wrong))


def test_lines_are_aligned_to_the_side_of_the_anchor() -> None:
    words = "国国国国\n国\n\n国"
    for gravity, expected in (("northwest", [0, 0, 0]), ("north", [0, 45, 45]), ("northeast", [0, 90, 90])):
        image = pixels(decoded(written(mark(words, fontsize=30, gravity=gravity)))).min(axis=-1)
        rows = [image[36 * line : 36 * line + 30] for line in (0, 1, 3)]
        starts = [int(np.flatnonzero((row < 255).any(axis=0)).min()) for row in rows]
        assert [start - starts[0] for start in starts] == pytest.approx(expected, abs=2)
        assert (image[72:106] == 255).all()
    assert written(mark("a\r\nb")).data == written(mark("a\nb\n")).data == written(mark("a\rb")).data


def test_tiles_cover_the_image_with_room_between_them() -> None:
    image = pixels(decoded(written(mark("国", fontsize=20, batch=1)))).min(axis=-1) < 255
    columns = np.flatnonzero(image.any(axis=0))
    assert (columns.min() < 45, columns.max() > 270) == (True, True)
    assert 0.3 < image.any(axis=0).mean() < 0.6
    turned = [written(mark("Agj", fontsize=20, batch=1, degree=degree)).data for degree in (0, 30, 90, 360)]
    assert turned[0] == turned[3]
    assert len(set(turned)) == 3
    assert written(mark("Agj", degree=30)).data == written(mark("Agj")).data


def test_every_name_of_the_api_is_a_font_and_others_are_refused() -> None:
    others = (
        "YouYuan.ttf",
        "Ahronbd.ttf",
        "Arial.ttf",
        "Ariblk.ttf",
        "Helvetica.dfont",
        "HelveticaNeue.dfont",
    )
    for name in (
        *others,
        "SimFang.ttf",
        "SimHei.ttf",
        "SimKai.ttf",
        "SimSun.ttc",
        "STHeiti-Light.ttc",
        "STHeiti-Medium.ttc",
        "tahoma.ttf",
        "simfang",
        "simhei",
        "SIMKAI.TTF",
    ):
        assert parse_operation(mark(font=name)).steps
        assert written(mark("国", font=name)).data
    assert FONTS["simsun"] is Face.serif
    sans, heavy, serif = (
        written(mark(font=name, fontsize=40)).data for name in ("simhei", "ariblk", "simsun")
    )
    assert len({sans, heavy, serif}) == 3
    for name in ("comicsans.ttf", " ", "../../etc/passwd"):
        with pytest.raises(InvalidArgument, match="font is"):
            parse_operation(mark(font=name))


def test_the_bold_font_is_heavier() -> None:
    weights = [
        float(255 - pixels(decoded(written(mark("Agj国", font=name, fontsize=60)))).mean())
        for name in ("arial.ttf", "ariblk.ttf")
    ]
    assert weights[1] > 1.2 * weights[0]


@pytest.mark.parametrize("words", ["smile \U0001f600", "\uffff", "नमस्ते", "\ue123"])
def test_a_missing_glyph_is_told(words: str) -> None:
    with pytest.raises(InvalidArgument, match="stands for tahoma, has no character") as caught:
        written(mark(words))
    assert f"U+{ord(max(words)):04X}" in caught.value.message
    assert written(mark(words) + "/ignore-error/1").is_original


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("watermark/2", "text is missing"),
        ("watermark/2/fontsize/9", "text is missing"),
        ("watermark/2/text/%", "text is '%'"),
        ("watermark/2/text/_w", "text is '_w'"),
        (f"watermark/2/text/{b64('  ')}", "not empty"),
        (f"watermark/2/text/{b64('a' + chr(7))}", "control character"),
        (f"watermark/2/text/{b64('a' * 1001)}", "1001 characters, more than 1000"),
        (f"watermark/2/text/{b64('a')}/blogo/text", "'blogo'"),
        (f"watermark/2/text/{b64('a')}/dissolve/0", "dissolve"),
    ],
)
def test_what_is_no_text_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_operation(text)
    assert words in caught.value.message


def test_without_a_font_it_is_told_which_to_install(tmp_path: Path) -> None:
    processor = Processor(ImageSettings(fonts=(str(tmp_path), "/nowhere")))
    source = Source(data=encoded(Image.new("RGB", (30, 20)), "PNG"))
    with pytest.raises(NotSupported, match="fonts-noto-cjk"):
        processor.execute(parse_operation(mark()), source)
    assert font_versions(processor.settings) == ()
    (tmp_path / "NotoSansCJK-Regular.ttc").write_bytes(b"ttcf no font")
    assert find_font(Face.sans, (str(tmp_path) + "/",)) is None


def test_results_depend_on_the_fonts_that_are_there() -> None:
    found = font_versions(SETTINGS)
    assert found[0].startswith("sans ")
    assert font_versions(ImageSettings(fonts=())) == ()


def test_what_a_font_has_is_what_freetype_draws() -> None:
    found = font_for("tahoma", SETTINGS)
    font = ImageFont.truetype(found.path, 20, found.index, layout_engine=ImageFont.Layout.BASIC)
    box = bytes(font.getmask("\U0010fffe"))
    sample = [chr(code) for code in range(0x21, 0x30000, 97) if not 0xD800 <= code < 0xE000]
    missing = set(found.glyphs.missing("".join(sample)))
    assert len(missing) < len(sample)
    for character in sample:
        assert (bytes(font.getmask(character)) == box) == (character in missing), hex(ord(character))


def test_the_table_of_the_basic_plane_alone_is_read_too() -> None:
    path = next(Path("/usr/share/fonts").rglob("DejaVuSans.ttf"), None)
    if path is None:
        pytest.skip("no DejaVu Sans in /usr/share/fonts")
    glyphs = read_glyphs(path, 0)
    assert glyphs.missing("Agjé€") == ""
    assert glyphs.missing("a国") == "国"


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "CMYK", "I;16"])
def test_kinds_of_pictures(mode: str) -> None:
    base = Image.new("RGB", (120, 60), "white")
    if mode == "I;16":
        base = Image.fromarray(np.full((60, 120), 65535, np.uint16))
    form = "TIFF" if mode == "CMYK" else "PNG"
    data = encoded(base if mode == "I;16" else base.convert(mode), form)
    result = Processor(SETTINGS).execute(
        parse_operation(mark(fill="#FF0000", fontsize=30) + "|imageMogr2/format/png"), Source(data=data)
    )
    image = decoded(result)
    assert (pixels(image)[..., 0] > 240).all()
    assert (pixels(image)[..., 1] < 60).any()


def test_grey_on_grey_stays_grey() -> None:
    result = written(mark(fill="#808080"), Image.new("L", (100, 60), 255))
    assert decoded(result).mode == "L"


def test_every_frame_has_it_and_pipelines_go_on() -> None:
    frames = [Image.new("RGB", (120, 60), color) for color in ("white", "#FFFFFE", "#FEFFFF")]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=50, lossless=True)
    operation = f"imageMogr2/thumbnail/!50p|{mark('国', fontsize=20)}|imageMogr2/format/apng"
    result = Processor(SETTINGS).execute(parse_operation(operation), Source(data=data))
    assert (result.frame_count, result.width, result.height) == (3, 60, 30)
    image = decoded(result)
    for number in range(3):
        image.seek(number)
        assert pixels(image).min() < 120


def test_canonical_texts() -> None:
    text = mark("é", font="SimSun.ttc", fontsize=20, fill="white", shadow=5, dx=3, dissolve=40)
    canonical = parse_operation(text).normalised
    assert canonical == (
        f"watermark/2/text/{b64('é')}/font/{b64('simsun')}/fontsize/20/fill/{b64('#FFFFFF')}/shadow/5/dx/3/dissolve/40"
    )
    assert parse_operation(canonical) == parse_operation(text)
    # One character, however it is composed.
    assert parse_operation(mark("\u00e9")) == parse_operation(mark("e\u0301"))


def test_a_text_that_would_be_huge_is_refused() -> None:
    small = ImageSettings(max_pixels=500_000, max_work=2_000_000)
    source = Source(data=encoded(Image.new("RGB", (100, 60), "white"), "PNG"))
    with pytest.raises(CosError, match="the watermark would be") as caught:
        Processor(small).execute(parse_operation(mark("国" * 500, fontsize=1000)), source)
    assert caught.value.code == "ImageResolutionExceed"
