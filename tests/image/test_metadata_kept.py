"""``metadata/<all|copyright|none>``, an extension of ours: which metadata a result keeps."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from openmogr.errors import InvalidArgument
from openmogr.image import ImageSettings, Processor, Source, parse_operation
from openmogr.image.source.metadata import Metadata, copyright_only

_MAKE, _ORIENTATION, _ARTIST, _COPYRIGHT = 0x010F, 0x0112, 0x013B, 0x8298


def photo(**extra: object) -> bytes:
    exif = Image.Exif()
    exif[_MAKE], exif[_ORIENTATION], exif[_ARTIST] = "Maker", 6, "Ansel"
    exif[_COPYRIGHT] = "(c) 1942 Ansel"
    out = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(out, "JPEG", quality=92, exif=exif, **extra)
    return out.getvalue()


def tags(data: bytes) -> dict[int, object]:
    with Image.open(io.BytesIO(data)) as image:
        found = image.getexif()
        return {tag: found[tag] for tag in (_MAKE, _ORIENTATION, _ARTIST, _COPYRIGHT) if tag in found}


def run(operation: str, data: bytes) -> bytes:
    return Processor(ImageSettings()).execute(parse_operation(operation), Source(data=data)).data


@pytest.mark.parametrize("name", ["jpg", "webp", "png"])
def test_only_the_copyright(name: str) -> None:
    made = run(f"imageMogr2/format/{name}/quality/50/metadata/copyright", photo())
    assert tags(made) == {_ORIENTATION: 6, _ARTIST: "Ansel", _COPYRIGHT: "(c) 1942 Ansel"}
    turned = run(f"imageMogr2/auto-orient/format/{name}/quality/50/metadata/copyright", photo())
    assert tags(turned) == {_ORIENTATION: 1, _ARTIST: "Ansel", _COPYRIGHT: "(c) 1942 Ansel"}


def test_slimmed_results_too() -> None:
    pytest.importorskip("openmogr_pixels")
    assert tags(run("imageMogr2/metadata/copyright|imageSlim", photo())).keys() == {
        _ORIENTATION,
        _ARTIST,
        _COPYRIGHT,
    }


def test_the_source_is_no_answer_however_short() -> None:
    data = photo(optimize=True)
    assert _MAKE not in tags(run("imageMogr2/format/jpg/quality/100!/metadata/copyright", data))


def test_all_and_none_are_as_without_and_with_strip() -> None:
    assert run("imageMogr2/quality/50/metadata/none", photo()) == run("imageMogr2/quality/50/strip", photo())
    assert run("imageMogr2/quality/50/metadata/all", photo()) == run("imageMogr2/quality/50", photo())
    assert (
        parse_operation("imageMogr2/metadata/none|imageMogr2/metadata/copyright/format/webp").encoding.strip
        is False
    )


@pytest.mark.parametrize("value", ["", "some", "1"])
def test_other_words_are_refused(value: str) -> None:
    with pytest.raises(InvalidArgument, match="metadata"):
        parse_operation(f"imageMogr2/format/webp/metadata/{value}")


@pytest.mark.parametrize("exif", [b"", b"II*\x00", b"no EXIF at all", b"MM\x00*\x00\x00\x00\x08\xff\xff"])
def test_exif_that_cannot_be_read_is_left_out(exif: bytes) -> None:
    assert copyright_only(Metadata(exif, b"<xmp/>")) == Metadata()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_tiff_keeps_the_orientation_of_all_sources(form: str) -> None:
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    out = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").resize((96, 64)).save(out, form, exif=exif)
    source = out.getvalue()
    for steps, told, size in (
        # Pillow turns by the tag.
        ("", {_ORIENTATION: 6}, (64, 96)),
        ("/metadata/copyright", {_ORIENTATION: 6}, (64, 96)),
        ("/auto-orient", {}, (64, 96)),
        ("/cut/90x60x0x0/strip", {}, (90, 60)),
    ):
        made = run(f"imageMogr2{steps}/flip/vertical/format/tiff", source)
        assert tags(made) == told
        with Image.open(io.BytesIO(made)) as image:
            assert image.size == size
