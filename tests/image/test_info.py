"""The information operations, as JSON of strings."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from openmogr.errors import InvalidImageFormat
from openmogr.image import Processor, Source

from .conftest import Run, encoded, photo

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def document(run: Run, operation: str, source: Image.Image | bytes | Path) -> dict[str, object]:
    result = run(operation, source)
    assert (result.content_type, result.format, result.width) == ("application/json", "json", 0)
    loaded = json.loads(result.data)
    assert isinstance(loaded, dict)
    return loaded


def test_image_info(run: Run) -> None:
    source = encoded(Image.new("RGB", (40, 30), (0x88, 0x99, 0xAA)), "PNG", dpi=(300, 150))
    assert document(run, "imageInfo", source) == {
        "format": "png",
        "width": "40",
        "height": "30",
        "size": str(len(source)),
        "md5": hashlib.md5(source).hexdigest(),
        "frame_count": "1",
        "bit_depth": "8",
        "vertical_dpi": "150",
        "horizontal_dpi": "300",
        "photo_rgb": "0x8899aa",
        "dynamic_range": "sdr",
    }


def test_dynamic_range(run: Run) -> None:
    plain = encoded(photo(), "AVIF", quality=95, subsampling="4:4:4")
    position = plain.index(b"colrnclx") + 8
    for transfer, expected in ((13, "sdr"), (16, "hdr"), (18, "hdr")):
        points = (9).to_bytes(2, "big") + transfer.to_bytes(2, "big")
        source = plain[:position] + points + plain[position + 4 :]
        assert document(run, "imageInfo", source)["dynamic_range"] == expected
    gains = b'<rdf:Description xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/>'
    mapped = encoded(photo(), "MPO", xmp=gains, save_all=True, append_images=[photo(80, 60, "L")])
    assert document(run, "imageInfo", mapped)["dynamic_range"] == "gainmap hdr"
    # The map is left out of results, whatever the XMP that is kept says.
    assert document(run, "imageMogr2/format/jpg|imageInfo", mapped)["dynamic_range"] == "sdr"
    assert document(run, "imageMogr2/thumbnail/50x|imageInfo", mapped)["dynamic_range"] == "sdr"


def test_image_info_of_a_result(run: Run) -> None:
    info = document(run, "imageMogr2/thumbnail/10x/format/webp|imageInfo", photo())
    assert (info["format"], info["width"], info["height"]) == ("webp", "10", "8")


def test_average_colour(run: Run) -> None:
    picture = Image.new("RGB", (100, 100), (200, 0, 0))
    picture.paste((0, 0, 100), (0, 0, 50, 100))
    assert document(run, "imageAve", picture) == {"RGB": "0x640032"}
    large = picture.resize((2000, 1000), Image.Resampling.NEAREST)
    jpeg = document(run, "imageAve", encoded(large, "JPEG", quality=95))["RGB"]
    assert isinstance(jpeg, str)
    assert all(abs(a - b) <= 1 for a, b in zip(bytes.fromhex(jpeg[2:]), (100, 0, 50), strict=True))
    clear = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    assert document(run, "imageAve", clear) == {"RGB": "0xffffff"}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_exif(form: str, run: Run) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x0112] = 6
    exif[0x011A] = IFDRational(72, 1)
    exif[0x0128] = 2
    # Exif and GPS directories
    exif[0x8769] = {
        0x829A: IFDRational(1, 60),
        0x829D: IFDRational(57, 10),
        0x8827: 200,
        0x9000: b"0230",
        0x9101: b"\x01\x02\x03\x00",
        0x9202: IFDRational(5, 1),
        0x9204: IFDRational(0, 1),
        0x9207: 5,
        0x920A: IFDRational(50, 1),
        0x927C: bytes(20) + b"\x80",
        0xA001: 1,
        0xA300: b"\x03",
    }
    exif[0x8825] = {1: "N", 2: (IFDRational(52), IFDRational(31), IFDRational(1212, 100))}
    texts = document(run, "exif", encoded(photo(), form, exif=exif))
    expected = {
        "Make": "Maker",
        "Orientation": "Right-top",
        "XResolution": "72",
        "ResolutionUnit": "Inch",
        "ExposureTime": "1/60 sec.",
        "FNumber": "f/5.7",
        "ISOSpeedRatings": "200",
        "ExifVersion": "Exif Version 2.3",
        "ComponentsConfiguration": "Y Cb Cr -",
        "ApertureValue": "5.00 EV (f/5.7)",
        "ExposureBiasValue": "0.00 EV",
        "MeteringMode": "Pattern",
        "FocalLength": "50.0 mm",
        "MakerNote": "21 bytes undefined data",
        "ColorSpace": "sRGB",
        "FileSource": "DSC",
        "GPSLatitudeRef": "N",
        "GPSLatitude": "52, 31, 12.12",
    }
    assert {name: texts.get(name) for name in expected} == {
        name: {"val": text} for name, text in expected.items()
    }


def test_exif_values_that_pillow_names_or_reads_otherwise(run: Run) -> None:
    exif = Image.Exif()
    exif[0x010E] = "二〇二〇年".encode()
    exif[0x9C9B] = "标题".encode("utf-16-le") + b"\x00\x00"
    exif[0x8769] = {
        0x9286: b"UNICODE\x00" + "note".encode("utf-16-be"),
        0x9291: "12",
        0xA002: 160,
        0xA003: 120,
    }
    exif[0x8825] = {
        0: b"\x02\x03\x00\x00",
        5: b"\x00",
        6: IFDRational(87, 2),
        7: (IFDRational(10), IFDRational(3), IFDRational(9, 2)),
    }
    texts = document(run, "exif", encoded(photo(), "JPEG", exif=exif))
    assert texts == {
        name: {"val": text}
        for name, text in {
            "ImageDescription": "二〇二〇年",
            "XPTitle": "标题",
            "UserComment": "note",
            "SubSecTimeOriginal": "12",
            "PixelXDimension": "160",
            "PixelYDimension": "120",
            "GPSVersionID": "2.3.0.0",
            "GPSAltitudeRef": "Sea level",
            "GPSAltitude": "43.5",
            "GPSTimeStamp": "10:03:04.50",
        }.items()
    }


def test_no_exif(run: Run) -> None:
    assert document(run, "exif", photo()) == {"error": "no exif data"}
    assert document(run, "exif", encoded(photo(), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\x7f")) == {
        "error": "no exif data"
    }


def test_exif_does_not_take_gif(run: Run) -> None:
    with pytest.raises(InvalidImageFormat, match="gif"):
        run("exif", encoded(photo(), "GIF"))


def test_image_info_of_an_upload(processor: Processor) -> None:
    source = Source(data=encoded(Image.new("RGB", (40, 30), (0x6E, 0x7B, 0x84)), "PNG"))
    info = processor.image_info(source)
    assert (info.format, info.width, info.height, info.quality, info.ave) == ("PNG", 40, 30, 100, "0x6e7b84")
    assert (info.orientation, info.frame_count) == (0, 1)
