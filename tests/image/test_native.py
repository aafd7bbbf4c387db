"""Pixels by ``openmogr_pixels`` are those by Pillow, and what one refuses the other does."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openmogr.errors import CosError, InvalidImageFormat
from openmogr.image import ImageSettings, Processor, Source, native, parse_operation
from openmogr.image.formats.registry import CONTAINERS
from openmogr.image.native import LateImage, Reader, Undecoded
from openmogr.image.source.nclx import nclx_profile
from openmogr.image.source.open import open_image

from .conftest import Pixels, Run, decoded, encoded, photo, pixels

pytestmark = [
    pytest.mark.skipif(not native.AVAILABLE, reason="openmogr-pixels is not installed"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

# Scaling rounds otherwise; where Pillow reduces first or a turn changes which pass comes first, by some more.
LARGEST, MEAN = 3, 0.3
LARGEST_TURNED, MEAN_TURNED = 8, 0.6

Both = Callable[[str, bytes], tuple[Pixels, Pixels]]
Turn = Image.Transpose


@pytest.fixture
def both(run: Run, monkeypatch: pytest.MonkeyPatch) -> Both:
    """What the native module makes of a source, and what Pillow does."""

    def execute(operation: str, source: bytes) -> tuple[Pixels, Pixels]:
        found = []
        for available in (True, False):
            monkeypatch.setattr(native, "AVAILABLE", available)
            found.append(seen(decoded(run(operation, source))))
        return found[0], found[1]

    return execute


def seen(image: Image.Image) -> Pixels:
    """Colours as far as they are seen, and alpha."""
    samples = pixels(image, "RGBA").astype(np.uint16)
    colours = (samples[..., :3] * samples[..., 3:] + 127) // 255
    return np.concatenate((colours, samples[..., 3:]), axis=-1).astype(np.uint8)


def assert_alike(pair: tuple[Pixels, Pixels], *, turned: bool = False) -> None:
    assert pair[0].shape == pair[1].shape
    difference = np.abs(pair[0].astype(int) - pair[1].astype(int))
    assert difference.max() <= (LARGEST_TURNED if turned else LARGEST)
    assert difference.mean() <= (MEAN_TURNED if turned else MEAN)


def picture(mode: str, size: tuple[int, int] = (161, 119)) -> Image.Image:
    """Something of everything, with alpha where there is a channel for it."""
    image = photo().resize(size)
    if mode.endswith("A"):
        image = image.convert(mode)
        image.putalpha(Image.linear_gradient("L").resize(size))
    return image.convert(mode) if mode != "I;16" else deep(image)


def deep(image: Image.Image) -> Image.Image:
    samples = pixels(image, "L").astype(np.uint16)
    return Image.fromarray(samples * 257 - 3 * (samples > 7).astype(np.uint16))


OPERATIONS = [
    "thumbnail/!50p",
    "thumbnail/37x",
    "thumbnail/60x60/pad/1",
    "thumbnail/200x",
    "thumbnail/90x300!",
    "cut/50x40x30x20",
    "crop/60x60",
    "flip/vertical/cut/50x40x30x20",
    "thumbnail/80x/thumbnail/40x",
    "sharpen/20",
]
SOURCES: dict[str, tuple[str, str, dict[str, object]]] = {
    **{f"PNG {mode}": ("PNG", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")},
    **{f"JPEG {mode}": ("JPEG", mode, {}) for mode in ("L", "RGB", "CMYK")},
    "JPEG 4:4:4": ("JPEG", "RGB", {"subsampling": 0}),
    "JPEG progressive": ("JPEG", "RGB", {"progressive": True}),
    "JPEG in restart intervals": ("JPEG", "RGB", {"restart_marker_blocks": 3}),
    "WebP": ("WEBP", "RGBA", {}),
    "PNG with transparency": ("PNG", "P", {"transparency": 7}),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("source", SOURCES)
def test_both_make_the_same(source: str, operation: str, both: Both) -> None:
    form, mode, options = SOURCES[source]
    data = encoded(picture(mode), form, **options)
    assert_alike(both(f"imageMogr2/{operation}/format/png", data))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_strong_reduction(form: str, both: Both) -> None:
    """Pillow takes means before it scales, and decoders of JPEG shrink to an eighth."""
    data = encoded(photo(801, 603), form, quality=95)
    for operation in ("thumbnail/60x", "thumbnail/21x", "thumbnail/9x", "thumbnail/3x"):
        assert_alike(both(f"imageMogr2/{operation}/format/png", data), turned=True)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (7, 5), (17, 16), (321, 9)])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_odd_sizes(form: str, size: tuple[int, int], both: Both) -> None:
    data = encoded(picture("RGB", size), form)
    for operation in ("thumbnail/!50p", "thumbnail/3x", "cut/5x5x0x0", "rotate/90"):
        assert_alike(both(f"imageMogr2/{operation}/format/png", data))


@pytest.mark.parametrize(
    "operation", ["thumbnail/50x", "cut/50x30x11x7", "crop/40x60", "rotate/90/thumbnail/50x"]
)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_pictures(orientation: int, operation: str, both: Both) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(picture("RGB"), "JPEG", quality=90, exif=exif)
    assert_alike(both(f"imageMogr2/auto-orient/{operation}/format/png", data), turned=True)


@pytest.mark.parametrize("form", ["jpg", "yjpeg", "png"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_both_write_the_same(mode: str, form: str, both: Both) -> None:
    exif = Image.Exif()
    exif[0x010F] = "OpenMogr"
    data = encoded(picture(mode), "PNG", exif=exif)
    first, second = both(f"imageMogr2/format/{form}", data)
    assert np.array_equal(first, second)


def test_a_jpeg_is_written_byte_by_byte_as_by_pillow(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    exif = Image.Exif()
    exif[0x010F] = "OpenMogr"
    data = encoded(picture("RGB"), "JPEG", quality=95, exif=exif, xmp=b"<x:xmpmeta/>")
    for operation in ("quality/50!", "quality/93!", "interlace/1/quality/60!", "strip/quality/60!"):
        monkeypatch.setattr(native, "AVAILABLE", True)
        ours = run(f"imageMogr2/{operation}", data).data
        monkeypatch.setattr(native, "AVAILABLE", False)
        assert ours == run(f"imageMogr2/{operation}", data).data


def test_the_corpus(both: Both, inputs: Path) -> None:
    paths = sorted(path for path in inputs.iterdir() if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    assert paths
    for path in paths:
        data = path.read_bytes()
        for operation in ("thumbnail/200x200", "cut/300x200x10x10"):
            try:
                pair = both(f"imageMogr2/{operation}/format/png", data)
            except CosError:
                continue
            difference = np.abs(pair[0].astype(int) - pair[1].astype(int))
            assert difference.mean() <= 1, (path.name, operation)
            assert np.percentile(difference, 99.9) <= LARGEST_TURNED, (path.name, operation)


@pytest.mark.parametrize(
    "operation", ["thumbnail/50x", "cut/30x20x10x10", "quality/50!", "rotate/90", "format/png"]
)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "progressive"])
def test_what_is_cut_off_is_refused_in_the_same_words(
    form: str, operation: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = encoded(
        picture("RGB"), "JPEG" if form == "progressive" else form, progressive=form == "progressive"
    )
    for part in (0.3, 0.6, 0.9, 0.97):
        data, told = whole[: int(len(whole) * part)], []
        for available in (True, False):
            monkeypatch.setattr(native, "AVAILABLE", available)
            with pytest.raises(InvalidImageFormat) as caught:
                run(f"imageMogr2/{operation}", data)
            told.append((caught.value.message, caught.value.number))
        assert told[0] == told[1]


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_bytes_that_are_wrong_have_the_same_effect(
    form: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = encoded(picture("RGB"), form)
    for place in range(len(whole) // 2, len(whole) - 20, len(whole) // 23):
        data = whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
        outcomes = []
        for available in (True, False):
            monkeypatch.setattr(native, "AVAILABLE", available)
            try:
                outcomes.append(run("imageMogr2/format/bmp", data).data)
            except InvalidImageFormat as error:
                outcomes.append(error.message.encode())
        assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("operation", ["thumbnail/50x", "cut/30x20x10x10", "cut/161x119x0x0", "quality/50!"])
def test_an_end_marker_may_be_missing(operation: str, both: Both) -> None:
    whole = encoded(picture("RGB"), "JPEG")
    for data in (whole[:-2], whole[:-1]):
        found, by_pillow = both(f"imageMogr2/{operation}/format/png", data)
        assert np.array_equal(found, both(f"imageMogr2/{operation}/format/png", whole)[0])
        assert_alike((found, by_pillow))


def test_a_window_is_not_taken_for_the_whole(run: Run, processor: Processor) -> None:
    data = encoded(picture("RGB"), "JPEG")
    pipelines = [
        parse_operation(f"imageMogr2/{operation}/format/png")
        for operation in (
            "cut/30x20x10x10",
            "sharpen/20",
            "cut/40x40x90x60",
            "thumbnail/40x",
            "cut/30x20x10x10",
        )
    ]
    together = [result.data for result in processor.run(pipelines, Source(data=data)).results]
    assert together == [processor.execute(pipeline, Source(data=data)).data for pipeline in pipelines]


def test_only_the_window_is_decoded(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    asked = []
    original = native.decode_jpeg

    def decode(data: bytes, **options: object) -> object:
        asked.append((options["scale"], options["box"]))
        return original(data, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(native, "decode_jpeg", decode)
    data = encoded(photo(), "JPEG")
    for operation in (
        "cut/30x20x10x12",
        "thumbnail/!50p",
        "thumbnail/!49p",
        "thumbnail/!12p",
        "thumbnail/!51p",
    ):
        run(f"imageMogr2/{operation}/format/jpg", data)
    assert asked == [(8, (10, 12, 40, 32)), (4, None), (4, None), (1, None), (8, None)]


@pytest.mark.parametrize("turns", [*itertools.product(Turn), *itertools.product(Turn, Turn)])
def test_windows_come_before_turns(turns: tuple[Turn, ...]) -> None:
    image = picture("RGB", (31, 22))
    expected, late = image, LateImage(image)
    for method in turns:
        expected, late = expected.transpose(method), late.transpose(method)  # type: ignore[assignment]
    assert isinstance(late, LateImage)
    assert late.size == expected.size
    box = (3, 5, 14, 12)
    found = late.crop(box)
    assert isinstance(found, LateImage)
    assert found.late
    assert np.array_equal(pixels(found), pixels(expected.crop(box)))
    assert np.array_equal(pixels(late.again()), pixels(expected))


def test_colours_are_converted_after_scaling(run: Run) -> None:
    profile = nclx_profile(12, 13)
    assert profile
    image = picture("RGB", (640, 480))
    for form, options in (("JPEG", {"quality": 95}), ("PNG", {}), ("WEBP", {"lossless": True})):
        data = encoded(image, form, icc_profile=profile, **options)
        large = decoded(run("imageMogr2/format/bmp", data))
        small = decoded(run("imageMogr2/thumbnail/320x/format/png", data))
        expected = large.resize((320, 240), Image.Resampling.LANCZOS)
        difference = np.abs(pixels(small).astype(int) - pixels(expected).astype(int))
        # A decoder of JPEG that shrinks takes another mean.
        assert difference.mean() < (2 if form == "JPEG" else 0.5)
        untagged = decoded(run("imageMogr2/thumbnail/320x/format/png", encoded(image, form, **options)))
        assert np.abs(pixels(small).astype(int) - pixels(untagged).astype(int)).mean() > 1


def test_pillow_gets_no_pixels_of_a_picture_that_is_only_scaled(
    monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    made = []
    monkeypatch.setattr(LateImage, "_made", lambda late: made.append(late))
    for form, target in (("JPEG", "jpg"), ("PNG", "png"), ("PNG", "jpg")):
        run(f"imageMogr2/thumbnail/40x/format/{target}", encoded(picture("RGB"), form))
    assert made == []


def test_a_reader_that_gives_up_leaves_it_to_pillow() -> None:
    image = picture("RGB")
    undecoded = Undecoded(Reader("RGB", image.size, lambda box: None), lambda: image)
    assert pixels(LateImage(undecoded)).shape == (119, 161, 3)
    assert np.array_equal(pixels(LateImage(undecoded).crop((1, 2, 9, 8))), pixels(image.crop((1, 2, 9, 8))))


def test_an_animated_webp_has_one_key_frame(run: Run) -> None:
    # Something small moves over what stays.
    frames = [photo() for _ in range(24)]
    for number, frame in enumerate(frames):
        frame.paste("white", (5 * number, 40, 5 * number + 12, 52))
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    result = run("imageMogr2/format/webp/quality/60!", data)
    shown = decoded(run("imageMogr2/format/apng", data))
    images = []
    for number in range(24):
        shown.seek(number)
        images.append(shown.convert("RGBA"))
    setting = CONTAINERS["webp"].setting(60)
    usual = encoded(
        images[0], "WEBP", save_all=True, append_images=images[1:], duration=50, quality=setting, method=4
    )
    assert result.frame_count == 24
    assert result.data.count(b"ANMF") == 24
    assert len(result.data) < len(usual)


def test_a_descriptor_is_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "source"
    path.write_bytes(bytes(range(256)) * 10_000)
    calls = []
    original = os.pread

    def pread(descriptor: int, length: int, offset: int) -> bytes:
        calls.append(length)
        return original(descriptor, length, offset)

    monkeypatch.setattr(os, "pread", pread)
    with path.open("rb") as file:
        stream = Source(descriptor=file.fileno()).open()
        assert stream.read(5) == bytes(range(5))
        assert stream.read() == path.read_bytes()[5:]
        assert stream.read() == b""
        stream.seek(-3, os.SEEK_END)
        assert stream.read() == bytes([253, 254, 255])
    assert len(calls) < 8


def test_many_short_segments_cost_nothing() -> None:
    data = b"\xff\xd8" + b"\xff\xe5\x00\x02" * 4_000_000
    before = time.process_time()
    with pytest.raises(CosError, match="segments"), open_image(Source(data=data), ImageSettings()):
        pass
    assert time.process_time() - before < 1


def test_the_module_is_optional() -> None:
    program = (
        "import sys; sys.modules['openmogr_pixels'] = None\n"
        "import io; from PIL import Image\n"
        "from openmogr.image import ImageSettings, Processor, Source, native, parse_operation\n"
        "out = io.BytesIO(); Image.effect_noise((80, 60), 40).convert('RGB').save(out, 'JPEG')\n"
        "for form in ('jpg', 'png', 'webp'):\n"
        "    operation = parse_operation(f'imageMogr2/thumbnail/40x/cut/20x20x1x1/format/{form}')\n"
        "    Processor(ImageSettings()).execute(operation, Source(data=out.getvalue()))\n"
        "print(native.AVAILABLE)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"
