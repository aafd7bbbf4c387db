"""EXIF as text in the manner of libexif, which the information operation ``exif`` follows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from PIL import Image
from PIL.ExifTags import GPSTAGS, IFD, TAGS

__all__ = ["exif_texts"]

_SKIPPED = {IFD.Exif, IFD.GPSInfo, IFD.Interop, 0x02BC, 0x8773, 0x014A}
_MAX_TEXT = 1000

# What Exif (JEITA CP-3451) and libexif call tags that Pillow has other names for.
_NAMES = {
    **TAGS,
    0x9214: "SubjectArea",
    0x9290: "SubSecTime",
    0x9291: "SubSecTimeOriginal",
    0x9292: "SubSecTimeDigitized",
    0xA002: "PixelXDimension",
    0xA003: "PixelYDimension",
}

_CHOICES: Mapping[str, Mapping[int, str]] = {
    "Orientation": {
        1: "Top-left",
        2: "Top-right",
        3: "Bottom-right",
        4: "Bottom-left",
        5: "Left-top",
        6: "Right-top",
        7: "Right-bottom",
        8: "Left-bottom",
    },
    "ResolutionUnit": {1: "None", 2: "Inch", 3: "Centimeter"},
    "FocalPlaneResolutionUnit": {1: "None", 2: "Inch", 3: "Centimeter"},
    "YCbCrPositioning": {1: "Centered", 2: "Co-sited"},
    "ColorSpace": {1: "sRGB", 2: "Adobe RGB", 65535: "Uncalibrated"},
    "ExposureProgram": {
        0: "Not defined",
        1: "Manual",
        2: "Normal program",
        3: "Aperture priority",
        4: "Shutter priority",
        5: "Creative program (biased toward depth of field)",
        6: "Creative program (biased toward fast shutter speed)",
        7: "Portrait mode (for closeup photos with the background out of focus)",
        8: "Landscape mode (for landscape photos with the background in focus)",
    },
    "MeteringMode": {
        0: "Unknown",
        1: "Average",
        2: "Center-weighted average",
        3: "Spot",
        4: "Multi spot",
        5: "Pattern",
        6: "Partial",
        255: "Other",
    },
    "LightSource": {
        0: "Unknown",
        1: "Daylight",
        2: "Fluorescent",
        3: "Tungsten incandescent light",
        4: "Flash",
        9: "Fine weather",
        10: "Cloudy weather",
        11: "Shade",
        17: "Standard light A",
        18: "Standard light B",
        19: "Standard light C",
        20: "D55",
        21: "D65",
        22: "D75",
        24: "ISO studio tungsten",
        255: "Other",
    },
    "Flash": {
        0x00: "Flash did not fire",
        0x01: "Flash fired",
        0x05: "Strobe return light not detected",
        0x07: "Strobe return light detected",
        0x09: "Flash fired, compulsory flash mode",
        0x0D: "Flash fired, compulsory flash mode, return light not detected",
        0x0F: "Flash fired, compulsory flash mode, return light detected",
        0x10: "Flash did not fire, compulsory flash mode",
        0x18: "Flash did not fire, auto mode",
        0x19: "Flash fired, auto mode",
        0x1D: "Flash fired, auto mode, return light not detected",
        0x1F: "Flash fired, auto mode, return light detected",
        0x20: "No flash function",
        0x41: "Flash fired, red-eye reduction mode",
    },
    "SensingMethod": {
        1: "Not defined",
        2: "One-chip color area sensor",
        3: "Two-chip color area sensor",
        4: "Three-chip color area sensor",
        5: "Color sequential area sensor",
        7: "Trilinear sensor",
        8: "Color sequential linear sensor",
    },
    "CustomRendered": {0: "Normal process", 1: "Custom process"},
    "ExposureMode": {0: "Auto exposure", 1: "Manual exposure", 2: "Auto bracket"},
    "WhiteBalance": {0: "Auto white balance", 1: "Manual white balance"},
    "SceneCaptureType": {0: "Standard", 1: "Landscape", 2: "Portrait", 3: "Night scene"},
    "GainControl": {
        0: "Normal",
        1: "Low gain up",
        2: "High gain up",
        3: "Low gain down",
        4: "High gain down",
    },
    "Contrast": {0: "Normal", 1: "Soft", 2: "Hard"},
    "Saturation": {0: "Normal", 1: "Low saturation", 2: "High saturation"},
    "Sharpness": {0: "Normal", 1: "Soft", 2: "Hard"},
    "SubjectDistanceRange": {0: "Unknown", 1: "Macro", 2: "Close view", 3: "Distant view"},
    "Compression": {
        1: "Uncompressed",
        5: "LZW compression",
        6: "JPEG compression",
        8: "Deflate/ZIP compression",
    },
    "FileSource": {3: "DSC"},
    "SceneType": {1: "Directly photographed"},
    "GPSAltitudeRef": {0: "Sea level", 1: "Sea level reference"},
}


def exif_texts(image: Image.Image) -> dict[str, str]:
    """Tag name to text: main directory, Exif directory, GPS directory; broken values are left out."""
    texts: dict[str, str] = {}
    try:
        exif = image.getexif()
        directories = (
            (exif, _NAMES),
            (exif.get_ifd(IFD.Exif), _NAMES),
            (exif.get_ifd(IFD.GPSInfo), GPSTAGS),
        )
    except Exception:  # any broken structure reads as none
        return texts
    for directory, names in directories:
        for tag, value in dict(directory).items():
            name = names.get(tag)
            if name is None or tag in _SKIPPED or name in texts:
                continue
            try:
                text = _text(name, value)
            except (TypeError, ValueError, ZeroDivisionError, OverflowError):
                continue
            texts[name] = text[:_MAX_TEXT]
    return texts


def _text(name: str, value: object) -> str:
    if name in _FORMATS:
        return _FORMATS[name](value)
    if name in _CHOICES:
        number = value[0] if isinstance(value, (bytes, tuple)) and value else value
        if isinstance(number, int):
            return _CHOICES[name].get(number, f"Internal error (unknown value {number})")
    return _plain(value)


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        text = value.rstrip(b"\x00")
        if text and all(32 <= byte < 127 for byte in text):
            return text.decode("ascii")
        return f"{len(value)} bytes undefined data"
    if isinstance(value, str):
        return _printable(_as_written(value))
    if isinstance(value, tuple):
        return ", ".join(_plain(part) for part in value)
    if isinstance(value, int):
        return str(value)
    number = _real(value)
    return str(int(number)) if number.is_integer() else f"{number:.4g}"


def _printable(text: str) -> str:
    return "".join(c for c in text.strip("\x00 ") if c.isprintable())


def _as_written(text: str) -> str:
    """Text that Pillow took for Latin-1; cameras and programs write UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except ValueError:
        return text


def _real(value: object) -> float:
    number = float(value)  # type: ignore[arg-type]  # a rational of Pillow, or TypeError
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _exposure_time(value: object) -> str:
    seconds = _real(value)
    if 0 < seconds < 1:
        return f"1/{round(1 / seconds)} sec."
    return f"{seconds:g} sec."


def _f_number(value: object) -> str:
    return f"f/{_real(value):.1f}"


def _aperture(value: object) -> str:
    apex = _real(value)
    return f"{apex:.2f} EV (f/{2 ** (apex / 2):.1f})"


def _shutter_speed(value: object) -> str:
    apex = _real(value)
    seconds = 1 / 2**apex
    return f"{apex:.2f} EV ({_exposure_time(seconds)})"


def _brightness(value: object) -> str:
    apex = _real(value)
    return f"{apex:.2f} EV ({1 / (math.pi * 0.3048 * 0.3048) * 2**apex:.2f} cd/m^2)"


def _bias(value: object) -> str:
    return f"{_real(value):.2f} EV"


def _focal_length(value: object) -> str:
    return f"{_real(value):.1f} mm"


def _distance(value: object) -> str:
    return f"{_real(value):.1f} m"


def _version(value: object) -> str:
    digits = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    if len(digits) != 4 or not digits.isdigit():
        return "Unknown Exif Version"
    number = f"{int(digits[:2])}.{digits[2:].rstrip('0') or '0'}"
    return f"Exif Version {number}"


def _flashpix_version(value: object) -> str:
    return _version(value).replace("Exif", "FlashPix")


def _components(value: object) -> str:
    names = ("-", "Y", "Cb", "Cr", "R", "G", "B")
    parts = value if isinstance(value, bytes) else b""
    return " ".join(names[part] if part < len(names) else "-" for part in parts)


def _comment(value: object) -> str:
    if not isinstance(value, bytes):
        return _plain(value)
    prefix, text = value[:8], value[8:]
    if prefix == b"UNICODE\x00":
        # In either byte order, whatever that of the file is: where letters are Latin, the zeros tell.
        big = text[::2].count(0) > text[1::2].count(0)
        return text.decode("utf-16-be" if big else "utf-16-le", "replace").strip("\x00 ")
    return _printable(text.decode("utf-8", "replace"))


def _windows_text(value: object) -> str:
    return _printable(value.decode("utf-16-le", "replace")) if isinstance(value, bytes) else _plain(value)


def _numbers(value: object) -> str:
    return ".".join(map(str, value)) if isinstance(value, (bytes, tuple)) else _plain(value)


def _time(value: object) -> str:
    if not isinstance(value, tuple) or len(value) != 3:
        return _plain(value)
    hours, minutes, seconds = map(_real, value)
    return f"{hours:02.0f}:{minutes:02.0f}:{seconds:05.2f}"


_FORMATS: Mapping[str, Callable[[object], str]] = {
    "ExposureTime": _exposure_time,
    "FNumber": _f_number,
    "ApertureValue": _aperture,
    "MaxApertureValue": _aperture,
    "ShutterSpeedValue": _shutter_speed,
    "BrightnessValue": _brightness,
    "ExposureBiasValue": _bias,
    "FocalLength": _focal_length,
    "SubjectDistance": _distance,
    "ExifVersion": _version,
    "FlashPixVersion": _flashpix_version,
    "ComponentsConfiguration": _components,
    "UserComment": _comment,
    "GPSVersionID": _numbers,
    "GPSTimeStamp": _time,
    **dict.fromkeys(("XPTitle", "XPComment", "XPAuthor", "XPKeywords", "XPSubject"), _windows_text),
}
