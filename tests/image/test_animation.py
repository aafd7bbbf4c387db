"""Animations: frames, timing, disposal and repetition through every pair of animated formats."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from openmogr.errors import ImageResolutionExceed, InvalidImageFormat
from openmogr.image import ImageSettings, Processor, Source, parse_operation
from openmogr.image.formats.gif_parts.write import write_gif
from openmogr.image.formats.png_parts.write_apng import write_apng
from openmogr.image.source.open import Frame

from .conftest import Pixels, Run, decoded, encoded, on_white, photo, pixels, psnr
from .reference import reference_frames

FORMATS = ["gif", "webp", "apng", "avif"]
DELAYS = [100, 40, 250, 70, 30]


def frames(count: int = 5, mode: str = "RGB") -> list[Image.Image]:
    """A square that walks over a ramp; with alpha, over nothing."""
    ramp = np.linspace(40, 200, 64).astype(np.uint8)
    out = []
    for number in range(count):
        samples = np.zeros((48, 64, 4), np.uint8)
        if mode == "RGB":
            samples[..., :3] = np.stack([ramp, ramp[::-1], np.full(64, 90, np.uint8)], axis=-1)
            samples[..., 3] = 255
        left = 8 * number + 2
        samples[16:32, left : left + 16] = (250, 220, 20, 255)
        out.append(Image.fromarray(samples).convert(mode))
    return out


def animation(form: str, mode: str = "RGB", loop: int | None = 0) -> bytes:
    pictures = frames(mode=mode)
    options: dict[str, object] = {} if loop is None else {"loop": loop}
    if form == "gif" and mode == "RGBA":
        options["disposal"] = 2
    if form == "webp":
        options["quality"] = 95
    if form == "avif":
        options["quality"] = 95
    name = "PNG" if form == "apng" else form.upper()
    return encoded(pictures[0], name, save_all=True, append_images=pictures[1:], duration=DELAYS, **options)


def read(data: bytes) -> tuple[list[Pixels], list[int]]:
    image = Image.open(io.BytesIO(data))
    pictures, delays = [], []
    for frame in ImageSequence.Iterator(image):
        frame.load()
        pictures.append(on_white(frame))
        delays.append(round(frame.info.get("duration", 0)))
    return pictures, delays


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("origin", FORMATS)
def test_every_pair_keeps_frames_and_timing(origin: str, target: str, mode: str, run: Run) -> None:
    result = run(f"imageMogr2/format/{target}/quality/95!", animation(origin, mode))
    pictures, delays = read(result.data)
    assert result.frame_count == len(pictures) == 5
    assert delays == DELAYS
    for picture, expected in zip(pictures, frames(mode=mode), strict=True):
        assert psnr(picture, on_white(expected)) > 24


@pytest.mark.parametrize("target", FORMATS)
def test_steps_act_on_every_frame(target: str, run: Run) -> None:
    operation = f"imageMogr2/cut/48x48x8x0/thumbnail/24x/flip/vertical/rotate/90/format/{target}"
    result = run(operation, animation("apng"))
    pictures, delays = read(result.data)
    assert (result.width, result.height) == (24, 24)
    assert delays == DELAYS
    for picture, frame in zip(pictures, frames(), strict=True):
        expected = frame.crop((8, 0, 56, 48)).resize((24, 24), Image.Resampling.LANCZOS)
        turned = np.rot90(on_white(expected)[::-1], -1)
        assert psnr(picture, np.ascontiguousarray(turned)) > 22


@pytest.mark.parametrize("target", ["gif", "webp", "apng"])
@pytest.mark.parametrize("plays", [0, 1, 3])
def test_repetition_is_kept(target: str, plays: int, run: Run) -> None:
    """Plays: WebP and APNG count them, GIF counts repetitions and says nothing for a single play."""
    for origin in ("gif", "webp", "apng"):
        loop = (None if plays == 1 else max(plays - 1, 0)) if origin == "gif" else plays
        info = decoded(run(f"imageMogr2/format/{target}", animation(origin, loop=loop))).info
        if target == "gif":
            assert info.get("loop") == (None if plays == 1 else max(plays - 1, 0))
        else:
            assert info["loop"] == plays


def test_repetitions_beyond_the_bits_of_a_format_are_clamped(run: Run) -> None:
    for origin, loop in (("gif", 65_535), ("apng", 2**31 - 1)):
        source = animation(origin, loop=loop)
        assert decoded(run("imageMogr2/format/webp", source)).info["loop"] == 65_535
        assert decoded(run("imageMogr2/format/gif", source)).info["loop"] == 65_534


ANIMATED_INPUTS = [
    "SmallFullColourGIF.gif",
    "animated-loop-3.gif",
    "big-height.webp",
    "dancing-banana.gif",
    "dispose_bgnd_transparency.gif",
    "iss634.apng",
    "iss634.webp",
    "missing_background.gif",
    "nyan-cat.gif",
    "rotating-squares.gif",
    "rotating-squares.webp",
    "rotating_earth.gif",
    "transparent_dispose.gif",
]


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("name", ANIMATED_INPUTS)
def test_real_animations_keep_their_length(name: str, target: str, inputs: Path, run: Run) -> None:
    source = inputs / name
    _, before = read(source.read_bytes())
    result = run(f"imageMogr2/thumbnail/60x60/format/{target}", source)
    pictures, after = read(result.data)
    assert max(pictures[0].shape[:2]) == max(result.width, result.height) <= 169
    if len(after) == 1:
        # Frames that are equal after scaling were merged into a still picture.
        assert name == "big-height.webp"
        return
    # Browsers show delays of up to 10 ms for 100 ms, which other formats are told.
    slow = name.endswith("gif") and target != "gif"
    expected = sum(100 if slow and len(before) > 1 and delay <= 10 else delay for delay in before)
    # AVIF has no frames of no length; the others round to their units.
    assert abs(sum(after) - expected) <= 5 + sum(delay == 0 for delay in before)


@pytest.mark.parametrize("origin", FORMATS)
@pytest.mark.parametrize("target", ["jpg", "yjpeg", "png", "bmp", "heif", "heic", "tiff"])
def test_still_targets_get_the_first_frame(target: str, origin: str, run: Run) -> None:
    if target.startswith("hei"):
        pytest.importorskip("pillow_heif", reason="the extra [heif] is not installed").register_heif_opener()
    result = run(f"imageMogr2/format/{target}", animation(origin))
    assert result.frame_count == 1
    assert psnr(on_white(decoded(result)), on_white(frames()[0])) > 24


def test_animations_are_not_enlarged(run: Run) -> None:
    result = run("imageMogr2/thumbnail/500x", animation("gif"))
    assert (result.width, result.height) == (64, 48)


def test_frames_are_cut_off_by_cgif(run: Run) -> None:
    assert run("imageMogr2/cgif/3", animation("gif")).frame_count == 3
    assert run("imageMogr2/cgif/1", animation("gif")).frame_count == 5
    assert run("imageMogr2/cgif/3/format/webp", animation("gif")).frame_count == 3
    assert run("imageMogr2/cgif/3", animation("webp")).frame_count == 5


@pytest.mark.parametrize("origin", FORMATS)
def test_frame_count_is_told(origin: str, run: Run) -> None:
    data = animation(origin)
    assert json.loads(run("imageInfo", data).data)["frame_count"] == "5"
    assert json.loads(run("imageMogr2/thumbnail/20x|imageInfo", data).data)["frame_count"] == "5"
    assert json.loads(run("imageMogr2/format/png|imageInfo", data).data)["frame_count"] == "1"
    assert Processor(ImageSettings()).image_info(Source(data=data)).frame_count == 5


@pytest.mark.parametrize("origin", FORMATS)
def test_frame_limits_are_checked(origin: str) -> None:
    data = animation(origin)
    for settings in (ImageSettings(max_frames=4), ImageSettings(max_animation_pixels=64 * 48 * 5 - 1)):
        with pytest.raises(ImageResolutionExceed) as caught:
            Processor(settings).execute(parse_operation("imageMogr2/format/png"), Source(data=data))
        assert caught.value.number == -447
    fits = ImageSettings(max_frames=5, max_animation_pixels=64 * 48 * 5)
    assert (
        Processor(fits).execute(parse_operation("imageMogr2/thumbnail/20x"), Source(data=data)).frame_count
        == 5
    )


def composed_gif(data: bytes) -> list[Pixels]:
    """The frames as browsers show them. Pillow fills with a colour out of the wrong table, where they clear."""
    return [on_white(canvas) for canvas in reference_frames(data)]


@pytest.mark.parametrize(
    ("origin", "target"),
    [
        ("apng", "gif"),
        ("apng", "apng"),
        ("apng", "webp"),
        ("apng", "avif"),
        ("gif", "apng"),
        ("webp", "apng"),
        ("avif", "apng"),
    ],
)
def test_frames_that_turn_transparent(origin: str, target: str, run: Run) -> None:
    """Opaque at first; what is shown later was there before, in part."""
    samples = np.zeros((4, 48, 64, 4), np.uint8)
    samples[0] = np.asarray(photo(64, 48, "RGBA"))
    samples[0, ..., 3] = 255
    samples[1], samples[2] = samples[0], samples[0]
    samples[1, 8:40, 8:32, 3] = 0
    samples[2, 20:30, 20:60] = 0
    pictures = [Image.fromarray(frame) for frame in samples]
    name = "PNG" if origin == "apng" else origin.upper()
    options = {"disposal": 2} if origin == "gif" else {}
    source = encoded(
        pictures[0], name, save_all=True, append_images=pictures[1:], duration=70, loop=0, **options
    )
    expected_pictures = composed_gif(source) if origin == "gif" else read(source)[0]
    result = run(f"imageMogr2/flip/vertical/format/{target}/quality/95!", source)
    shown, delays = read(result.data)
    assert delays == [70] * 4
    for found, expected in zip(shown, expected_pictures, strict=True):
        assert psnr(found, np.ascontiguousarray(expected[::-1])) > 24


@pytest.mark.parametrize("target", ["gif", "apng", "webp"])
@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_frames(mode: str, target: str, run: Run) -> None:
    pictures = [photo(40, 30, mode), photo(40, 30, mode).transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    source = encoded(pictures[0], "PNG", save_all=True, append_images=pictures[1:], duration=70, loop=0)
    shown, delays = read(run(f"imageMogr2/format/{target}/quality/95!", source).data)
    assert delays == [70, 70]
    for found, expected in zip(shown, pictures, strict=True):
        if mode == "L" or target != "gif":
            assert psnr(found, on_white(expected)) > 28


def test_long_delays(run: Run) -> None:
    """GIF holds 655.35 s, APNG more in coarser steps."""
    first, second = frames(2)
    source = encoded(first, "WEBP", save_all=True, append_images=[second], duration=[100_000, 700_000])
    for target, expected in (("gif", [100_000, 655_350]), ("apng", [100_000, 700_000])):
        assert read(run(f"imageMogr2/format/{target}", source).data)[1] == expected


def test_equal_frames_are_one_as_long_as_their_time_fits() -> None:
    first, second = frames(2)
    pictures = [Frame(first, 60_000), Frame(first, 5_000), Frame(first, 1_000), Frame(second, 70)]
    shown, delays = read(write_apng(iter(pictures), 0))
    assert (len(shown), delays) == (3, [65_000, 1_000, 70])
    pictures = [Frame(first, 600_000), Frame(first, 50_000), Frame(first, 10_000), Frame(second, 70)]
    shown, delays = read(write_gif(iter(pictures), 0))
    assert (len(shown), delays) == (3, [650_000, 10_000, 70])
    assert all(psnr(found, on_white(first)) > 30 for found in shown[:2])


@pytest.mark.parametrize(
    ("screen", "first", "second", "size"),
    [
        ((10, 10), (0, 0, 10, 10), (5, 5, 10, 10), (10, 10)),
        ((10, 10), (0, 0, 10, 10), (20, 20, 5, 5), (10, 10)),
        ((10, 10), (5, 5, 10, 10), (0, 0, 20, 20), (15, 15)),
        ((0, 0), (0, 0, 8, 6), (0, 0, 10, 10), (8, 6)),
    ],
)
def test_only_the_first_frame_of_a_gif_enlarges_its_screen(
    screen: tuple[int, int],
    first: tuple[int, ...],
    second: tuple[int, ...],
    size: tuple[int, int],
    run: Run,
) -> None:
    """As in browsers, which cut later ones."""
    colours = bytes([0, 0, 0, 255, 0, 0, 0, 255, 0, 255, 255, 255])
    data = b"GIF89a" + struct.pack("<2H3B", *screen, 0x81, 0, 0) + colours
    for number, box in ((1, first), (2, second)):
        # One code a pixel, with a clear code before each, all of three bits.
        codes = [code for _ in range(box[2] * box[3]) for code in (4, number)] + [5]
        bits = sum(code << 3 * place for place, code in enumerate(codes))
        packed = bits.to_bytes(-(-3 * len(codes) // 8), "little")
        blocks = [packed[start : start + 255] for start in range(0, len(packed), 255)]
        control = b"\x21\xf9\x04\x04\x0a\x00\x00\x00"
        data += control + b"," + struct.pack("<4HB", *box, 0) + b"\x02"
        data += b"".join(bytes([len(block)]) + block for block in blocks) + b"\x00"
    shown = [pixels(frame, "RGBA") for frame in composed(run("imageMogr2/format/apng", data + b";").data)]
    # Where nothing of the second is seen, both are one.
    for found, boxes in zip((shown[0], shown[-1]), ([first], [first, second]), strict=True):
        canvas = np.zeros((size[1], size[0], 4), np.uint8)
        for box, colour in zip(boxes, ((255, 0, 0, 255), (0, 255, 0, 255)), strict=False):
            canvas[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = colour
        assert np.array_equal(found, canvas)


@pytest.mark.parametrize("target", ["webp", "apng", "gif", "avif"])
@pytest.mark.parametrize("origin", ["PNG", "WEBP"])
def test_animations_are_upright_since_they_keep_no_exif(origin: str, target: str, run: Run) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    pictures = frames(2)
    source = encoded(
        pictures[0], origin, save_all=True, append_images=pictures[1:], duration=70, exif=exif.tobytes()
    )
    upright = read(run(f"imageMogr2/auto-orient/format/{target}/quality/95!", source).data)
    plain = read(run(f"imageMogr2/format/{target}/quality/95!", source).data)
    assert plain[1] == upright[1] == [70, 70]
    for found, expected in zip(plain[0], upright[0], strict=True):
        assert np.array_equal(found, expected)
    assert plain[0][0].shape[:2] == pictures[0].size
    stored = read(run(f"imageMogr2/auto-orient/0/format/{target}/quality/95!", source).data)
    assert stored[0][0].shape[:2] == pictures[0].size[::-1]


def composed(data: bytes) -> list[Image.Image]:
    with Image.open(io.BytesIO(data)) as image:
        return [frame.convert("RGBA") for frame in ImageSequence.Iterator(image)]


@pytest.mark.parametrize("effort", ["", "/effort/0"])
def test_gif_frames_without_delay_are_not_cleared_as_those_before(effort: str, run: Run) -> None:
    """Pillow takes the disposal of a frame that has no control block from the one before."""
    samples = np.zeros((4, 20, 30, 4), np.uint8)
    samples[0] = (200, 40, 40, 255)
    samples[1:, 5:, 5:] = (40, 200, 40, 255)
    samples[2:, 8:12, 8:12] = (40, 40, 200, 255)
    samples[3, 15:, 20:] = (200, 200, 40, 255)
    samples[2:, :5] = samples[1:2, 5:10]
    pictures = [Image.fromarray(frame) for frame in samples]
    source = encoded(pictures[0], "PNG", save_all=True, append_images=pictures[1:], duration=0, blend=0)
    with Image.open(io.BytesIO(run(f"imageMogr2/format/gif{effort}", source).data)) as result:
        shown = [frame.convert("RGBA") for frame in ImageSequence.Iterator(result)]
    assert len(shown) == 4
    for found, expected in zip(shown, pictures, strict=True):
        assert np.array_equal(on_white(found), on_white(expected))


def test_a_frame_is_only_where_it_changed(run: Run) -> None:
    pictures = frames()
    source = encoded(pictures[0], "PNG", save_all=True, append_images=pictures[1:], duration=70, loop=0)
    one = encoded(pictures[0], "PNG", save_all=True, append_images=pictures[1:2], duration=70, loop=0)
    for target in ("gif", "apng"):
        five, two = (
            len(run(f"imageMogr2/flip/vertical/format/{target}", data).data) for data in (source, one)
        )
        assert five < 2.2 * two


def test_size_limit_does_not_take_animations(run: Run) -> None:
    with pytest.raises(InvalidImageFormat, match="animations"):
        run("imageMogr2/format/webp/size-limit/10k", animation("gif"))
    assert run("imageMogr2/format/jpg/size-limit/10k", animation("gif")).frame_count == 1


def test_gif_delays_that_browsers_slow_down(run: Run) -> None:
    pictures = frames()
    source = encoded(pictures[0], "GIF", save_all=True, append_images=pictures[1:], duration=10, loop=0)
    assert read(run("imageMogr2/format/webp", source).data)[1] == [100] * 5
    assert read(run("imageMogr2/thumbnail/20x", source).data)[1] == [10] * 5


def test_gif_timing_does_not_drift(run: Run) -> None:
    pictures = frames()
    source = encoded(pictures[0], "WEBP", save_all=True, append_images=pictures[1:], duration=33, loop=0)
    delays = read(run("imageMogr2/format/gif", source).data)[1]
    assert sum(delays) == 170
    assert set(delays) == {30, 40}


@pytest.mark.parametrize(
    "name",
    [
        "dispose_bgnd.gif",
        "dispose_prev.gif",
        "dispose_bgnd_transparency.gif",
        "nyan-cat.gif",
        "missing_background.gif",
    ],
)
def test_disposal_survives(name: str, inputs: Path, run: Run) -> None:
    source = (inputs / name).read_bytes()
    expected = composed_gif(source)
    for target in ("gif", "apng"):
        result = run(f"imageMogr2/format/{target}", source).data
        pictures = composed_gif(result) if target == "gif" else read(result)[0]
        assert len(pictures) == len(expected)
        for picture, reference in zip(pictures, expected, strict=True):
            assert psnr(picture, reference) > 30


def test_first_picture_for_other_viewers_is_not_a_frame(run: Run) -> None:
    pictures = frames()
    cover = Image.new("RGB", (64, 48), "blue")
    source = encoded(
        cover, "PNG", save_all=True, append_images=pictures, default_image=True, duration=DELAYS, loop=0
    )
    written, delays = read(run("imageMogr2/format/webp", source).data)
    assert len(written) == 5
    assert delays == DELAYS
    assert psnr(written[0], on_white(pictures[0])) > 24
