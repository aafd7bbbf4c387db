"""AVIF, by libavif with libaom and dav1d through Pillow."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import BinaryIO

from PIL import Image

from openmogr.image.formats.base import EncodeOptions, Format, Frame, Frames, Name, Opened
from openmogr.image.formats.calibration import CALIBRATION
from openmogr.image.formats.drawn import is_drawn
from openmogr.image.formats.iso.brands import IsoKind, iso_kind
from openmogr.image.formats.iso.isomedia import primary_properties, primary_window
from openmogr.image.formats.iso.whole import check_items, iso_quality, without_trailer
from openmogr.image.formats.opening import by_pillow, mended_exif
from openmogr.image.formats.saving import embedded, saved
from openmogr.image.formats.sequence import Sequence, in_one_mode
from openmogr.image.quality.scale import setting_of
from openmogr.image.settings import ImageSettings
from openmogr.image.source.metadata import NO_METADATA, Metadata, orientation, oriented
from openmogr.image.source.nclx import read_nclx

__all__ = ["Avif"]

# libaom's usual balance of time and size.
SPEED = 6
# Takes 2 to 3 % off at equal SSIMULACRA2; the tuning's own matrices, filter and variance boost would take a
# twentieth of the fine detail, too (docs/format/quality.md). The tune comes first, as it sets the others. Alpha is
# better without it, and libaom refuses it for sequences and lossless pictures.
TUNING = {
    "color:tune": "ssimulacra2",
    "color:sharpness": "0",
    "color:qm-min": "5",
    "color:qm-max": "10",
    "color:enable-cdef": "0",
    "color:deltaq-strength": "25",
}
_SQUARE = {"enable-rect-partitions": "0", "enable-ab-partitions": "0", "enable-1to4-partitions": "0"}
_FROM_8 = {"min-partition-size": "8"}
# Left out for photographs at the usual effort and the one below: a quarter of the time, in which they gain one and a
# half percent. Text and user interfaces gain more.
PHOTO = {
    "enable-flip-idtx": "0",
    "enable-paeth-intra": "0",
    "enable-filter-intra": "0",
    "enable-intra-edge-filter": "0",
    "enable-rect-partitions": "0",
    "coeff-cost-upd-freq": "2",
    "mode-cost-upd-freq": "2",
}
# Of tuned stills by effort: speed, and what is not tried, which makes steps between speeds that lie far apart.
EFFORTS: tuple[tuple[int, dict[str, str]], ...] = (
    (9, {}),
    (8, {}),
    (7, {}),
    (SPEED, _SQUARE),
    (SPEED, {}),
    (5, _SQUARE),
    (5, _FROM_8),
    (3, _FROM_8),
    (3, {}),
    (1, {}),
)
_USUAL_EFFORT = 4
_OF_PHOTOS = {_USUAL_EFFORT - 1: PHOTO | {"enable-smooth-intra": "0"}, _USUAL_EFFORT: PHOTO}
# Small pictures get more without an effort: it takes no longer than for a picture three times as large.
_SMALL_EFFORT = 6
SMALL_PIXELS = 1 << 18
_LOSSLESS_SETTING = 100

_EXIF_ITEM = re.compile(rb"(infe.{8,12}?)Exif", re.DOTALL)


class Avif(Format):
    """Stills and sequences."""

    names = (Name("avif", "image/avif", (".avif",)),)
    in_browsers = True
    candidate = True
    pillow = "AVIF"
    library = "avif"
    lossy = True
    animated = True
    repeats = False
    keeps_exif = keeps_xmp = tells_exif = True
    profile_spaces = frozenset({"RGB"})
    default_quality = 60
    points = CALIBRATION["avif"]
    untuned_points = CALIBRATION["avif untuned"]
    calibration_step = 4
    max_side = 32_768  # what libavif reads again
    decoder_bytes = 16
    encoder_bytes = 64
    animation_bytes = 300
    title = "AVIF"
    reading = (
        "stills and sequences; the clean aperture is applied, rotation of the container is treated as EXIF"
        " orientation"
    )
    metadata = "still only"

    def matches(self, header: bytes) -> bool:
        return iso_kind(header) is IsoKind.avif

    def check_file(self, stream: BinaryIO) -> None:
        check_items(stream)

    def open(self, stream: BinaryIO) -> Opened:
        stream = without_trailer(stream)
        image = self._image(stream)
        opened = Opened(image, stream, image.size, nclx=read_nclx(stream), exif=mended_exif(image))
        if getattr(image, "n_frames", 1) == 1:
            # Rotation and mirroring are told as orientation by Pillow; the window is ours.
            opened.window = primary_window(stream, image.size)
        if opened.window is not None:
            left, top, right, bottom = opened.window
            opened.size = (right - left, bottom - top)
        return opened

    def _image(self, stream: BinaryIO) -> Image.Image:
        stream.seek(0)
        try:
            return Image.open(stream, formats=[self.pillow])
        except Exception:
            # Pillow parses EXIF in order to open an AVIF; a file without it is opened.
            stream.seek(0)
            data = stream.read()
            hidden = _EXIF_ITEM.sub(rb"\g<1>skip", data)
            return by_pillow(self, stream if hidden == data else io.BytesIO(hidden))

    def quality(self, image: Image.Image, stream: BinaryIO, frames: int) -> int | None:
        # The first frame of a sequence is coded finer than the rest, by how much depends on what is seen.
        return iso_quality(stream) if frames == 1 else None

    def bit_depth(self, opened: Opened, stream: BinaryIO) -> int | None:
        return _bit_depth(stream)

    def encode(self, image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
        picture = image.convert("RGBA") if image.mode == "LA" else image
        tuned = _knows_tuning()
        setting = self.setting(options.quality) if tuned else setting_of(self.untuned_points, options.quality)
        parts: dict[str, object] = {
            "quality": setting,
            "speed": _speed(options),
            "max_threads": settings.encoder_threads,
        }
        if tuned and setting < _LOSSLESS_SETTING:
            effort = _effort(picture, options)
            parts["speed"], left_out = EFFORTS[effort]
            if effort in _OF_PHOTOS and not is_drawn(picture):
                left_out = left_out | _OF_PHOTOS[effort]
            parts["advanced"] = TUNING | left_out
        metadata = embedded(_rewritable(options.metadata), options.profile)
        return saved(picture, self.pillow, {**parts, **metadata})

    def encode_animation(
        self, frames: Frames, count: int, loop_count: int, options: EncodeOptions, settings: ImageSettings
    ) -> bytes:
        def write(converted: Iterator[Frame], mode: str) -> bytes:
            sequence = Sequence(converted, count, mode)
            out = io.BytesIO()
            sequence.save(
                out,
                self.pillow,
                save_all=True,
                duration=sequence.durations,
                quality=setting_of(self.untuned_points, options.quality),
                speed=_speed(options),
                max_threads=settings.encoder_threads,
                **embedded(NO_METADATA, options.profile),
            )
            return out.getvalue()

        return in_one_mode(frames, write)


@cache
def _knows_tuning() -> bool:
    """Whether libaom knows the tuning, as it does from 3.13 on; Pillow may be built with an older one."""
    try:
        Image.new("L", (16, 16)).save(io.BytesIO(), "AVIF", speed=10, advanced=TUNING | PHOTO)
    except (OSError, ValueError):
        return False
    return True


def _effort(picture: Image.Image, options: EncodeOptions) -> int:
    if options.effort is not None:
        return options.effort
    return _SMALL_EFFORT if picture.width * picture.height <= SMALL_PIXELS else _USUAL_EFFORT


def _speed(options: EncodeOptions) -> int:
    return SPEED if options.effort is None else 10 - options.effort


def _bit_depth(stream: BinaryIO) -> int:
    """Bits per sample by the ``av1C`` box of the primary picture (AV1-ISOBMFF section 2.3.3)."""
    stream.seek(0)
    first = stream.read(65536).partition(b"av1C")[2]
    configuration = next(iter(primary_properties(stream, b"av1C")), first)
    if len(configuration) < 3 or not configuration[2] & 0x40:
        return 8
    return 12 if configuration[2] & 0x20 else 10


def _rewritable(metadata: Metadata) -> Metadata:
    """With EXIF that Pillow can write again, as it does for AVIF; of other EXIF the orientation is left."""
    try:
        exif = Image.Exif()
        exif.load(metadata.exif)
        exif.tobytes()
    except Exception:  # a broken structure, which Pillow has many exceptions for
        turned = orientation(metadata.exif)
        return replace(metadata, exif=oriented(turned) if turned > 1 else b"")
    return metadata
