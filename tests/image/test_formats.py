"""Writing every format, what each keeps, and what happens without a codec."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openmogr.errors import ImageResolutionExceed, InternalError, InvalidImageFormat, NotSupported
from openmogr.image import ImageSettings, Processor, Source, parse_operation
from openmogr.image.formats.registry import TARGETS
from openmogr.image.source.metadata import upright

from .conftest import Run, decoded, encoded, on_white, photo, pixels, psnr

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

# TPG has tests of its own.
WRITTEN = sorted(set(TARGETS) - {"tpg"})
ALPHA = {name for name, target in TARGETS.items() if target.container.alpha}
LOSSLESS = {"png", "apng", "bmp", "tiff"}


def needs_codec(form: str) -> None:
    extra = TARGETS[form].container.extra
    if extra is not None:
        pytest.importorskip(extra.module_name, reason=f"the extra [{extra.name}] is not installed")
        extra.module()


@pytest.mark.parametrize("form", WRITTEN)
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_every_format_is_written(form: str, mode: str, run: Run) -> None:
    needs_codec(form)
    source = photo(mode=mode)
    result = run(f"imageMogr2/format/{form.upper()}/quality/90", source)
    assert (result.format, result.content_type) == (form, TARGETS[form].content_type)
    assert (result.width, result.height, result.frame_count) == (160, 120, 1)
    picture = decoded(result)
    assert picture.format == TARGETS[form].container.pillow
    assert picture.size == source.size
    bound = 60 if form in LOSSLESS else 30
    if form == "gif":
        # A palette and one level of transparency: only the opaque part is comparable.
        assert psnr(on_white(picture)[:, :40], pixels(source)[:, :40]) > 24
    else:
        assert psnr(on_white(picture), on_white(source)) > bound
    assert picture.has_transparency_data == (mode.endswith("A") and form in ALPHA)


@pytest.mark.parametrize("form", ["jpg", "bmp"])
def test_alpha_is_put_on_white(form: str, run: Run) -> None:
    clear = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    assert pixels(decoded(run(f"imageMogr2/format/{form}", clear))).min() > 250


@pytest.mark.parametrize("form", ["heif", "heic"])
def test_heif_has_the_brand_of_hevc(form: str, run: Run) -> None:
    needs_codec(form)
    data = run(f"imageMogr2/format/{form}", photo()).data
    assert data[4:12] == b"ftypheic"
    assert b"mif1" in data[12:40]


@pytest.mark.parametrize(
    ("operation", "progressive"), [("format/jpg", False), ("format/jpg/interlace/1", True)]
)
def test_interlace(operation: str, progressive: bool, run: Run) -> None:
    info = decoded(run(f"imageMogr2/{operation}", photo())).info
    assert bool(info.get("progressive")) == progressive
    assert decoded(run("imageMogr2/format/yjpeg", photo())).info.get("progressive")


def test_source_format_is_kept_without_format(run: Run) -> None:
    for form, name in (
        ("PNG", "PNG"),
        ("JPEG", "JPEG"),
        ("WEBP", "WEBP"),
        ("BMP", "BMP"),
        ("TIFF", "TIFF"),
        ("GIF", "GIF"),
    ):
        result = run("imageMogr2/thumbnail/10x", encoded(photo(), form))
        assert result.format == name
        assert decoded(result).format == form


@pytest.mark.parametrize(
    "operation", ["imageMogr2", "imageView2/2", "imageMogr2/ignore-error/1", "imageMogr2/ignore-error/0"]
)
def test_nothing_asked_for_gives_the_original(operation: str, run: Run) -> None:
    source = encoded(photo(), "JPEG", quality=77)
    result = run(operation, source)
    assert result.is_original
    assert result.data == source
    assert (result.format, result.width, result.quality) == ("JPEG", 160, 77)


def test_a_jpeg_with_further_pictures_is_a_jpeg(run: Run) -> None:
    source = encoded(photo(), "MPO", save_all=True, append_images=[photo(mode="L").convert("RGB")])
    assert source[:3] == b"\xff\xd8\xff"
    result = run("imageMogr2/thumbnail/40x", source)
    assert (result.format, result.width, result.frame_count) == ("JPEG", 40, 1)
    assert psnr(pixels(decoded(result)), pixels(photo().resize((40, 30), Image.Resampling.LANCZOS))) > 28


def exif_of(orientation: int, order: str = "II") -> bytes:
    little = "little" if order == "II" else "big"

    def number(value: int, length: int) -> bytes:
        return value.to_bytes(length, little)  # type: ignore[arg-type]  # one of both orders

    entries = [(0x010F, 2, 4, b"abc\x00"), (0x0112, 3, 1, number(orientation, 2) + b"\x00\x00")]
    directory = number(len(entries), 2) + b"".join(
        number(tag, 2) + number(kind, 2) + number(count, 4) + value for tag, kind, count, value in entries
    )
    return order.encode() + number(42, 2) + number(8, 4) + directory + number(0, 4)


@pytest.mark.parametrize("order", ["II", "MM"])
def test_upright_changes_two_bytes(order: str) -> None:
    assert upright(exif_of(6, order)) == exif_of(1, order)
    assert upright(b"") == b""
    assert upright(b"nonsense nonsense") == b""
    assert upright(exif_of(6, order)[:20]) == b""


@pytest.mark.parametrize("form", ["jpg", "png", "webp", "avif", "heif"])
def test_metadata_is_kept_unless_stripped(form: str, run: Run) -> None:
    needs_codec(form)
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>b</a></x:xmpmeta>'
    source = encoded(photo(), "JPEG", exif=b"Exif\x00\x00" + exif_of(1), xmp=packet)
    kept = decoded(run(f"imageMogr2/format/{form}", source))
    assert kept.getexif()[0x010F] == "abc"
    assert packet in (kept.info.get("xmp") or b"")
    bare = decoded(run(f"imageMogr2/format/{form}/strip", source))
    assert not bare.getexif()
    assert not bare.info.get("xmp")


def test_too_large_metadata_does_not_fail_a_jpeg(run: Run) -> None:
    source = encoded(
        photo(), "WEBP", exif=b"II*\x00\x08\x00\x00\x00\x00\x00" + bytes(70_000), xmp=b"<x>" + b" " * 70_000
    )
    assert decoded(run("imageMogr2/format/jpg", source)).size == (160, 120)


def test_heif_without_its_extra_says_which(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(NotSupported, match=r"openmogr\[heif\]") as caught:
        run("imageMogr2/format/heif", photo())
    assert caught.value.status == 400
    with pytest.raises(NotSupported, match="HEIF"):
        run("imageInfo", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")


def test_tpg_without_its_package_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_tpg", None)
    with pytest.raises(NotSupported, match="TPG is not available"):
        run("imageMogr2/format/tpg", photo())
    assert run("imageMogr2/format/tpg/ignore-error/1", photo()).is_original


def test_tpg_starts_to_work_with_an_encoder(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seam to `pillow_tpg`: first without, then with an encoder."""
    module = types.ModuleType("pillow_tpg")
    module.register_tpg_opener = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pillow_tpg", module)
    with pytest.raises(NotSupported, match="no encoder"):
        run("imageMogr2/format/tpg", photo())
    seen: dict[str, object] = {}

    def encode(image: Image.Image, **options: object) -> bytes:
        seen.update(options, mode=image.mode, size=image.size)
        return b"TPG AVS2B"

    module.encode = encode  # type: ignore[attr-defined]
    result = run("imageMogr2/thumbnail/80x/format/tpg/quality/60", photo(mode="LA"))
    assert (result.data, result.format, result.content_type) == (b"TPG AVS2B", "tpg", "image/tpg")
    assert (result.width, result.height, result.quality) == (80, 60, 60)
    assert seen == {"mode": "RGBA", "size": (80, 60), "quality": 60, "threads": 1}


@pytest.mark.parametrize(
    ("name", "width", "height", "frames"),
    [
        ("d32ed7fd7ad5a130b6d1bb96e46a761a07f15c4a4a6b7a1a1828665343f6d69b.0", 450, 8302, 1),
        ("dingdang_tpg.gif", 294, 358, 9),
        ("spider-web-7572415.tpg", 4908, 3272, 1),
        ("test1.tpg", 3670, 2068, 1),
        ("test1_gif.tpg", 3670, 2068, 6),
        ("tpg.jpg", 960, 540, 1),
    ],
)
def test_genuine_tpg_is_read(name: str, width: int, height: int, frames: int, shared: Path, run: Run) -> None:
    pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
    path = shared / "corpus" / "tpg" / name
    info = json.loads(run("imageInfo", path).data)
    assert (info["format"], info["frame_count"]) == ("tpg", str(frames))
    assert (info["width"], info["height"]) == (str(width), str(height))
    result = run("imageMogr2/thumbnail/64x64/format/webp", path)
    assert max(decoded(result).size) == 64
    assert result.frame_count == frames
    still = run("imageMogr2/thumbnail/64x64/format/png", path)
    assert pixels(decoded(still)).std() > 10


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"8BPS\x00\x01",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2",
        b"RIFF\x00\x00\x00\x00WEBP",
        b"GIF89a",
        b"BM",
        b"II*\x00\x08\x00\x00\x00",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif",
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, run: Run) -> None:
    for operation in ("imageMogr2/format/png", "imageInfo", "exif"):
        with pytest.raises(InvalidImageFormat) as caught:
            run(operation, data)
        assert caught.value.status == 400
        assert caught.value.number in {-441, -443}
    result = run("imageMogr2/format/png/ignore-error/1", data)
    assert result.is_original
    assert result.data == data


def test_sizes_that_a_format_cannot_hold_are_refused(run: Run) -> None:
    long = Image.new("L", (16_384, 1))
    with pytest.raises(ImageResolutionExceed, match="webp") as caught:
        run("imageMogr2/format/webp", long)
    assert caught.value.number == -442
    assert run("imageMogr2/format/jpg", long).width == 16_384


@pytest.mark.parametrize("size", [(4097, 31), (1, 4097), (16_385, 40), (15_000, 9600)])
def test_sizes_that_the_hevc_encoder_cannot_hold_are_refused(size: tuple[int, int], run: Run) -> None:
    needs_codec("heif")
    with pytest.raises(ImageResolutionExceed, match="heif"):
        run("imageMogr2/format/heif", Image.new("L", size))


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (4096, 31), (1, 4096), (16_384, 32)])
@pytest.mark.parametrize("form", ["heif", "avif"])
def test_extreme_sizes_are_written(form: str, size: tuple[int, int], run: Run) -> None:
    needs_codec(form)
    assert decoded(run(f"imageMogr2/format/{form}", Image.new("RGB", size, "navy"))).size == size


def test_a_failing_encoder_is_our_fault_unless_ignored(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("no")

    monkeypatch.setitem(Image.SAVE, "WEBP", broken)
    with pytest.raises(InternalError) as caught:
        run("imageMogr2/format/webp", photo())
    assert caught.value.number == -901
    assert "no" in caught.value.detail
    assert run("imageMogr2/format/webp/ignore-error/1", photo()).is_original


def test_sixteen_bit_grey_is_scaled_not_clipped(run: Run) -> None:
    levels = np.linspace(0, 65535, 256).round().astype(np.uint16)
    source = encoded(Image.fromarray(np.tile(levels, (4, 1))), "PNG")
    result = np.asarray(decoded(run("imageMogr2/format/bmp", source)).convert("L"), int)
    assert np.abs(result[0] - np.arange(256)).max() <= 1


def test_originals_beyond_the_input_limit_are_not_read() -> None:
    small = Processor(ImageSettings(max_input_bytes=100))
    result = small.execute(
        parse_operation("imageMogr2/format/png/ignore-error/1"), Source(data=encoded(photo(), "PNG"))
    )
    assert result.is_original
    assert result.data == b""
    assert result.content_type == "image/png"
