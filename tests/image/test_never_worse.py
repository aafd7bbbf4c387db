"""A source that is already in the target format is not answered with something longer."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from openmogr.image import ImageSettings, Processor, Result, Source, parse_operation
from openmogr.image.formats.png_parts.strip import stripped_png

from .conftest import Run, encoded, photo


@pytest.mark.parametrize(
    ("form", "operation"),
    [
        ("JPEG", "imageMogr2/format/jpg/quality/95!"),
        ("JPEG", "imageMogr2/quality/90!"),
        ("WEBP", "imageMogr2/format/webp/quality/95!"),
    ],
)
def test_a_longer_rewrite_is_not_sent(form: str, operation: str, run: Run) -> None:
    source = encoded(photo(), form, quality=20)
    result = run(operation, source)
    assert result.data == source
    assert result.is_original
    assert result.rejected_size > len(source)


@pytest.mark.parametrize(
    "operation",
    [
        "imageMogr2/quality/95!/strip",
        "imageMogr2/quality/95!/interlace/1",
        "imageMogr2/rotate/90/quality/95!",
        "imageMogr2/format/webp/quality/95!",
    ],
)
def test_what_asks_for_a_change_gets_it(operation: str, run: Run) -> None:
    source = encoded(photo(), "JPEG", quality=20)
    result = run(operation, source)
    assert not result.is_original
    assert result.rejected_size == 0


def test_a_shorter_rewrite_is_sent(run: Run) -> None:
    source = encoded(photo(), "JPEG", quality=95)
    result = run("imageMogr2/quality/60", source)
    assert not result.is_original
    assert len(result.data) < len(source)


@pytest.mark.parametrize(
    "operation", ["thumbnail/500x>", "thumbnail/160x", "thumbnail/160x120!", "auto-orient"]
)
def test_a_step_that_changes_nothing_is_none(operation: str, run: Run) -> None:
    source = encoded(photo(), "JPEG", quality=20)
    assert run(f"imageMogr2/{operation}/quality/95!", source).data == source
    assert run("imageView2/2/w/500/q/95!", source).data == source


@pytest.mark.parametrize(
    "operation", ["thumbnail/159x", "thumbnail/170x170/pad/1", "thumbnail/80x|imageMogr2/thumbnail/160x"]
)
def test_a_step_that_changes_something_is_one(operation: str, run: Run) -> None:
    source = encoded(photo(), "JPEG", quality=20)
    assert not run(f"imageMogr2/{operation}|imageMogr2/quality/95!", source).is_original


@pytest.fixture
def plainly() -> Run:
    """As ``run``, where samples of PNG are written as they are: colours of a palette grow."""
    processor = Processor(ImageSettings(png_effort=0))

    def execute(operation: str, source: Image.Image | bytes | Path) -> Result:
        assert isinstance(source, bytes)
        return processor.execute(parse_operation(operation), Source(data=source))

    return execute


def _png(*, tagged: bool) -> bytes:
    texts = PngInfo()
    if tagged:
        texts.add_text("Author", "somebody")
        texts.add(b"prIv", b"private")
    exif = Image.Exif()
    exif[0x010F] = "OpenMogr"
    parts = {"exif": exif, "pnginfo": texts} if tagged else {}
    return encoded(photo().quantize(16), "PNG", optimize=True, **parts)


def test_metadata_is_cut_out_of_a_png_that_would_grow(plainly: Run) -> None:
    source = _png(tagged=True)
    result = plainly("imageMogr2/strip", source + b"behind the end")
    assert result.data == _png(tagged=False)
    assert (result.is_original, result.content_type, result.losses) == (False, "image/png", ())


def test_what_pixels_look_like_is_not_metadata(plainly: Run) -> None:
    plain = encoded(photo().quantize(16), "PNG", optimize=True, transparency=3)
    source = plain[:33] + _chunk(b"gAMA", b"\0\0\xb1\x8f") + _chunk(b"tEXt", b"Author\0me") + plain[33:]
    assert (
        plainly("imageMogr2/strip", source).data == plain[:33] + _chunk(b"gAMA", b"\0\0\xb1\x8f") + plain[33:]
    )


def test_a_png_without_metadata_is_kept(plainly: Run) -> None:
    source = _png(tagged=False)
    result = plainly("imageMogr2/strip", source)
    assert result.is_original
    assert result.data == source


def test_no_png_that_breaks_off_is_cut() -> None:
    source = _png(tagged=True)
    assert stripped_png(source) == _png(tagged=False)
    for length in range(len(source)):
        assert stripped_png(source[:length]) is None


def _chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
