"""The grammar: documented forms, forms of real clients, errors that name stage and token, and properties."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from openmogr.errors import CosError, InvalidArgument
from openmogr.image import Pipeline, parse_operation
from openmogr.image.formats.registry import TARGETS
from openmogr.image.language.operations import (
    AutoOrient,
    Axis,
    Blur,
    Bright,
    Contrast,
    Crop,
    Cut,
    Encoding,
    Flip,
    Gravity,
    Grayscale,
    Info,
    InscribedCircle,
    Quality,
    QualityKind,
    RatioCrop,
    Rotate,
    RoundCorners,
    Sharpen,
    SizeLimit,
    Step,
    Thumbnail,
    ThumbnailForm,
    View,
)


def steps(text: str) -> tuple[Step, ...]:
    return parse_operation(text).steps


def encoding(text: str) -> Encoding:
    return parse_operation(text).encoding


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("!50p", Thumbnail(ThumbnailForm.percent, amount=50)),
        ("!50px", Thumbnail(ThumbnailForm.percent_width, amount=50)),
        ("!x50p", Thumbnail(ThumbnailForm.percent_height, amount=50)),
        ("300x", Thumbnail(ThumbnailForm.fit, 300, None)),
        ("x300", Thumbnail(ThumbnailForm.fit, None, 300)),
        ("300x200", Thumbnail(ThumbnailForm.fit, 300, 200)),
        ("300x200>", Thumbnail(ThumbnailForm.shrink, 300, 200)),
        ("300x200<", Thumbnail(ThumbnailForm.enlarge, 300, 200)),
        ("!300x200r", Thumbnail(ThumbnailForm.cover, 300, 200)),
        ("300x200!", Thumbnail(ThumbnailForm.exact, 300, 200)),
        ("300000@", Thumbnail(ThumbnailForm.area, amount=300000)),
        ("!100x100!", Thumbnail(ThumbnailForm.exact, 100, 100)),
        ("!100x100", Thumbnail(ThumbnailForm.exact, 100, 100)),
        ("300000", Thumbnail(ThumbnailForm.area, amount=300000)),
        ("160x>", Thumbnail(ThumbnailForm.shrink, 160, None)),
        ("x160<", Thumbnail(ThumbnailForm.enlarge, None, 160)),
    ],
)
def test_thumbnail_forms(value: str, expected: Thumbnail) -> None:
    assert steps(f"imageMogr2/thumbnail/{value}") == (expected,)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "ax",
        "300x200>>",
        "!0p",
        "!1001p",
        "!x50px",
        "0@",
        "-5x",
        "300*200",
        "!300x",
        "300x!",
        "300x0!",
        "!200r",
        "!200>",
        "-200>",
        "3..5x",
        "1e3x",
        "0p",
        "٣x",
    ],
)
def test_bad_thumbnails_are_refused(value: str) -> None:
    with pytest.raises(InvalidArgument, match="thumbnail"):
        parse_operation(f"imageMogr2/thumbnail/{value}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto-orient", AutoOrient()),
        ("cut/600x400x100x10", Cut(600, 400, 100, 10)),
        ("cut/600x400x100x10/gravity/SouthEast", Cut(600, 400, 100, 10, Gravity.southeast)),
        ("gravity/north/cut/600x400x0x0", Cut(600, 400, 0, 0, Gravity.north)),
        ("crop/300x400", Crop(300, 400)),
        ("crop/300x400/gravity/northwest", Crop(300, 400, Gravity.northwest)),
        ("crop/300x", Crop(300, None)),
        ("crop/x400", Crop(None, 400)),
        ("crop/!600x600-20a20", Cut(600, 600, -20, 20, legacy=True)),
        ("rotate/90", Rotate(90)),
        ("rotate/90f", Rotate(90)),
        ("rotate/12.5", Rotate(12.5)),
        ("flip/vertical", Flip(Axis.vertical)),
        ("flip/horizontal", Flip(Axis.horizontal)),
        ("blur/8x5", Blur(8, 5)),
        ("blur/1x0", Blur(1, 0)),
        ("sharpen/70", Sharpen(70)),
        ("bright/-70", Bright(-70)),
        ("contrast/50", Contrast(50)),
        ("grayscale/1", Grayscale()),
        ("rcrop/0.75x1.5", RatioCrop(0.75, 1.5)),
        ("rcrop/1x1/gravity/north", RatioCrop(1, 1, Gravity.north)),
        ("iradius/200", InscribedCircle(200)),
        ("rradius/100", RoundCorners(100)),
    ],
)
def test_steps(text: str, expected: Step) -> None:
    assert steps(f"imageMogr2/{text}") == (expected,)


def test_steps_keep_their_order_and_the_last_of_a_name_wins() -> None:
    assert steps("imageMogr2/rotate/90/thumbnail/10x/strip/flip/vertical/rotate/180") == (
        Thumbnail(ThumbnailForm.fit, 10),
        Flip(Axis.vertical),
        Rotate(180),
    )


@pytest.mark.parametrize("text", ["auto-orient/0", "grayscale/0", "auto-orient/auto-orient/0"])
def test_switched_off_steps_are_none(text: str) -> None:
    assert steps(f"imageMogr2/{text}") == ()


def test_an_explicit_no_to_turning_is_kept() -> None:
    assert encoding("imageMogr2/auto-orient/0") == Encoding(keep_orientation=True)
    assert encoding("imageMogr2/auto-orient/auto-orient/0") == Encoding(keep_orientation=True)
    assert encoding("imageMogr2/auto-orient/0/auto-orient") == Encoding()
    assert encoding("imageMogr2/auto-orient/1") == Encoding()
    text = "imageMogr2/format/tpg/auto-orient/0"
    assert parse_operation(text).normalised == "imageMogr2/auto-orient/0/format/tpg"
    assert parse_operation(parse_operation(text).normalised) == parse_operation(text)


def test_pad_needs_both_sides() -> None:
    padded = Thumbnail(ThumbnailForm.fit, 800, 800, pad=True, color=(0, 0, 0))
    assert steps("imageMogr2/thumbnail/800x800/pad/1/color/IzAwMDAwMA") == (padded,)
    assert steps("imageMogr2/thumbnail/800x800/pad/1/color/IzAwMDAwMA==") == (padded,)
    assert steps("imageMogr2/pad/1/thumbnail/800x800") == (Thumbnail(ThumbnailForm.fit, 800, 800, pad=True),)
    assert steps("imageMogr2/thumbnail/800x/pad/1") == (Thumbnail(ThumbnailForm.fit, 800),)
    assert steps("imageMogr2/thumbnail/800x800/pad/0") == (Thumbnail(ThumbnailForm.fit, 800, 800),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("imageMogr2/format/TPG", Encoding(format="tpg")),
        ("imageMogr2/quality/80", Encoding(quality=Quality(QualityKind.absolute, 80))),
        ("imageMogr2/quality/80!", Encoding(quality=Quality(QualityKind.absolute, 80, force=True))),
        ("imageMogr2/rquality/80", Encoding(quality=Quality(QualityKind.relative, 80))),
        ("imageMogr2/lquality/80", Encoding(lower_quality=80)),
        ("imageMogr2/quality/10/rquality/80", Encoding(quality=Quality(QualityKind.relative, 80))),
        ("imageMogr2/strip", Encoding(strip=True)),
        ("imageMogr2/strip/1/interlace/1", Encoding(strip=True, interlace=True)),
        ("imageMogr2/strip/0", Encoding(strip=False)),
        ("imageMogr2/cgif/30", Encoding(frame_limit=30)),
        ("imageMogr2/size-limit/15k!", Encoding(size_limit=SizeLimit(15, "k", only_if_smaller=True))),
        ("imageMogr2/size-limit/1M", Encoding(size_limit=SizeLimit(1, "m"))),
        ("imageMogr2/ignore-error/1", Encoding(ignore_error=True)),
        ("imageView2/q/75", Encoding(quality=Quality(QualityKind.absolute, 75))),
        ("imageView2/2/rq/75/lq/50/format/png", Encoding("png", Quality(QualityKind.relative, 75), 50)),
        ("imageMogr2/format/webp|imageMogr2/quality/80", Encoding("webp", Quality(QualityKind.absolute, 80))),
        ("imageMogr2/format/webp/strip|imageMogr2/format/png", Encoding("png", strip=True)),
    ],
)
def test_encoding(text: str, expected: Encoding) -> None:
    assert encoding(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("imageView2/0/w/10", View(0, 10, None)),
        ("imageView2/1/w/500/h/400", View(1, 500, 400)),
        ("imageView2/2/h/400", View(2, None, 400)),
        ("imageView2/5/h/400/w/800", View(5, 800, 400)),
        ("imageView2/w/100", View(2, 100, None)),
        ("imageView2/2/w/1500/a/100", View(2, 1500, None)),
    ],
)
def test_views(text: str, expected: View) -> None:
    assert steps(text) == (expected,)


@pytest.mark.parametrize(
    "text",
    [
        "imageMogr2/auto-orient/strip|imageView2/2/w/1240",
        "imageMogr2/auto-orient/strip|imageView2/2/w/509/format/webp",
        "imageMogr2/auto-orient/format/webp/quality/80!/ignore-error/1",
        "imageMogr2/thumbnail/360x360/format/webp/quality/100",
        "imageMogr2/thumbnail/!20p",
        "imageMogr2/thumbnail/180x/blur/1x0/quality/75",
        "imageView2/2/q/80|imageMogr2/ignore-error/1",
        "imageView2/2/w/640/format/webp|imageMogr2/strip",
        "imageView2/1/w/900/h/675/|imageMogr2/strip/interlace/1/quality/85/format/jpg",
        "imageMogr2/thumbnail/800x|imageMogr2/format/webp|imageMogr2/quality/80",
        "imageMogr2/ignore-error/1/thumbnail/160x>?v=1753684343060",
        "imageMogr2/thumbnail/!100x100!",
        "imageMogr2/thumbnail/300x/interlace/1",
        "imageMogr2/thumbnail/200x/",
        "imageView2/format/png",
        "imageView2",
        "imageMogr2/thumbnail/640x|imageInfo",
        "imageMogr2/format/heif/AIGCMetadata/e30",
        "imagemogr2/thumbnail/200x|IMAGEVIEW2/1/w/9|ImageInfo",
    ],
)
def test_forms_of_real_clients(text: str) -> None:
    pipeline = parse_operation(text)
    assert pipeline.failure is None
    assert parse_operation(pipeline.normalised) == pipeline


@pytest.mark.parametrize("text", ["imageInfo", "imageAve", "exif"])
def test_information_operations(text: str) -> None:
    assert parse_operation(text).info is Info(text)
    with pytest.raises(InvalidArgument, match="last"):
        parse_operation(f"{text}|imageMogr2/strip")
    with pytest.raises(InvalidArgument, match="'1'"):
        parse_operation(f"{text}/1")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        ("|", "empty"),
        ("imageMogr3/strip", "'imageMogr3'"),
        ("imageMogr2/strip|imageView2/9", "stage 2 .*'9'"),
        ("imageMogr2/quality/101", "'101'"),
        ("imageMogr2/quality/-1", "'-1'"),
        ("imageMogr2/quality/٣", "quality"),
        ("imageMogr2/quality", "quality has no value"),
        ("imageMogr2/format/astc", "'astc'"),
        ("imageMogr2/format/svgc", "'svgc'"),
        ("imageMogr2/rotate/361", "'361'"),
        ("imageMogr2/rotate/nan", "'nan'"),
        ("imageMogr2/flip/up", "'up'"),
        ("imageMogr2/blur/51x1", "'51'"),
        ("imageMogr2/blur/5x1.2.3", r"'5x1\.2\.3'"),
        ("imageMogr2/cut/10", "'10'"),
        ("imageMogr2/cut/10x10x1", "'10x10x1'"),
        ("imageMogr2/cut/x10", "'x10'"),
        ("imageMogr2/crop/!x", "'!x'"),
        ("imageMogr2/crop/!0x9", "'!0x9'"),
        ("imageMogr2/crop/!9x9a1", "'!9x9a1'"),
        ("imageMogr2/format/a*", r"'a\*'"),
        ("imageView2/1/w/-1", "'-1'"),
        ("imageView2/1/w/auto", "'auto'"),
        ("imageMogr2/sharpen/9", "'9'"),
        ("imageMogr2/bright/101", "'101'"),
        ("imageMogr2/contrast/x", "'x'"),
        ("imageMogr2/grayscale/2", "'2'"),
        ("imageMogr2/iradius/0", "'0'"),
        ("imageMogr2/cut/0x10x0x0", "'0x10x0x0'"),
        ("imageMogr2/crop/x", "crop"),
        ("imageMogr2/crop/0x5", "'0x5'"),
        ("imageMogr2/gravity/middle", "gravity"),
        ("imageMogr2/color/zz", "'zz'"),
        ("imageMogr2/size-limit/0k", "'0k'"),
        ("imageMogr2/size-limit/10", "'10'"),
        ("imageMogr2/cgif/101", "'101'"),
        ("imageMogr2/interlace/yes", "'yes'"),
        ("imageMogr2/nonsense", "'nonsense'"),
        ("imageMogr2/nonsense/format/png", "'nonsense'"),
        ("imageView2/1/w", "w has no value"),
        ("style/small", "'small'"),
        ("|".join(["imageMogr2/strip"] * 11), "11 stages"),
    ],
)
def test_errors_name_stage_and_token(text: str, named: str) -> None:
    with pytest.raises(InvalidArgument, match=named) as caught:
        parse_operation(text)
    assert caught.value.number in {-106, -443, -105}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("imageMogr2/strip/watermark/2/text/eA", "'watermark' is an operation"),
        ("imageMogr2/auto-orient/imageView2/2/w/100", "'imageView2' is an operation"),
        ("imageView2/2/w/100/imageslim/1", "'imageslim' is an operation"),
        ("imageView2/1/200/200", "unknown parameter '200'"),
        ("imageMogr2/x/Thumbnail/100x", "unknown parameter 'x'"),
    ],
)
def test_what_cannot_be_a_parameter_is_not_skipped(text: str, named: str) -> None:
    with pytest.raises(InvalidArgument, match=named):
        parse_operation(text)


def test_names_of_parameters_in_any_case() -> None:
    for written, meant in {
        "imageMogr2/Thumbnail/20x/FORMAT/webp/Strip": "imageMogr2/thumbnail/20x/format/webp/strip/1",
        "imageView2/2/W/20/Q/50": "imageView2/2/w/20/q/50",
        "watermark/2/Text/eA/FontSize/20": "watermark/2/text/eA/fontsize/20",
    }.items():
        assert parse_operation(written, strict=True) == parse_operation(meant)


def test_unknown_parameters_are_skipped_unless_strict() -> None:
    assert parse_operation("imageMogr2/hdr/1/format/png").encoding.format == "png"
    with pytest.raises(InvalidArgument, match="'hdr'"):
        parse_operation("imageMogr2/hdr/1/format/png", strict=True)
    with pytest.raises(InvalidArgument, match="'a'"):
        parse_operation("imageView2/2/w/1500/a/100", strict=True)


@pytest.mark.parametrize(
    "text",
    [
        "imageMogr2/quality/900/ignore-error/1",
        "watermark/3/type/3/text/eA|imageMogr2/ignore-error/1",
        "imageMogr2/ignore-error/1/x",
    ],
)
def test_ignore_error_carries_the_failure(text: str) -> None:
    pipeline = parse_operation(text)
    assert pipeline.failure is not None
    assert pipeline.ignore_error
    assert pipeline.normalised == text
    assert parse_operation(pipeline.normalised) == pipeline


def test_ignore_error_does_not_hide_an_unknown_style() -> None:
    with pytest.raises(InvalidArgument, match="style"):
        parse_operation("style/a|imageMogr2/ignore-error/1")


def test_messages_hold_only_printable_characters() -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_operation("imageMogr2/format/\x00\x1b\ud800" + "x" * 500)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 200


def test_canonical_text_does_not_depend_on_spelling() -> None:
    texts = [
        "imageMogr2/thumbnail/!9x9!/crop/5x5/gravity/CENTER/format/PNG",
        "imageMogr2//format/png/thumbnail/9x9!/crop/5x5/",
    ]
    assert {parse_operation(text).normalised for text in texts} == {
        "imageMogr2/thumbnail/9x9!/crop/5x5/format/png"
    }


_number = st.integers(0, 12_000).map(str)
_size = st.builds(
    "{}{}x{}{}".format,
    st.sampled_from(["", "!"]),
    st.one_of(_number, st.just("")),
    st.one_of(_number, st.just("")),
    st.sampled_from(["", "", ">", "<", "!", "r", "x3x4", "a1-2"]),
)
_value = st.one_of(
    _size,
    _number,
    st.builds("{}!".format, _number),
    st.builds("!{}p".format, _number),
    st.builds("{}.{}f".format, _number, _number),
    st.sampled_from(
        [*TARGETS, *Gravity.__members__, "vertical", "20k", "3m!", "IzAwMDAwMA", "1", "0", "-20"]
    ),
    st.text(max_size=5),
)
_NAMES = (
    "thumbnail cut crop rotate flip blur sharpen bright contrast grayscale iradius rradius format quality "
    "rquality lquality interlace strip auto-orient gravity pad color cgif size-limit ignore-error w h q rq "
    "lq scrop rcrop x image text font fontsize fill dissolve dx dy batch degree blogo scatype spcent shadow"
)
_name = st.sampled_from(_NAMES.split())
_stage_name = st.sampled_from(
    ["imageMogr2", "imageMogr2", "imageView2", "imageView2/1", "imageInfo", "watermark/1", "watermark/2", "y"]
)
_stage = st.builds(
    lambda name, pairs: "/".join([name, *(token for pair in pairs for token in pair)]),
    _stage_name,
    st.lists(st.tuples(_name, _value), max_size=5),
)
_texts = st.one_of(st.lists(_stage, min_size=1, max_size=4).map("|".join), st.text(), _stage)


def _parsed(text: str) -> Pipeline | None:
    try:
        return parse_operation(text)
    except CosError:
        return None


@given(_texts)
@example("imageMogr2/crop/9x9/cut/4x4x1x1/gravity/center")
@example("imageMogr2/ignore-error/1/quality/999")
def test_canonical_text_means_the_same(text: str) -> None:
    pipeline = _parsed(text)
    if pipeline is not None:
        again = parse_operation(pipeline.normalised)
        assert again == pipeline
        assert again.normalised == pipeline.normalised


@given(st.sampled_from(["thumbnail", "crop", "cut"]), _size)
def test_sizes_are_read_or_refused(name: str, value: str) -> None:
    pipeline = _parsed(f"imageMogr2/{name}/{value}")
    for step in pipeline.steps if pipeline else ():
        assert isinstance(step, (Thumbnail, Crop, Cut))
        assert (step.width, step.height) != (0, 0)
