"""WebP, by libwebp through Pillow."""

from __future__ import annotations

import io
from typing import BinaryIO

from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile

from openmogr.image.formats.base import EncodeOptions, Format, Frames, Name, Opened, Size, Slim
from openmogr.image.formats.calibration import CALIBRATION
from openmogr.image.formats.opening import opened_by_pillow
from openmogr.image.formats.saving import embedded, saved
from openmogr.image.formats.sequence import Sequence
from openmogr.image.formats.webp_parts.headers import declared_size, leaves_canvas_open, vp8_quantiser
from openmogr.image.formats.webp_parts.slim import slim_webp
from openmogr.image.quality.scale import quality_of_setting
from openmogr.image.settings import ImageSettings
from openmogr.image.source.metadata import NO_METADATA

__all__ = ["WebP"]

# libwebp's usual balance of time and size.
METHOD = 4
_HIGHEST_METHOD = 6

# The most that libwebp takes as distances between key frames, so that only the first frame is one. Key frames in
# between would cost bytes, time and quality (docs/decisions/0008-native-pixels.md).
_ONE_KEY_FRAME = {"kmin": 2**31 - 2, "kmax": 2**31 - 1}


class WebP(Format):
    """Lossy and lossless are read; results are lossy."""

    names = (Name("webp", "image/webp", (".webp",)),)
    in_browsers = True
    candidate = True
    pillow = "WEBP"
    library = "webp"
    lossy = True
    can_be_lossless = True
    animated = True
    keeps_exif = keeps_xmp = tells_exif = True
    profile_spaces = frozenset({"RGB"})
    default_quality = 60
    points = CALIBRATION["webp"]
    calibration_step = 2
    decoder_bytes = 14
    encoder_bytes = 24
    animation_bytes = 60
    slim = True
    slim_bytes = 64
    title = "WebP"
    reading = "lossy, lossless, alpha, animated"
    metadata = "still only"

    def matches(self, header: bytes) -> bool:
        return header.startswith(b"RIFF") and header[8:12] == b"WEBP"

    def declared_size(self, stream: BinaryIO) -> Size | None:
        return declared_size(stream)

    def source_side(self, settings: ImageSettings) -> int:
        return settings.max_webp_side

    def open(self, stream: BinaryIO) -> Opened:
        opened = opened_by_pillow(self, stream)
        image = opened.image
        if isinstance(image, WebPImageFile) and image.mode == "RGB" and leaves_canvas_open(stream):
            # libwebp decodes to RGBA in any case; Pillow goes by the flag, and would show the canvas black.
            image._mode = image.rawmode = "RGBA"
        return opened

    def quality(self, image: Image.Image, stream: BinaryIO, frames: int) -> int | None:
        index = vp8_quantiser(stream)
        return None if index is None else vp8_quality(index)

    def side_limit(self, settings: ImageSettings) -> int:
        return settings.max_webp_side

    def encode(self, image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
        return saved(
            image, self.pillow, {**self._parts(options), **embedded(options.metadata, options.profile)}
        )

    def _parts(self, options: EncodeOptions) -> dict[str, object]:
        method = METHOD if options.effort is None else min(options.effort, _HIGHEST_METHOD)
        if options.lossless:
            # The quality is how long libwebp looks for a shorter file; invisible colours are part of the image.
            return {"lossless": True, "exact": True, "quality": 75, "method": method}
        return {"quality": self.setting(options.quality), "method": method}

    def encode_animation(
        self, frames: Frames, count: int, loop_count: int, options: EncodeOptions, settings: ImageSettings
    ) -> bytes:
        sequence = Sequence(frames(), count, "RGBA")
        out = io.BytesIO()
        sequence.save(
            out,
            self.pillow,
            save_all=True,
            duration=sequence.durations,
            loop=loop_count,
            **self._parts(options),
            **embedded(NO_METADATA, options.profile),
            **_ONE_KEY_FRAME,
        )
        return _marked_transparent(out.getvalue()) if sequence.transparent else out.getvalue()

    def slimmed(self, opened: Opened, data: bytes, wanted: Slim) -> bytes | None:
        return None if self.frame_count(opened) > 1 else slim_webp(opened.image, wanted, self.setting)


def vp8_quality(index: int) -> int:
    """The quality, 1-100, at which libwebp is told to use about this quantiser index, 0-127.

    libwebp has index = 127 * (1 - c), where c is the cube root of a line in two pieces; here inverted.
    """
    compression = 1 - index / 127
    linear = compression**3
    quality = linear / 2 * 3 if linear < 0.5 else (linear + 1) / 2
    return quality_of_setting(WebP.points, round(quality * 100))


def _marked_transparent(data: bytes) -> bytes:
    """The WebP with the alpha flag of its VP8X chunk set.

    libwebp cuts transparent borders off its frames, and leaves the flag out where every frame is then opaque;
    readers that trust the flag would show the canvas black.
    """
    if data[12:16] != b"VP8X":
        return data
    return data[:20] + bytes([data[20] | 0x10]) + data[21:]
