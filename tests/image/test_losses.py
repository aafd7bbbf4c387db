"""Results say what they lack of their sources: no more, and no less, than reading them back shows."""

from __future__ import annotations

import importlib.util
import io

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from openmogr.errors import NotSupported
from openmogr.image import ImageSettings, Loss, Source
from openmogr.image.formats.registry import CONTAINERS
from openmogr.image.source.open import open_image

from .conftest import Run, encoded, photo

_METADATA = {Loss.exif, Loss.xmp, Loss.iptc, Loss.comments}


def _tagged(form: str = "JPEG", **options: object) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "OpenMogr"
    return encoded(photo(64, 48), form, exif=exif, xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>", **options)


def _animation(mode: str = "RGB") -> bytes:
    frames = [photo(64, 48, mode).rotate(90 * number) for number in range(3)]
    return encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=100, lossless=True)


def _held(data: bytes) -> set[Loss]:
    with open_image(Source(data=data), ImageSettings()) as opened:
        return {loss for loss, part in ((Loss.exif, opened.exif), (Loss.xmp, opened.xmp)) if part}


@pytest.mark.parametrize("name", sorted(CONTAINERS))
@pytest.mark.parametrize("animated", [False, True])
def test_metadata_that_cannot_be_read_back_is_lost(run: Run, name: str, animated: bool) -> None:
    frames = [photo(64, 48).rotate(90 * number) for number in range(3)]
    options = {"save_all": True, "append_images": frames[1:], "lossless": True} if animated else {}
    source = _tagged("WEBP", **options)
    assert _held(source) == {Loss.exif, Loss.xmp}
    try:
        result = run(f"imageMogr2/format/{name}", source)
    except NotSupported:
        pytest.skip(f"the codec of {name} is not installed")
    if result.is_original:
        pytest.skip("the source is kept")
    assert set(result.losses) & _METADATA == {Loss.exif, Loss.xmp} - _held(result.data)
    assert (Loss.frames in result.losses) == (animated and result.frame_count == 1)


def test_what_is_stripped_on_request_is_not_lost(run: Run) -> None:
    assert run("imageMogr2/format/bmp/strip", _tagged()).losses == ()
    assert run("imageMogr2/format/bmp", _tagged()).losses == (Loss.exif, Loss.xmp)


def test_metadata_too_long_for_a_jpeg_are_lost(run: Run) -> None:
    exif = Image.Exif()
    exif[0x010F] = "x" * 65_400
    source = encoded(photo(64, 48), "WEBP", exif=exif)
    assert run("imageMogr2/format/jpg", source).losses == (Loss.exif,)


def test_comments_and_iptc(run: Run) -> None:
    assert run("imageMogr2/format/webp", encoded(photo(), "JPEG", comment=b"hello")).losses == (
        Loss.comments,
    )
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x04\x1c\x02\x05\x00"
    plain = encoded(photo(), "JPEG")
    segment = b"\xff\xed" + (len(iptc) + 2).to_bytes(2, "big") + iptc
    assert run("imageMogr2/format/webp", plain[:2] + segment + plain[2:]).losses == (Loss.iptc,)
    texts = PngInfo()
    texts.add_text("Software", "a program")
    texts.add_text("date:create", "today")
    assert run("imageMogr2/format/webp", encoded(photo(), "PNG", pnginfo=texts)).losses == ()
    texts.add_text("Author", "somebody")
    assert run("imageMogr2/format/webp", encoded(photo(), "PNG", pnginfo=texts)).losses == (Loss.comments,)


def test_transparency(run: Run) -> None:
    clear = photo(mode="RGBA")
    assert run("imageMogr2/format/jpg", clear).losses == (Loss.alpha,)
    assert run("imageMogr2/format/gif", clear).losses == (Loss.half_alpha,)
    assert run("imageMogr2/format/webp", clear).losses == ()
    opaque = photo().convert("RGBA")
    assert run("imageMogr2/format/jpg", opaque).losses == ()
    holed = opaque.copy()
    holed.paste((0, 0, 0, 0), (0, 0, 9, 9))
    assert run("imageMogr2/format/gif", holed).losses == ()
    # What is cut off is not lost.
    assert run("imageMogr2/cut/20x20x20x20/format/jpg", holed).losses == ()


def test_frames(run: Run) -> None:
    assert run("imageMogr2/format/png", _animation()).losses == (Loss.frames,)
    assert run("imageMogr2/format/apng", _animation()).losses == ()
    assert run("imageMogr2/format/gif", _animation("RGBA")).losses == (Loss.half_alpha,)
    assert run("imageMogr2/format/bmp", _animation("RGBA")).losses == (Loss.frames, Loss.alpha)
    # One frame was asked for.
    gif = run("imageMogr2/format/gif", _animation()).data
    assert run("imageMogr2/cgif/1/format/png", gif).losses == (Loss.frames,)


@pytest.mark.parametrize("name", sorted(name for name, container in CONTAINERS.items() if container.animated))
def test_how_often_an_animation_is_shown(run: Run, name: str) -> None:
    frames = [photo(64, 48).rotate(90 * number) for number in range(2)]
    for loop in (0, 3):
        source = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=100, loop=loop)
        result = run(f"imageMogr2/format/{name}", source)
        with open_image(Source(data=result.data), ImageSettings()) as opened:
            assert (Loss.repeats in result.losses) == (opened.loop_count != loop), loop


def test_pages(run: Run) -> None:
    pages = encoded(photo(), "TIFF", save_all=True, append_images=[photo(), photo()])
    assert run("imageMogr2/format/png", pages).losses == (Loss.pages,)
    assert run("imageMogr2/format/png", encoded(photo(), "TIFF")).losses == ()


@pytest.mark.skipif(
    importlib.util.find_spec("pillow_heif") is None, reason="the extra [heif] is not installed"
)
def test_pictures_of_a_heif(run: Run) -> None:
    import pillow_heif

    several = pillow_heif.from_pillow(photo())
    several.add_from_pillow(photo().rotate(180))
    out = io.BytesIO()
    several.save(out)
    assert run("imageMogr2/format/png", out.getvalue()).losses == (Loss.images,)


def test_pictures_of_a_jpeg(run: Run) -> None:
    several = encoded(photo(), "MPO", save_all=True, append_images=[photo().rotate(180)])
    assert Loss.images in run("imageMogr2/format/png", several).losses


def test_exif_of_a_tiff(run: Run) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2026:11:29 00:00:00"
    source = encoded(photo(), "TIFF", exif=exif.tobytes())
    assert run("imageMogr2/format/png", source).losses == (Loss.exif,)
