"""Small files that once came out wrong, each with what is right (``data/faults/README.md``)."""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openmogr.errors import CosError, ImageResolutionExceed
from openmogr.image import ImageSettings, Processor, Result, Source, parse_operation

from .conftest import Run, decoded, encoded, photo, pixels
from .reference import png_chunk, png_file, png_header

# As on the server, which runs on when Pillow warns about broken metadata.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

FAULTS = Path(__file__).parent / "data" / "faults"


def rgba(result: Result, x: int, y: int) -> tuple[int, ...]:
    return tuple(int(value) for value in pixels(decoded(result), "RGBA")[y, x])


def near(found: tuple[int, ...], expected: tuple[int, ...], most: int = 2) -> bool:
    return all(abs(a - b) <= most for a, b in zip(found, expected, strict=True))


def info(run: Run, data: bytes | Path) -> tuple[int, int, int]:
    told = json.loads(run("imageInfo", data).data)
    return int(told["width"]), int(told["height"]), int(told["frame_count"])


def exif(entries: list[tuple[int, int, int, bytes]], order: str = "<") -> bytes:
    """A TIFF structure of one directory."""
    body = b"".join(struct.pack(f"{order}HHI", *entry[:3]) + entry[3] for entry in entries)
    head = b"II*\x00" if order == "<" else b"MM\x00*"
    return head + struct.pack(f"{order}IH", 8, len(entries)) + body + bytes(4)


def jpeg_with(segment: bytes) -> bytes:
    """A JPEG of 60x40 with an APP1 segment."""
    plain = encoded(photo(60, 40), "JPEG", quality=90)
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]


def test_heic_shows_its_primary_picture(run: Run) -> None:
    pytest.importorskip("pillow_heif", reason="the extra [heif] is not installed")
    data = FAULTS / "heic-primary-is-second.heic"
    assert info(run, data) == (128, 96, 1)
    assert decoded(run("imageMogr2/format/png", data)).size == (128, 96)
    assert near(rgba(run("imageMogr2/format/png", data), 64, 48), (0, 0, 254, 255))


@pytest.mark.parametrize("trailer", [b"", b"\xff\xd8\xff\xe0junk", b"SEFT", bytes(7), b"x" * 5000])
def test_heic_with_a_trailer(trailer: bytes, run: Run) -> None:
    pytest.importorskip("pillow_heif", reason="the extra [heif] is not installed")
    data = (FAULTS / "heic-trailing-SEFT.heic").read_bytes()
    assert info(run, data + trailer) == (64, 48, 1)
    assert info(run, data[:763] + trailer) == (64, 48, 1)
    with pytest.raises(CosError, match="cut off"):
        run("imageInfo", data[:700])


def test_avif_with_a_trailer_and_cut_off(run: Run) -> None:
    data = encoded(photo(), "AVIF")
    assert info(run, data + b"\xff\xd8trailer of a phone") == (160, 120, 1)
    with pytest.raises(CosError, match="cut off"):
        run("imageInfo", data[:-10])


def test_avif_clean_aperture(run: Run) -> None:
    """The box says 180 wide and 100 high."""
    data = FAULTS / "avif-clap-100x180.avif"
    assert info(run, data)[:2] == (180, 100)
    shown = decoded(run("imageMogr2/format/png", data)).convert("RGBA")
    with Image.open(data) as whole:
        assert np.array_equal(pixels(shown, "RGBA"), pixels(whole.crop((40, 80, 220, 180)), "RGBA"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["AVIF", "HEIF"])
def test_rotation_of_the_container(form: str, orientation: int, run: Run) -> None:
    """Pillow and pillow-heif write an orientation as irot and imir."""
    if form == "HEIF":
        pytest.importorskip("pillow_heif", reason="the extra [heif] is not installed").register_heif_opener()
    stored = photo(64, 48)
    turned = exif([(274, 3, 1, struct.pack("<HH", orientation, 0))])
    data = encoded(stored, form, quality=95, exif=b"Exif\x00\x00" + turned)
    upright = decoded(
        run(
            "imageMogr2/auto-orient/format/png",
            encoded(stored, "JPEG", quality=100, exif=b"Exif\x00\x00" + turned),
        )
    )
    found = decoded(run("imageMogr2/auto-orient/format/png", data))
    assert found.size == upright.size
    assert np.abs(pixels(found).astype(int) - pixels(upright)).mean() < 6


BROKEN_EXIF = {
    "text": b"Exif\x00\x00hello world, this is no TIFF",
    "no 42": b"Exif\x00\x00II\x00\x00\x08\x00\x00\x00" + bytes(20),
    "lone prefix": b"Exif\x00\x00",
    "directory beyond": b"Exif\x00\x00II*\x00\xff\xff\xff\x7f" + bytes(20),
    "directory in the header": b"Exif\x00\x00II*\x00\x00\x00\x00\x00" + bytes(20),
    "entries cut off": b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x40" + bytes(12),
    "values beyond": b"Exif\x00\x00"
    + exif([(271, 2, 5000, b"\xff\xff\xff\x00"), (34665, 4, 1, b"\xff\xff\xff\x00")]),
    "unknown types": b"Exif\x00\x00" + exif([(271, 99, 7, b"abcd"), (274, 2, 1, b"6\x00\x00\x00")]),
    "doubled prefix": b"Exif\x00\x00Exif\x00\x00" + exif([(274, 3, 1, b"\x06\x00\x00\x00")]),
}


def patched(data: bytes, inner: bytes) -> bytes:
    """A file with other EXIF of the same length."""
    position = data.index(b"II*\x00")
    return data[:position] + (inner + bytes(86))[:86] + data[position + 86 :]


def carriers(broken: bytes) -> dict[str, bytes]:
    """A picture in each format that holds EXIF."""
    picture = photo(60, 40)
    png = encoded(picture, "PNG")
    inner = broken.removeprefix(b"Exif\x00\x00")
    webp = encoded(picture, "WEBP", exif=broken or b"x")
    sound = exif([(271, 2, 4, b"abc\x00")]) + bytes(60)
    files = {
        "jpeg": jpeg_with(broken),
        "png": png[:33] + png_chunk(b"eXIf", inner) + png[33:],
        "webp": webp,
        "avif": patched(encoded(picture, "AVIF", exif=sound), inner),
    }
    if importlib.util.find_spec("pillow_heif"):
        importlib.import_module("pillow_heif").register_heif_opener()
        files["heif"] = patched(encoded(picture, "HEIF", exif=sound), inner)
    if importlib.util.find_spec("pillow_tpg"):
        files["tpg"] = patched(importlib.import_module("pillow_tpg").encode(picture, exif=sound), inner)
    return files


@pytest.mark.parametrize("name", BROKEN_EXIF)
@pytest.mark.parametrize("carrier", ["jpeg", "png", "webp", "avif", "heif", "tpg"])
@pytest.mark.parametrize("target", ["jpg", "png", "webp", "avif", "heif", "tpg", "tiff", "gif"])
def test_malformed_exif(name: str, carrier: str, target: str, run: Run) -> None:
    if target == "heif":
        pytest.importorskip("pillow_heif", reason="the extra [heif] is not installed")
    if target == "tpg":
        pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
    data = carriers(BROKEN_EXIF[name]).get(carrier)
    if data is None:
        pytest.skip("the codec is not installed")
    for operation in (f"imageMogr2/format/{target}", f"imageMogr2/auto-orient/format/{target}"):
        assert run(operation, data).width in {60, 40}
    if carrier != "tpg":
        run("exif", data)


def test_the_jpeg_whose_exif_is_no_tiff(run: Run) -> None:
    pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
    for target in ("tpg", "avif"):
        assert run(f"imageMogr2/format/{target}", FAULTS / "jpeg-exif-not-tiff-tpg-500.jpg").width == 64


def test_a_doubled_prefix_is_repaired(run: Run) -> None:
    result = run("imageMogr2/auto-orient", jpeg_with(BROKEN_EXIF["doubled prefix"]))
    assert (result.width, result.height) == (40, 60)
    assert decoded(result).getexif()[274] == 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "code"), [(1, "B"), (3, "H"), (4, "I"), (6, "b"), (8, "h"), (9, "i")])
def test_orientation_of_any_integer_type(kind: int, code: str, order: str, run: Run) -> None:
    value = struct.pack(f"{order}{code}", 6).ljust(4, b"\x00")
    data = jpeg_with(b"Exif\x00\x00" + exif([(274, kind, 1, value)], order))
    result = run("imageMogr2/auto-orient", data)
    assert (result.width, result.height) == (40, 60)
    again = run("imageMogr2/auto-orient/quality/80", result.data)
    assert (again.width, again.height) == (40, 60)
    kept = run("imageMogr2/quality/80", data)
    assert (kept.width, kept.height) == (60, 40)
    assert run("imageMogr2/auto-orient", kept.data).width == 40


def test_orientation_as_long(run: Run) -> None:
    result = run("imageMogr2/auto-orient", FAULTS / "jpeg-orientation-as-LONG.jpg")
    assert ((result.width, result.height), decoded(result).getexif()[274]) == ((40, 60), 1)


def test_orientation_in_xmp_is_rewritten(run: Run) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    result = run("imageMogr2/auto-orient", jpeg_with(b"http://ns.adobe.com/xap/1.0/\x00" + xmp))
    assert (result.width, result.height) == (40, 60)
    assert b'tiff:Orientation="1"' in result.data


def test_a_profile_that_does_not_fit_is_ignored(run: Run) -> None:
    result = run("imageMogr2/format/png", FAULTS / "rgb-with-gray-icc.jpeg")
    assert near(rgba(result, 8, 8), (200, 60, 60, 255))
    with Image.open(FAULTS / "rgb-with-gray-icc.jpeg") as source:
        profile = source.info["icc_profile"]
    colour = Image.new("RGBA", (4, 4), (200, 60, 60, 128))
    for form in ("PNG", "TIFF", "WEBP"):
        data = encoded(colour, form, icc_profile=profile, **({"lossless": True} if form == "WEBP" else {}))
        assert rgba(run("imageMogr2/format/png", data), 1, 1) == (200, 60, 60, 128)


def cut_points() -> list[dict[str, object]]:
    return [
        {},
        {"progressive": True},
        {"restart_marker_blocks": 4},
        {"subsampling": 0},
        {"progressive": True, "quality": 30},
    ]


@pytest.mark.parametrize("number", range(5))
def test_jpeg_without_end_marker(number: int, run: Run) -> None:
    picture = photo(100, 75)
    whole = encoded(picture, "JPEG", **cut_points()[number])
    expected = pixels(decoded(run("imageMogr2/format/png", whole)))
    for missing in (1, 2):
        found = run("imageMogr2/format/png", whole[:-missing])
        assert np.array_equal(pixels(decoded(found)), expected)
    small = run("imageMogr2/thumbnail/20x", whole[:-2])
    assert small.width == 20
    for cut in (4, 6, 20, 100, len(whole) // 3):
        with pytest.raises(CosError, match="truncated"):
            run("imageMogr2/format/png", whole[:-cut])


def test_restart_boundaries_are_no_end(run: Run) -> None:
    whole = encoded(photo(100, 75), "JPEG", restart_marker_blocks=4)
    ends = [i for i in range(700, len(whole) - 1) if whole[i] == 0xFF and 0xD0 <= whole[i + 1] <= 0xD7]
    assert len(ends) > 3
    for end in ends[-3:]:
        for stop in (end, end + 2):
            with pytest.raises(CosError, match="truncated"):
                run("imageMogr2/format/png", whole[:stop])


def test_progressive_scans_that_are_missing(run: Run) -> None:
    whole = encoded(photo(100, 75), "JPEG", progressive=True)
    scans = [i for i in range(len(whole) - 1) if whole[i : i + 2] == b"\xff\xda"]
    for scan in scans[2:]:
        with pytest.raises(CosError):
            run("imageMogr2/format/png", whole[:scan])


def test_the_jpeg_without_end(run: Run) -> None:
    result = run("imageMogr2/format/png", FAULTS / "jpeg-no-EOI.jpg")
    assert near(rgba(result, 32, 24), (130, 130, 130, 255))


def test_avif_results_end_where_they_are_readable() -> None:
    processor = Processor(ImageSettings())
    data = encoded(Image.new("L", (32_769, 1)), "PNG")
    with pytest.raises(ImageResolutionExceed, match="32768"):
        processor.execute(parse_operation("imageMogr2/format/avif"), Source(data=data))
    data = encoded(Image.new("L", (32_768, 1), 200), "PNG")
    result = processor.execute(parse_operation("imageMogr2/format/avif"), Source(data=data))
    assert decoded(result).size == (32_768, 1)


REASONS = {
    "12-bit JPEG": (jpeg_with(b"x").replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"), "12 bits"),
    "CRC of IHDR": (
        b"\x89PNG\r\n\x1a\n" + png_chunk(*png_header(1, 1, 8, 2))[:-1] + b"\x00" + png_chunk(b"IDAT", b""),
        "CRC of the PNG's IHDR",
    ),
    "no samples": (png_file(png_header(1, 1, 8, 2), (b"IEND", b"")), "no IDAT"),
    "3 bits": (
        png_file(png_header(1, 1, 3, 0), (b"IDAT", zlib.compress(b"\x00\x00")), (b"IEND", b"")),
        "3 bits a sample",
    ),
    "BMP": (
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 60, 0, 0, 54, 40, 1, 1, 1, 23, 0, 0, 0, 0, 0, 0) + bytes(8),
        "23",
    ),
}


@pytest.mark.parametrize("name", REASONS)
def test_errors_say_what_is_wrong(name: str, run: Run, tmp_path: Path) -> None:
    data, told = REASONS[name]
    path = tmp_path / "secret"
    path.write_bytes(data)
    with pytest.raises(CosError, match=told) as caught:
        run("imageMogr2/format/jpg", path)
    assert caught.value.status == 400
    assert "secret" not in caught.value.message
    assert not set("<>&") & set(caught.value.message)


def test_a_still_gif_that_covers_a_part(run: Run) -> None:
    data = FAULTS / "gif-first-frame-partial-transNone.gif"
    result = run("imageMogr2/format/png", data)
    assert rgba(result, 0, 0)[3] == 0
    assert rgba(result, 2, 2) == (0, 255, 0, 255)


def test_stored_pixels_of_tpg_keep_alpha_from_apng(run: Run) -> None:
    pillow_tpg = pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
    pictures = [Image.new("RGBA", (32, 24), (250, 30, 30, alpha)) for alpha in (0, 128, 255)]
    out = io.BytesIO()
    pictures[0].save(out, "PNG", save_all=True, append_images=pictures[1:], duration=70)
    result = run("imageMogr2/format/tpg/quality/95", out.getvalue())
    assert pillow_tpg.info(result.data).has_alpha
    with Image.open(io.BytesIO(result.data)) as written:
        for number, alpha in enumerate((0, 128, 255)):
            written.seek(number)
            assert abs(int(pixels(written, "RGBA")[9, 9, 3]) - alpha) <= 1
