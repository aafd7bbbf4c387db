"""``imageSlim``: smaller, never larger, and what it promises about looks (``docs/spec/api/compression.md#8``)."""

from __future__ import annotations

import io
import random
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw, ImageSequence

import openmogr.demo
from openmogr.errors import CosError, InvalidImageFormat
from openmogr.image import ImageSettings, Processor, Slimming, Source, parse_operation
from openmogr.image.formats.png_parts.layout import chunk
from openmogr.image.quality.same_look import SAME_LOOK, coarsest_alike

from .conftest import Run, decoded, encoded, photo

pixels = pytest.importorskip("openmogr_pixels", reason="imageSlim needs openmogr-pixels")

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def score(before: bytes | Image.Image, after: bytes) -> float:
    """SSIMULACRA2, of pictures with alpha on the worse of two grounds."""
    from openmogr_pixels.pillow import from_pillow

    one = before if isinstance(before, Image.Image) else decoded(before)
    other = decoded(after)
    mode = "RGBA" if "A" in one.mode or "transparency" in one.info else "RGB"
    pair = [from_pillow(image.convert(mode)) for image in (one, other)]
    grounds = [[level] * 3 for level in (0, 255)] if mode == "RGBA" else [None]
    return min(
        (pair[0] if ground is None else pair[0].flatten(ground)).score(
            pair[1] if ground is None else pair[1].flatten(ground), max_pixels=1 << 30
        )
        for ground in grounds
    )


def large_photo() -> Image.Image:
    """Of more than 256 colours, with noise as cameras have it."""
    image = photo().convert("RGB").resize((320, 240), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(1).normal(0, 4, (240, 320, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def real_photo() -> Image.Image:
    """A part of the demo's."""
    with Image.open(Path(openmogr.demo.__file__).with_name("sample.png")) as image:
        return image.convert("RGB").crop((100, 100, 420, 340))


def screenshot() -> Image.Image:
    image = Image.new("RGB", (400, 300), (245, 246, 248))
    draw = ImageDraw.Draw(image)
    for row in range(12):
        draw.rectangle((10, 10 + row * 24, 390, 28 + row * 24), (255, 255, 255), (200, 204, 210))
        draw.text((16, 12 + row * 24), f"row {row}: the quick brown fox", (30, 34, 40))
    image.paste(large_photo().resize((120, 90)), (260, 180))
    return image


def icon() -> Image.Image:
    image = Image.new("RGBA", (256, 256))
    draw = ImageDraw.Draw(image)
    for radius in range(120, 0, -1):
        colour = (255 - radius, radius * 2, 90 + radius // 2, 255)
        draw.ellipse((128 - radius, 128 - radius, 128 + radius, 128 + radius), colour)
    return image.resize((128, 128), Image.Resampling.LANCZOS)


def line_art() -> Image.Image:
    image = Image.new("L", (640, 480), 255)
    draw = ImageDraw.Draw(image)
    for place in range(0, 640, 16):
        draw.line((place, 0, 640 - place, 480), 0, 2)
    return image.resize((320, 240), Image.Resampling.LANCZOS)


@pytest.mark.parametrize("make", [large_photo, real_photo, screenshot, icon, line_art])
@pytest.mark.parametrize(("form", "quality"), [("PNG", 0), ("JPEG", 95), ("JPEG", 80), ("WEBP", 95)])
def test_the_promise_is_kept(make: object, form: str, quality: int, run: Run) -> None:
    assert callable(make)
    image = make()
    if form == "JPEG":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert(
            "RGB"
        )
    source = encoded(image, form, quality=quality) if quality else encoded(image, form)
    result = run("imageSlim", source)
    assert result.slimming is not Slimming.failed
    assert len(result.data) <= len(source)
    assert (result.slimming is Slimming.smaller) == (len(result.data) < len(source))
    assert result.is_original == (result.slimming is Slimming.kept)
    slim = decoded(result)
    assert (slim.format, slim.size) == (form, image.size)
    assert score(source, result.data) >= SAME_LOOK


@pytest.mark.parametrize(
    ("form", "options", "most"),
    [("JPEG", {"quality": 95}, 0.7), ("JPEG", {"quality": 85}, 0.95), ("PNG", {}, 0.6)],
)
def test_photos_get_much_smaller(form: str, options: dict[str, int], most: float, run: Run) -> None:
    source = encoded(real_photo(), form, **options)
    result = run("imageslim", source)
    assert result.slimming is Slimming.smaller
    assert len(result.data) < most * len(source)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_few_colours_and_wide_samples_stay_exact(mode: str, run: Run) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.arange(96 * 64, dtype=np.uint16).reshape(64, 96) * 9)
    else:
        image = icon().quantize(40).convert("RGBA").convert(mode if mode != "1" else "L")
        image = image.convert(mode)
    source = encoded(image, "PNG")
    result = run("imageSlim", source)
    before, after = decoded(source), decoded(result)
    if mode == "I;16":
        assert np.array_equal(np.asarray(before), np.asarray(after))
        assert result.data[24] == 16
    else:
        assert before.convert("RGBA").tobytes() == after.convert("RGBA").tobytes()


def with_chunks(data: bytes, *chunks: bytes) -> bytes:
    return data[:33] + b"".join(chunks) + data[33:]


def kinds(data: bytes) -> list[bytes]:
    found, position = [], len(SIGNATURE)
    while position < len(data):
        found.append(data[position + 4 : position + 8])
        position += 12 + int.from_bytes(data[position : position + 4], "big")
    return found


def test_what_says_how_a_png_looks_is_kept_and_notes_are_not(run: Run) -> None:
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    gamma = chunk(b"gAMA", (100_000).to_bytes(4, "big"))
    chromaticities = chunk(
        b"cHRM", b"".join(value.to_bytes(4, "big") for value in range(30_000, 38_000, 1000))
    )
    profile = chunk(b"iCCP", b"x\0\0", zlib.compress(wide))
    for extra in ([gamma, chromaticities], [profile]):
        source = with_chunks(encoded(real_photo(), "PNG"), *extra, chunk(b"tEXt", b"Comment\0" + bytes(500)))
        result = run("imageSlim", source)
        assert result.slimming is Slimming.smaller
        assert b"PLTE" in kinds(result.data)
        for part in extra:
            assert part[4:8] in kinds(result.data)
        assert b"tEXt" not in kinds(result.data)


def test_a_transparent_colour_is_kept(run: Run) -> None:
    image = large_photo()
    image.paste((1, 2, 3), (0, 0, 100, 100))
    source = encoded(image, "PNG", transparency=(1, 2, 3), compress_level=1)
    slim = decoded(run("imageSlim", source)).convert("RGBA")
    assert slim.getchannel("A").histogram()[0] >= 100 * 100
    assert slim.getchannel("A").tobytes() == decoded(source).convert("RGBA").getchannel("A").tobytes()


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_orientation_stays_and_strip_takes_it(form: str, run: Run) -> None:
    source = encoded(large_photo(), form, exif=exif(6), quality=95)
    result = run("imageSlim", source)
    assert result.slimming is Slimming.smaller
    slim = decoded(result)
    assert slim.getexif()[0x0112] == 6
    assert slim.size == (320, 240)
    assert 0x0112 not in decoded(run("imageMogr2/strip|imageSlim", source)).getexif()


def test_a_profile_stays_unless_it_means_srgb(run: Run, inputs: Path) -> None:
    source = (inputs / "jpg-24bit-icc-adobe-rgb.jpg").read_bytes()
    result = run("imageSlim", source)
    assert decoded(result).info["icc_profile"] == decoded(source).info["icc_profile"]
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    result = run("imageSlim", encoded(large_photo(), "JPEG", quality=95, icc_profile=srgb))
    assert "icc_profile" not in decoded(result).info


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_chroma_keeps_its_resolution(subsampling: str, progressive: bool, run: Run) -> None:
    source = encoded(large_photo(), "JPEG", quality=93, subsampling=subsampling, progressive=progressive)
    result = run("imageSlim", source)
    header = pixels.read_jpeg_header(result.data)
    assert (header.sampling, header.progressive) == (subsampling, True)


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_other_kinds_of_jpeg(mode: str, run: Run) -> None:
    source = encoded(large_photo().convert(mode), "JPEG", quality=95)
    result = run("imageSlim", source)
    assert result.slimming is Slimming.smaller
    if mode == "CMYK":
        assert decoded(result).tobytes() == decoded(source).tobytes()
    assert decoded(result).mode == mode


def animation(count: int = 9) -> bytes:
    frames = []
    for number in range(count):
        frame = screenshot().resize((200, 150)).convert("RGBA")
        ImageDraw.Draw(frame).ellipse((10 * number, 20, 10 * number + 40, 60), (200, 30, 30, 255))
        if number % 3 == 2:
            frame.paste((0, 0, 0, 0), (150, 100, 180, 130))
        frames.append(frame)
    return encoded(
        frames[0],
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=[40 + 10 * n for n in range(count)],
        loop=3,
    )


def test_animations_stay_animations(run: Run) -> None:
    source = animation()
    result = run("imageSlim", source)
    assert result.slimming is Slimming.smaller
    before, after = decoded(source), decoded(result)
    assert (after.n_frames, after.info["loop"]) == (before.n_frames, before.info["loop"])  # type: ignore[attr-defined]
    pairs = zip(ImageSequence.Iterator(before), ImageSequence.Iterator(after), strict=True)
    for one, other in pairs:
        assert one.info["duration"] == other.info["duration"]
        shown = [frame.convert("RGBA") for frame in (one, other)]
        assert shown[0].getchannel("A").tobytes() == shown[1].getchannel("A").tobytes()
        grounds = [Image.alpha_composite(Image.new("RGBA", f.size, "white"), f).convert("RGB") for f in shown]
        assert score(grounds[0], encoded(grounds[1], "PNG")) >= SAME_LOOK - 2


def test_an_apng_keeps_its_frames(run: Run) -> None:
    frames = [large_photo().rotate(angle) for angle in (0, 5, 10)]
    source = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=70, compress_level=1)
    result = run("imageSlim", source)
    assert result.slimming is Slimming.smaller
    for one, other in zip(
        ImageSequence.Iterator(decoded(source)), ImageSequence.Iterator(decoded(result)), strict=True
    ):
        assert one.convert("RGB").tobytes() == other.convert("RGB").tobytes()


@pytest.mark.parametrize("form", ["BMP", "TIFF", "AVIF"])
def test_other_formats_are_given_as_they_are(form: str, run: Run) -> None:
    source = encoded(photo(), form)
    result = run("imageSlim", source)
    assert (result.data, result.is_original, result.slimming) == (source, True, Slimming.kept)


def test_twice_is_never_larger(run: Run) -> None:
    data = encoded(large_photo(), "JPEG", quality=97)
    for _ in range(4):
        result = run("imageSlim", data)
        assert len(result.data) <= len(data)
        data = result.data
    # A floor ends it: what was slimmed often still looks like the source.
    assert score(large_photo(), data) > 55


@pytest.mark.parametrize("spelling", ["imageSlim", "imageslim", "IMAGESLIM"])
def test_spellings_mean_the_same(spelling: str) -> None:
    pipeline = parse_operation(f"imageMogr2/thumbnail/90x|{spelling}")
    assert pipeline.slim
    assert pipeline.normalised == "imageMogr2/thumbnail/90x|imageSlim"
    assert parse_operation(pipeline.normalised) == pipeline
    with pytest.raises(CosError, match="takes no parameters"):
        parse_operation(f"{spelling}/1")


@pytest.mark.parametrize(
    "stages",
    ["imageMogr2/thumbnail/160x", "imageView2/2/w/160", "imageMogr2/rotate/90|imageMogr2/thumbnail/160x"],
)
@pytest.mark.parametrize("form", ["jpg", "png", "webp", "gif"])
def test_as_the_last_stage(stages: str, form: str, run: Run) -> None:
    text = f"{stages}|imageMogr2/format/{form}"
    plain, slim = (run(operation, large_photo()) for operation in (text, f"{text}|imageSlim"))
    assert slim.slimming in {Slimming.smaller, Slimming.kept}
    assert len(slim.data) <= len(plain.data)
    assert (slim.width, slim.height, slim.format) == (plain.width, plain.height, plain.format)
    assert decoded(slim).size == decoded(plain).size


def test_its_result_is_described_and_size_limit_does_not_act(run: Run) -> None:
    source = encoded(large_photo(), "JPEG", quality=95)
    slim = run("imageSlim", source)
    told = run("imageSlim|imageInfo", source).data
    assert f'"size":"{len(slim.data)}"'.encode() in told.replace(b" ", b"")
    assert run("imageMogr2/size-limit/2k|imageSlim", source).data == slim.data


@pytest.mark.parametrize("promise", ["target-ssimulacra2/90", "quality/auto", "lossless/1/format/png"])
@pytest.mark.parametrize("text", ["imageMogr2/{}|imageSlim", "imageSlim|imageMogr2/{}"])
def test_what_promises_more_does_not_go_with_it(promise: str, text: str, run: Run) -> None:
    with pytest.raises(CosError, match="imageSlim says how much may be lost"):
        run(text.format(promise), encoded(photo(), "JPEG"))


@pytest.mark.parametrize(
    "text", ["watermark/1/image/bG9nbw/dx/5|imageSlim", "imageSlim|watermark/1/image/bG9nbw/dx/5"]
)
def test_a_watermark_is_on_it(text: str) -> None:
    source = Source(data=encoded(large_photo(), "JPEG", quality=95))
    further = {"logo": Source(data=encoded(Image.new("RGB", (80, 60), "red"), "PNG"))}
    processor = Processor(ImageSettings())
    slim = processor.execute(parse_operation(text), source, further)
    plain = processor.execute(parse_operation("watermark/1/image/bG9nbw/dx/5"), source, further)
    assert slim.slimming is Slimming.smaller
    assert len(slim.data) < len(plain.data)
    assert score(plain.data, slim.data) >= SAME_LOOK
    red, green, blue = np.asarray(decoded(slim.data).convert("RGB"))[240 - 10 - 30, 320 - 5 - 40].tolist()
    assert red > 200
    assert max(green, blue) < 80


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP"])
def test_damage_is_refused_or_told_as_failed(form: str, run: Run) -> None:
    source = encoded(large_photo(), form)[:-900]
    with pytest.raises(InvalidImageFormat):
        run("imageSlim", source)
    result = run("imageMogr2/ignore-error/1|imageSlim", source)
    assert (result.data, result.is_original, result.slimming) == (source, True, Slimming.failed)


def test_a_jpeg_that_only_lacks_its_end(run: Run) -> None:
    source = encoded(large_photo(), "JPEG", quality=95)
    result = run("imageSlim", source[:-2])
    assert result.slimming is Slimming.smaller
    assert score(source, result.data) >= SAME_LOOK


def test_without_the_module_it_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from openmogr.image import native

    monkeypatch.setattr(native, "AVAILABLE", False)
    with pytest.raises(CosError, match="openmogr-pixels"):
        run("imageSlim", encoded(photo(), "JPEG"))


@pytest.mark.parametrize("least", [1, 40, 73, 100, 101])
def test_the_search_finds_the_coarsest(least: int) -> None:
    tried: list[int] = []

    def attempt(quality: int) -> bytes:
        tried.append(quality)
        return bytes([quality])

    found = coarsest_alike(attempt, lambda data: data[0] >= least, 1, 100, 8)
    assert found == (bytes([least]) if least <= 100 else None)
    assert len(tried) <= 8


PROCESSOR = Processor(ImageSettings())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["PNG", "JPEG", "GIF", "WEBP"]),
    st.sampled_from(["L", "RGB", "RGBA", "P"]),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 1 << 30),
    st.integers(0, 3),
)
def test_any_picture_and_any_damage(
    form: str, mode: str, width: int, height: int, seed: int, damage: int
) -> None:
    """Small pictures of all kinds, whole and with bytes changed: never larger, never an internal error."""
    dice = random.Random(seed)
    colours = [bytes(dice.randrange(256) for _ in range(4)) for _ in range(dice.choice([1, 2, 9, 300]))]
    data = b"".join(dice.choice(colours) for _ in range(width * height))
    image = Image.frombytes("RGBA", (width, height), data).convert("RGB" if form == "JPEG" else "RGBA")
    source = bytearray(encoded(image if form == "JPEG" else image.convert(mode), form))
    for _ in range(damage):
        source[dice.randrange(12, len(source))] ^= 1 << dice.randrange(8)
    told: CosError | None = None
    try:
        result = PROCESSOR.execute(parse_operation("imageSlim"), Source(data=bytes(source)))
    except CosError as error:
        told = error
    if told is not None:
        assert damage
        assert told.status < 500
        return
    assert len(result.data) <= len(source)
    with Image.open(io.BytesIO(result.data)) as again:
        again.load()
        assert (again.format, again.size) == (form, (width, height)) or damage
