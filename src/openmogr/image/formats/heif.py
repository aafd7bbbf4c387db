"""HEIF with HEVC, by libheif with x265 and libde265 through pillow-heif, which bundles GPL code and so is an extra."""

from __future__ import annotations

from types import ModuleType
from typing import BinaryIO

from PIL import Image

from openmogr.image.formats.base import EncodeOptions, Format, Name, Opened, Size
from openmogr.image.formats.calibration import CALIBRATION
from openmogr.image.formats.drawn import is_drawn
from openmogr.image.formats.extras import Extra
from openmogr.image.formats.iso.brands import IsoKind, iso_kind
from openmogr.image.formats.iso.whole import check_items, iso_quality, without_trailer
from openmogr.image.formats.opening import by_pillow, mended_exif
from openmogr.image.formats.saving import embedded, saved
from openmogr.image.model import Loss
from openmogr.image.settings import ImageSettings

__all__ = ["Heif"]

# Below a short side of 32, x265 codes in blocks of 16 pixels, for which HEVC has no level with longer sides.
_THIN = 32
_THIN_LENGTH = 4096
# HEVC level 7.2, x265's highest.
_PIXELS = 142_606_336

# What x265 is told besides libheif's own choice, measured in docs/format/quality.md.
PHOTO = {
    # x265 spends too little on colour.
    **{"cbqpoffs": "-4", "crqpoffs": "-4"},
    # Its filters take fine detail away, and its psychovisual terms cost more than they bring.
    **{"sao": "0", "deblock": "-2:-2", "psy-rd": "0.5", "psy-rdoq": "0.5"},
}
# Edges ring without the filters and are best coded without a transform, and flat areas need not be that much finer.
_DRAWN = {"cbqpoffs": "-3", "crqpoffs": "-3", "tskip": "1", "aq-strength": "0.7"}


def _register(module: ModuleType) -> None:
    # Workers are the unit of concurrency; thumbnails may be stale.
    module.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)


_QUICK = {"aq-mode": "2", "signhide": "1"}
_QUANTISED = {"rdoq-level": "2"}
# By effort: a preset and what differs from it; without an effort libheif takes `slow`. Of stills faster and fast are
# veryfast, and slower and veryslow are one.
_EFFORTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("ultrafast", _QUICK),
    ("ultrafast", _QUICK | _QUANTISED),
    ("veryfast", {}),
    ("medium", {}),
    ("veryfast", _QUANTISED | {"fast-intra": "1"}),
    ("medium", _QUANTISED),
    ("slow", {}),
    ("slow", {"tu-intra-depth": "3"}),
    ("slow", {"tu-intra-depth": "3", "rd": "5"}),
    # Placebo takes longer and gains nothing, and x265 refuses it, as a depth of 4, below a short side of 32.
    ("slow", {"tu-intra-depth": "3", "rd": "6", "rskip": "0"}),
)


class Heif(Format):
    """The primary picture."""

    names = (Name("heif", "image/heif", (".heif",)), Name("heic", "image/heic", (".heic",)))
    pillow = "HEIF"
    extra = Extra(
        name="heif",
        package="pillow-heif",
        what="HEIF",
        module_name="pillow_heif",
        register=_register,
        licence="BSD-3-Clause, wheels GPL-2.0-or-later",
        remark="its wheels contain x265 (GPL) and libde265 (LGPL), so passing them on falls under the GPL;"
        " HEVC is covered by patents that several pools license.",
    )
    lossy = True
    can_be_lossless = True
    keeps_exif = keeps_xmp = tells_exif = True
    profile_spaces = frozenset({"RGB"})
    default_quality = 60
    points = CALIBRATION["heif"]
    calibration_step = 4
    max_side = 16_384
    decoder_bytes = 24
    encoder_bytes = 64
    title = "HEIC, HEIF"
    reading = "the primary picture, upright and within its clean aperture; needs the extra `openmogr[heif]`"
    metadata = "both; brand `heic`, HEVC 4:2:0"

    def matches(self, header: bytes) -> bool:
        return iso_kind(header) is IsoKind.heif

    def check_file(self, stream: BinaryIO) -> None:
        check_items(stream)

    def open(self, stream: BinaryIO) -> Opened:
        # The decoder applies transformations itself.
        stream = without_trailer(stream)
        image = by_pillow(self, stream)
        return Opened(image, stream, image.size, nclx=_points(image), exif=mended_exif(image))

    def rewind(self, image: Image.Image) -> None:
        """The plugin stands at the primary picture, which may be another than its first."""

    def further(self, opened: Opened) -> Loss | None:
        return Loss.images if getattr(opened.image, "n_frames", 1) > 1 else None

    def quality(self, image: Image.Image, stream: BinaryIO, frames: int) -> int | None:
        return iso_quality(stream)

    def check_size(self, size: Size, settings: ImageSettings) -> None:
        limit = self.side_limit(settings)
        if min(size) < _THIN:
            limit = min(limit, _THIN_LENGTH)
        if max(size) > limit:
            beside = f" beside one below {_THIN}" if min(size) < _THIN else ""
            raise self.too_large(size, f"a side is at most {limit}{beside}")
        if size[0] * size[1] > _PIXELS:
            raise self.too_large(size, f"it holds at most {_PIXELS} pixels")

    def encode(self, image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
        self.check_writable()
        picture = image.convert("RGBA") if image.mode == "LA" else image
        parts: dict[str, object] = {"quality": self.setting(options.quality), "chroma": 420}
        if options.lossless:
            # Without a change of colours: the planes are green, blue and red (ITU-T H.273, matrix 0).
            parts |= {"quality": -1, "chroma": 444, "matrix_coefficients": 0}
        parts["enc_params"] = _parameters(picture, options, settings)
        return saved(picture, self.pillow, {**parts, **embedded(options.metadata, options.profile)})


def _parameters(picture: Image.Image, options: EncodeOptions, settings: ImageSettings) -> dict[str, str]:
    """What the encoder is told besides the quality."""
    told = {"pools": str(settings.encoder_threads)}
    if not options.lossless:
        told |= _DRAWN if is_drawn(picture) else PHOTO
    found = {}
    if options.effort is not None:
        found["preset"], more = _EFFORTS[options.effort]
        told |= more
    return found | {f"x265:{name}": value for name, value in told.items()}


def _points(image: Image.Image) -> tuple[int, int] | None:
    profile = image.info.get("nclx_profile")
    if not isinstance(profile, dict):
        return None
    return int(profile.get("color_primaries", 2)), int(profile.get("transfer_characteristics", 2))
