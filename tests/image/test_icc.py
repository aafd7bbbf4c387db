"""``icc/<keep|srgb>``, an extension of ours: results in the colours of their sources, with their ICC profiles."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from openmogr.errors import CosError, InvalidArgument
from openmogr.image import ImageSettings, Loss, Processor, Result, Source, parse_operation
from openmogr.image.formats.registry import TARGETS
from openmogr.image.source.colour import own_space
from openmogr.image.source.nclx import nclx_profile, read_nclx
from openmogr.image.source.open import OpenedImage, open_image

from .conftest import Pixels, Run, decoded, encoded, photo, pixels

P3 = nclx_profile(12, 13) or b""
# Gamma 2.2 and BT.2020, by which colours are far from what sRGB makes of the same numbers.
WIDE = nclx_profile(9, 4) or b""
HOLDING = sorted(name for name, target in TARGETS.items() if target.container.profile_spaces)
BARE = sorted(set(TARGETS) - set(HOLDING))
LOSSLESS = {"png", "apng", "tiff"}

# The mean that lossy formats may be off at quality 95, of 255.
_MEAN = 4.5


def installed(name: str) -> bool:
    try:
        TARGETS[name].container.check_writable()
    except CosError:
        return False
    return True


def needs(name: str) -> None:
    """Skips a test of a format that is not installed."""
    if not installed(name):
        pytest.skip(f"{name} is not installed")


def profile_of(source: bytes | Path) -> bytes:
    """The profile that a file carries, as another reader than ours finds it."""
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
        return image.info.get("icc_profile") or b""


def seen(data: bytes | Image.Image, profile: bytes | None = None) -> Pixels:
    """What a viewer that manages colours shows, in sRGB: by littleCMS and the embedded profile, or by ``profile``."""
    image = decoded(data) if isinstance(data, bytes) else data
    profile = image.info.get("icc_profile") if profile is None else profile
    assert isinstance(profile, bytes)
    grey = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space.strip() == "GRAY"
    shown = ImageCms.profileToProfile(
        image.convert("L" if grey else "RGB"),
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert shown is not None
    return pixels(shown)


def off(one: Pixels, other: Pixels) -> float:
    """The mean difference of samples."""
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other).mean())


def grey_profile(gamma: float = 1.8) -> bytes:
    """A profile of grey, made of one of RGB: its white point and one of its curves."""
    curve = b"curv" + bytes(4) + (1).to_bytes(4, "big") + round(gamma * 256).to_bytes(2, "big") + bytes(2)
    white = b"XYZ " + bytes(4) + b"".join(round(v * 65536).to_bytes(4, "big") for v in (0.9642, 1, 0.8249))
    entries, data = b"", b""
    for name, value in ((b"wtpt", white), (b"kTRC", curve)):
        entries += name + (128 + 4 + 24 + len(data)).to_bytes(4, "big") + len(value).to_bytes(4, "big")
        data += value
    header = bytearray(P3[:128])
    header[16:20] = b"GRAY"
    made = bytes(header) + (2).to_bytes(4, "big") + entries + data
    return len(made).to_bytes(4, "big") + made[4:]


# Real pictures


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("p3.png", ""),
        ("prophoto.png", ""),
        ("jpg-24bit-icc-adobe-rgb.jpg", "thumbnail/250x/"),
        ("jpg-24bit-icc-adobe-rgb.jpg", "cut/200x150x700x400/"),
        ("Portrait_6.jpg", "auto-orient/thumbnail/200x/"),
        ("empty_icc.heic", "thumbnail/200x/"),
    ],
)
def test_results_show_what_the_source_shows(inputs: Path, name: str, steps: str, run: Run) -> None:
    """The lossless result tells the numbers that stay; it is checked against Pillow's own scaling below."""
    if name.endswith("heic"):
        needs("heic")
    source = inputs / name
    profile = profile_of(source)
    numbers = decoded(run(f"imageMogr2/{steps}icc/keep/format/png", source))
    wanted = seen(numbers, profile)
    for target in (name for name in HOLDING if installed(name)):
        made = run(f"imageMogr2/{steps}icc/keep/quality/95!/format/{target}", source)
        assert profile_of(made.data) == profile, target
        assert Loss.profile not in made.losses
        most = 0.0 if target in LOSSLESS else _MEAN
        assert off(seen(made.data), wanted) <= most, target


@pytest.mark.parametrize("name", ["p3.png", "prophoto.png", "jpg-24bit-icc-adobe-rgb.jpg", "empty_icc.heic"])
def test_numbers_stay_as_they_are(inputs: Path, name: str, run: Run) -> None:
    if name.endswith("heic"):
        needs("heic")
    with Image.open(inputs / name) as image:
        source, profile = image.convert("RGB"), image.info["icc_profile"]
    kept = decoded(run("imageMogr2/icc/keep/format/png", inputs / name))
    # Decoders of the same JPEG round differently.
    assert np.abs(pixels(kept).astype(int) - pixels(source)).max() <= 2
    assert off(seen(kept), seen(source, profile)) <= 0.5


@pytest.mark.parametrize("name", ["p3.png", "jpg-24bit-icc-adobe-rgb.jpg"])
@pytest.mark.parametrize("target", BARE)
def test_formats_without_profiles_convert(inputs: Path, name: str, target: str, run: Run) -> None:
    needs(target)
    text = f"imageMogr2/thumbnail/200x>/format/{target}"
    kept, plain = run(f"{text}/icc/keep", inputs / name), run(text, inputs / name)
    assert kept.data == plain.data
    assert Loss.profile in kept.losses
    assert Loss.profile not in plain.losses


def test_scaling_keeps_the_colours(inputs: Path, run: Run) -> None:
    source = inputs / "jpg-24bit-icc-adobe-rgb.jpg"
    with Image.open(source) as image:
        profile = image.info["icc_profile"]
        size = (475, round(image.height / 4))
        wanted = seen(image.resize(size, Image.Resampling.LANCZOS), profile)
    made = run(f"imageMogr2/thumbnail/{size[0]}x{size[1]}!/icc/keep/format/png", source)
    assert off(seen(made.data), wanted) < 1.5


# The words


@pytest.mark.parametrize("name", ["p3.png", "jpg-24bit-icc-adobe-rgb.jpg"])
@pytest.mark.parametrize("target", ["jpg", "png", "webp", "tiff", "gif"])
def test_srgb_is_as_without(inputs: Path, name: str, target: str, run: Run) -> None:
    text = f"imageMogr2/thumbnail/200x>/format/{target}"
    plain = run(text, inputs / name)
    assert run(f"{text}/icc/srgb", inputs / name) == plain
    assert run(f"{text}/icc/keep|imageMogr2/icc/srgb", inputs / name).data == plain.data


@pytest.mark.parametrize("value", ["", "some", "1"])
def test_other_words_are_refused(value: str) -> None:
    with pytest.raises(InvalidArgument, match="icc"):
        parse_operation(f"imageMogr2/format/webp/icc/{value}")


def test_the_text_of_a_pipeline_tells_it() -> None:
    texts = {
        parse_operation(f"imageMogr2/format/webp{end}").normalised for end in ("", "/icc/keep", "/icc/srgb")
    }
    assert len(texts) == 3
    assert parse_operation("imageView2/2/w/9/ICC/Keep").normalised == "imageView2/2/w/9/icc/keep"


@pytest.mark.parametrize("word", ["keep", "srgb"])
def test_alone_it_asks_for_nothing(word: str, run: Run) -> None:
    source = encoded(photo(), "JPEG", icc_profile=P3)
    made = run(f"imageMogr2/icc/{word}", source)
    assert made.is_original
    assert made.data == source


def test_strip_takes_no_profile_that_pixels_need(run: Run) -> None:
    source = encoded(photo(), "JPEG", icc_profile=WIDE)
    for how in ("strip", "metadata/copyright"):
        assert profile_of(run(f"imageMogr2/icc/keep/{how}/format/webp", source).data) == WIDE


# What is converted all the same


@pytest.mark.parametrize(
    "step",
    [
        "imageMogr2/grayscale/1",
        "imageMogr2/thumbnail/90x90/pad/1/color/IzMzNjY5OQ",
        "imageMogr2/thumbnail/90x90/pad/1/color/IzgwODA4MA",
        "watermark/2/text/aGk/fontsize/12/font/QXJpYWw",
    ],
)
def test_steps_with_colours_of_their_own_convert(step: str, run: Run) -> None:
    source = encoded(photo(), "PNG", icc_profile=WIDE)
    plain = run(f"{step}|imageMogr2/format/webp", source)
    kept = run(f"{step}|imageMogr2/format/webp/icc/keep", source)
    assert kept.data == plain.data
    assert Loss.profile in kept.losses


@pytest.mark.parametrize("colour", ["IzAwMDAwMA", "I2ZmZmZmZg"])
def test_black_and_white_are_the_same_everywhere(colour: str, run: Run) -> None:
    source = encoded(photo(), "PNG", icc_profile=WIDE)
    made = run(f"imageMogr2/thumbnail/90x90/pad/1/color/{colour}/format/png/icc/keep", source)
    assert profile_of(made.data) == WIDE
    assert set(pixels(decoded(made))[0].ravel()) == set(seen(made.data)[0].ravel()) in ({0}, {255})


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def long_profile() -> bytes:
    """A sound one with a megabyte of nothing behind it."""
    made = WIDE + bytes(1 << 20)
    return len(made).to_bytes(4, "big") + made[4:]


@pytest.mark.parametrize(
    ("mode", "profile"),
    [
        ("RGB", b""),
        ("RGB", b"nonsense"),
        ("RGB", WIDE + bytes(4)),
        ("RGB", (len(WIDE) + 2).to_bytes(4, "big") + WIDE[4:] + bytes(2)),
        ("RGB", srgb()),
        ("RGB", grey_profile()),
        ("L", WIDE),
        ("CMYK", WIDE),
        ("RGB", long_profile()),
    ],
    ids=[
        "none",
        "unreadable",
        "too short a length",
        "no multiple of 4",
        "sRGB",
        "grey in colour",
        "colour in grey",
        "CMYK",
        "too long",
    ],
)
def test_profiles_that_are_not_kept(mode: str, profile: bytes, run: Run) -> None:
    source = encoded(photo().convert(mode), "TIFF", icc_profile=profile or None)
    plain, kept = run("imageMogr2/format/png", source), run("imageMogr2/format/png/icc/keep", source)
    assert kept == plain
    assert not profile_of(kept.data)


def test_code_points_are_no_profile(run: Run) -> None:
    plain = encoded(photo(), "AVIF", quality=95)
    place = plain.index(b"colrnclx") + 8
    source = plain[:place] + (12).to_bytes(2, "big") + plain[place + 2 :]
    assert run("imageMogr2/format/png/icc/keep", source) == run("imageMogr2/format/png", source)


def test_hdr_is_converted_though_a_profile_is_there(run: Run) -> None:
    # cICP comes before iCCP: BT.2020 with PQ.
    plain = encoded(photo(), "PNG", icc_profile=WIDE)
    body = b"cICP" + bytes([9, 16, 0, 1])
    source = plain[:33] + struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body)) + plain[33:]
    assert run("imageMogr2/format/webp/icc/keep", source) == run("imageMogr2/format/webp", source)


# Kinds of pixels


@pytest.mark.parametrize("mode", ["L", "LA"])
@pytest.mark.parametrize("target", ["png", "tiff", "jpg", "webp"])
def test_grey_keeps_a_profile_of_grey_where_formats_hold_it(mode: str, target: str, run: Run) -> None:
    profile = grey_profile()
    assert own_space(profile, mode) == "GRAY"
    source = encoded(photo(mode=mode), "PNG", icc_profile=profile)
    made = run(f"imageMogr2/format/{target}/icc/keep/quality/95!", source)
    if target == "webp":
        # It has no grey.
        assert made.data == run("imageMogr2/format/webp/quality/95!", source).data
        return
    assert profile_of(made.data) == profile
    assert decoded(made).mode[0] == "L"
    if mode == "L":
        assert off(seen(made.data), seen(photo(mode="L"), profile)) <= (1.5 if target == "jpg" else 0)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("effort", ["", "/effort/0", "/effort/2", "/effort/3", "/effort/7"])
def test_a_png_of_grey_pixels_stays_one_in_colour(mode: str, effort: str, run: Run) -> None:
    """PNG, section 11.3.2.3: samples of grey have a profile of grey."""
    rng = np.random.default_rng(1)
    samples = rng.integers(0, 256, (70, 60, 1), np.uint8).repeat(3, 2)
    if mode == "RGBA":
        samples = np.concatenate([samples, rng.integers(0, 256, (70, 60, 1), np.uint8)], 2)
    source = encoded(Image.fromarray(samples), "PNG", icc_profile=WIDE)
    made = run(f"imageMogr2/flip/vertical/icc/keep/format/png{effort}", source)
    assert made.data[25] in (2, 3, 6)
    assert profile_of(made.data) == WIDE
    assert np.array_equal(pixels(decoded(made), mode), samples[::-1])


@pytest.mark.parametrize("target", ["png", "webp", "avif", "heif", "tiff"])
def test_transparency_stays(target: str, run: Run) -> None:
    needs(target)
    source = encoded(photo(mode="RGBA"), "PNG", icc_profile=WIDE)
    made = run(f"imageMogr2/icc/keep/quality/95!/format/{target}", source)
    assert profile_of(made.data) == WIDE
    alpha = pixels(decoded(made), "RGBA")[..., 3], pixels(photo(mode="RGBA"), "RGBA")[..., 3]
    assert off(*alpha) <= 1


@pytest.mark.parametrize("target", ["webp", "heif"])
def test_without_loss_the_numbers_are_the_same(target: str, run: Run) -> None:
    needs(target)
    source = encoded(photo(), "PNG", icc_profile=WIDE)
    made = run(f"imageMogr2/icc/keep/lossless/1/format/{target}", source)
    assert np.array_equal(pixels(decoded(made)), pixels(photo()))
    assert profile_of(made.data) == WIDE


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "AVIF", "HEIF"])
def test_palettes_and_other_sources(form: str, run: Run) -> None:
    needs(form.lower())
    image = photo(mode="RGBA" if form == "TIFF" else "RGB")
    image = image.quantize(100) if form == "PNG" else image
    made = run("imageMogr2/icc/keep/format/png", encoded(image, form, icc_profile=WIDE))
    assert profile_of(made.data) == WIDE
    if form in ("PNG", "TIFF"):
        assert np.array_equal(pixels(decoded(made)), pixels(image))


def test_avif_says_nothing_else_about_its_colours(run: Run) -> None:
    source = encoded(photo(), "PNG", icc_profile=WIDE)
    for target in (name for name in ("avif", "heif") if installed(name)):
        data = run(f"imageMogr2/icc/keep/format/{target}", source).data
        assert read_nclx(io.BytesIO(data)) in (None, (2, 2))


@pytest.mark.parametrize("target", HOLDING)
def test_a_profile_of_many_segments(target: str, run: Run) -> None:
    needs(target)
    made = WIDE + np.random.default_rng(1).bytes(900_000)
    profile = len(made).to_bytes(4, "big") + made[4:]
    source = encoded(photo(), "JPEG", icc_profile=profile)
    assert profile_of(run(f"imageMogr2/icc/keep/format/{target}", source).data) == profile


def test_without_the_native_module(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    sources = [encoded(photo(), form, icc_profile=WIDE) for form in ("JPEG", "PNG")]
    texts = [f"imageMogr2/thumbnail/100x/icc/keep/quality/95!/format/{name}" for name in ("jpg", "png")]
    native = [run(text, source) for source in sources for text in texts]
    monkeypatch.setattr("openmogr.image.native.AVAILABLE", False)
    for made, other in zip(native, (run(text, source) for source in sources for text in texts), strict=True):
        assert profile_of(other.data) == WIDE
        assert off(seen(made.data), seen(other.data)) <= 2


# Animations


def moving(form: str) -> bytes:
    frames = [photo(60, 40).rotate(40 * number) for number in range(4)]
    out = io.BytesIO()
    frames[0].save(
        out, form, save_all=True, append_images=frames[1:], duration=80, icc_profile=WIDE, lossless=True
    )
    return out.getvalue()


@pytest.mark.parametrize("form", ["WEBP", "PNG", "AVIF"])
@pytest.mark.parametrize("target", ["webp", "apng", "avif", "gif", "tpg", "jpg"])
def test_animations(form: str, target: str, run: Run) -> None:
    needs(target)
    source = moving(form)
    made = run(f"imageMogr2/icc/keep/quality/95!/format/{target}", source)
    if target in BARE:
        assert made.data == run(f"imageMogr2/quality/95!/format/{target}", source).data
        assert Loss.profile in made.losses
        return
    assert profile_of(made.data) == WIDE
    with Image.open(io.BytesIO(made.data)) as image, Image.open(io.BytesIO(source)) as original:
        for number in range(made.frame_count):
            image.seek(number)
            original.seek(number)
            assert off(seen(image.convert("RGB"), WIDE), seen(original.convert("RGB"), WIDE)) <= _MEAN
    # And read again by ourselves.
    again = run("imageMogr2/format/png", made.data)
    plain = run("imageMogr2/format/png", source)
    assert off(pixels(decoded(again)), pixels(decoded(plain))) <= _MEAN


# Several rules


RULES = (
    "flip/vertical/format/png", "flip/vertical/icc/keep/format/png",
    "thumbnail/80x/icc/keep/format/webp", "thumbnail/80x/format/webp",
    "icc/keep/format/jpg", "format/jpg", "rotate/90/icc/keep/format/png", "cut/30x30x5x5/format/png",
    "cut/30x30x5x5/format/png/icc/keep", "icc/keep/format/gif",
)  # fmt: skip


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "moving"])
@pytest.mark.parametrize("order", [1, -1])
def test_rules_do_not_share_colours(form: str, order: int) -> None:
    source = Source(
        data=moving("WEBP") if form == "moving" else encoded(photo(200, 150), form, icc_profile=WIDE)
    )
    work = Processor(ImageSettings())
    pipelines = [parse_operation(f"imageMogr2/{rule}") for rule in RULES[::order]]
    together = work.run(pipelines, source, info=True).results
    for rule, one, alone in zip(
        RULES[::order], together, (work.execute(pipeline, source) for pipeline in pipelines), strict=True
    ):
        assert one == alone, rule
        assert bool(profile_of(one.data)) is ("icc/keep" in rule and "gif" not in rule), rule


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_both_share_one_decoding(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decodings: list[int] = []
    first: Callable[..., object] = OpenedImage._first

    def counted(*arguments: object) -> object:
        decodings.append(1)
        return first(*arguments)

    monkeypatch.setattr(OpenedImage, "_first", counted)
    pipelines = [parse_operation(f"imageMogr2/{text}") for text in ("format/png", "icc/keep/format/png")]
    Processor(ImageSettings()).run(pipelines, Source(data=encoded(photo(), form, icc_profile=WIDE)))
    assert len(decodings) == 1


# With other parameters


@pytest.mark.parametrize("target", ["jpg", "webp"])
def test_scores_compare_like_with_like(target: str, run: Run) -> None:
    needs("tpg")  # whose package has the metric
    source = encoded(photo(300, 200), "PNG", icc_profile=WIDE)
    made = run(f"imageMogr2/icc/keep/target-ssimulacra2/70/format/{target}", source)
    assert profile_of(made.data) == WIDE
    other = run(f"imageMogr2/target-ssimulacra2/70/format/{target}", source)
    assert abs(made.quality - other.quality) <= 25


@pytest.mark.parametrize("target", ["jpg", "webp"])
def test_a_limit_counts_the_profile(target: str, run: Run) -> None:
    profile = WIDE + np.random.default_rng(1).bytes(9_000)
    profile = len(profile).to_bytes(4, "big") + profile[4:]
    source = encoded(photo(300, 200), "PNG", icc_profile=profile)
    made = run(f"imageMogr2/icc/keep/size-limit/14k/format/{target}", source)
    assert 9_000 < len(made.data) <= 14 * 1024
    assert profile_of(made.data) == profile


@pytest.mark.parametrize("target", ["jpg", "png", "webp"])
def test_slimmed_results_keep_it(target: str, run: Run) -> None:
    pytest.importorskip("openmogr_pixels")
    source = encoded(photo(300, 200), "PNG", icc_profile=WIDE)
    made = run(f"imageMogr2/icc/keep/quality/95!/format/{target}|imageSlim", source)
    assert profile_of(made.data) == WIDE
    assert off(seen(made.data), seen(photo(300, 200), WIDE)) <= _MEAN


def test_information_is_that_of_what_is_seen(run: Run) -> None:
    source = encoded(photo(300, 200), "PNG", icc_profile=WIDE)
    averages = [run(f"imageMogr2/{text}format/png|imageAve", source).data for text in ("icc/keep/", "")]
    told = [[int(data[place : place + 2], 16) for place in (10, 12, 14)] for data in averages]
    assert max(abs(one - other) for one, other in zip(*told, strict=True)) <= 2


def test_a_kept_source_has_its_profile(run: Run) -> None:
    source = encoded(photo(), "JPEG", quality=60, optimize=True, icc_profile=WIDE)
    made = run("imageMogr2/icc/keep/format/jpg/quality/100!", source)
    assert profile_of(made.data) == WIDE


def test_every_wild_picture_has_a_profile_that_fits(inputs: Path) -> None:
    """Whatever is kept, its pixels are in the space of its profile."""
    work, kept = Processor(ImageSettings()), 0
    for path in sorted(inputs.iterdir()):
        made = _made(work, path)
        profile = profile_of(made.data) if made is not None else b""
        if made is None or not profile:
            continue
        kept += 1
        space = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space.strip()
        assert (space == "GRAY") is (decoded(made).mode in ("L", "LA")), path.name
        assert profile == profile_of(path)
    assert kept >= 7


def _made(work: Processor, path: Path) -> Result | None:
    source = Source(path=path)
    try:
        with open_image(source, work.settings) as opened:
            if not opened.image.info.get("icc_profile"):
                return None
    except Exception:
        return None
    return work.execute(parse_operation("imageMogr2/thumbnail/64x64/icc/keep/format/png"), source)


def test_this_file_tries_all_formats() -> None:
    assert {"jpg", "png", "apng", "webp", "avif", "heif", "tiff"} <= set(HOLDING)
    assert set(BARE) == {"gif", "bmp", "tpg", "jxl"}
    assert features.check("littlecms2")
