"""PNG and APNG: chunks and frames are ours, pixels Pillow's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, ClassVar

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from openmogr.image.errors import not_an_image
from openmogr.image.formats.base import EncodeOptions, Format, Frame, Frames, Name, Opened, Slim, ToSrgb
from openmogr.image.formats.opening import EXIF_PREFIX, by_pillow, mended_exif
from openmogr.image.formats.png_parts.layout import SIGNATURE, has_animation_control, read_layout
from openmogr.image.formats.png_parts.native import png_reader, written, written_with_effort
from openmogr.image.formats.png_parts.pixels import keyed, keyed_frame
from openmogr.image.formats.png_parts.read_apng import apng_frames
from openmogr.image.formats.png_parts.slim import slim_png
from openmogr.image.formats.png_parts.write_apng import write_apng
from openmogr.image.formats.saving import saved
from openmogr.image.formats.sequence import in_one_mode
from openmogr.image.native import Reader, picture_of
from openmogr.image.settings import ImageSettings

__all__ = ["Apng", "Png"]


class Png(Format):
    """One image. Both kinds begin alike; which it is, a chunk tells that may be anywhere before the pixels."""

    names: ClassVar[tuple[Name, ...]] = (Name("png", "image/png", (".png",)),)
    shown_everywhere = True
    in_browsers = True
    candidate = True
    pillow = "PNG"
    library = "zlib"
    signatures: ClassVar[tuple[bytes, ...]] = (SIGNATURE,)
    keeps_exif = keeps_xmp = tells_exif = True
    profile_spaces = frozenset({"RGB", "GRAY"})
    decoder_bytes = 10
    encoder_bytes = 16
    effort_bytes = 32
    slim = True
    slim_bytes = 32
    title = "PNG, APNG"
    reading = (
        "1 to 16 bit, palette, alpha, interlaced, transparent colour; an APNG's cover picture that is no frame is"
        " left out. Ancillary chunks that are damaged, or longer than 8 MiB (texts and profiles: 1 MiB when"
        " inflated), are passed over, also texts beyond 32"
    )
    metadata = "both"

    def variant(self, stream: BinaryIO) -> str:
        return Apng.names[0].name if has_animation_control(stream) else self.name

    def open(self, stream: BinaryIO) -> Opened:
        layout = read_layout(stream)
        if layout.problem:
            raise not_an_image(f"the image data is damaged or of an unsupported kind: {layout.problem}")
        cleaned = layout.cleaned(stream)
        if cleaned is not stream:
            layout = read_layout(cleaned)
        image = by_pillow(self, cleaned)
        if layout.exif:
            image.info["exif"] = EXIF_PREFIX + layout.exif
        points = None if layout.cicp is None else layout.cicp[:2]
        opened = Opened(image, cleaned, image.size, png=layout, nclx=points, exif=mended_exif(image))
        opened.mended = cleaned is not stream
        return opened

    def reader(self, opened: Opened, eighths: int) -> Reader | None:
        return png_reader(opened)

    def loaded(self, opened: Opened) -> Image.Image:
        def again() -> Image.Image:
            opened.stream.seek(0)
            return Image.open(opened.stream, formats=[self.pillow])

        return opened.image if opened.png is None else keyed(opened.image, again, opened.png)

    def bit_depth(self, opened: Opened, stream: BinaryIO) -> int | None:
        stream.seek(24)  # in IHDR
        return (stream.read(1) or b"\x08")[0]

    def encode(self, image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
        if (picture := picture_of(image, cross=True)) is not None:
            if options.effort is not None:
                return written_with_effort(picture, options, options.effort)
            return written(picture, options, settings.png_effort)
        parts: dict[str, object] = {}
        if options.profile:
            parts["icc_profile"] = options.profile
        if options.metadata.exif:
            parts["exif"] = options.metadata.exif
        if options.metadata.xmp:
            info = PngInfo()
            info.add_itxt("XML:com.adobe.xmp", options.metadata.xmp.decode("utf-8", "replace"))
            parts["pnginfo"] = info
        return saved(image, self.pillow, parts)

    def slimmed(self, opened: Opened, data: bytes, wanted: Slim) -> bytes | None:
        return None if opened.png is None else slim_png(data, opened.png, wanted)


class Apng(Png):
    """An animation; a result of one frame is written as a PNG."""

    names = (Name("apng", "image/apng", (".apng",)),)
    shown_everywhere = False
    candidate = False
    library = ""
    signatures = ()
    animated = True
    # Frames are written in colour.
    profile_spaces = frozenset({"RGB"})
    decoder_bytes = encoder_bytes = 16
    animation_bytes = 40
    title = reading = ""
    metadata = "still only"

    def frame_count(self, opened: Opened) -> int:
        return super().frame_count(opened) if opened.png is None else opened.png.frames

    def composed(self, opened: Opened, to_srgb: ToSrgb) -> Iterator[Frame] | None:
        layout = opened.png
        assert layout is not None

        def converted(data: bytes) -> Image.Image:
            return to_srgb(keyed_frame(data, layout))

        frames = apng_frames(opened.stream, layout, converted)
        return (Frame(image, duration) for image, duration in frames)

    def encode_animation(
        self, frames: Frames, count: int, loop_count: int, options: EncodeOptions, settings: ImageSettings
    ) -> bytes:
        return in_one_mode(frames, lambda converted, mode: write_apng(converted, loop_count, options.profile))
