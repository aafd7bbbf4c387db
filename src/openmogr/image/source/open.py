"""Open a source, check it against the limits by its headers, and hand out its frames in sRGB or as they are stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from PIL import Image

from openmogr.errors import CosError
from openmogr.image.errors import in_words, input_resolution, not_an_image, too_many_bytes
from openmogr.image.formats.base import Format, Frame, Opened, ToSrgb
from openmogr.image.formats.png_parts.pixels import full_range
from openmogr.image.formats.registry import CONTAINERS
from openmogr.image.formats.sniff import HEADER_BYTES, sniff
from openmogr.image.formats.tiff_parts.samples import TiffImage
from openmogr.image.model import Source
from openmogr.image.native import LateImage, Reader, Undecoded
from openmogr.image.settings import ImageSettings
from openmogr.image.source.colour import WORKING_MODES, is_srgb, own_space, to_srgb
from openmogr.image.source.hdr import HDR_TRANSFERS, hdr_to_srgb
from openmogr.image.source.metadata import orientation
from openmogr.image.source.nclx import gamma_profile, nclx_profile
from openmogr.image.source.plausible import check_plausible
from openmogr.image.steps.transform import turned_back

__all__ = ["Frame", "OpenedImage", "decoding", "detached", "open_image", "read_container"]

# Pillow's own limit has fixed sizes; ours are settings, checked before any pixel is decoded.
Image.MAX_IMAGE_PIXELS = None

_ORIENTATION = 0x0112

# What WebP and GIF have bits for.
_MAX_LOOP_COUNT = 65_535
_MAX_DURATION = 24 * 3600 * 1000

Size: TypeAlias = tuple[int, int]


@dataclass(slots=True)
class OpenedImage:
    """A source whose headers were read and found within the limits; no pixel is decoded yet.

    Attributes:
        container: its format.
        source: the file as it was opened.
        width: pixels as stored.
        height: pixels as stored.
        frame_count: frames of the animation; 1 for stills and for files that hold several separate images.
        quality: estimate on libjpeg's scale; None for formats that have none.
        half_chroma: a JPEG whose colour is stored at reduced resolution.
        xmp: the packet, or empty.
    """

    container: Format
    source: Opened = field(repr=False)
    width: int
    height: int
    frame_count: int
    quality: int | None
    half_chroma: bool = False
    xmp: bytes = field(default=b"", repr=False)
    _decoded: dict[tuple[int, bool], Frame] = field(default_factory=dict, init=False, repr=False)

    @property
    def image(self) -> Image.Image:
        """Pillow's view of it."""
        return self.source.image

    @property
    def exif(self) -> bytes:
        """The TIFF structure without the ``Exif`` prefix, or empty."""
        return self.source.exif

    @property
    def animated(self) -> bool:
        return self.frame_count > 1

    @property
    def orientation(self) -> int:
        """The EXIF orientation, 1-8; 0 where there is none.

        Raises:
            InvalidImageFormat: damaged data of a PNG, whose EXIF may lie behind the pixels.
        """
        if self.source.tiff is not None:
            return self.source.tiff.orientation if 274 in self.source.tiff.directory else 0
        png = self.source.png
        if png is not None and png.texts_behind:
            # Asked for EXIF, Pillow decodes; asked again after a failure, it would have a black image.
            with decoding():
                self.image.load()
        if told := orientation(self.exif):
            return told
        try:
            # That of PNG would decode, for texts behind the pixels.
            exif = self.image.getexif() if png is None else Image.Image.getexif(self.image)
            value = exif.get(_ORIENTATION, 0)
        except Exception:  # EXIF of any brokenness reads as none
            return 0
        return value if isinstance(value, int) and 1 <= value <= 8 else 0

    @property
    def declared_orientation(self) -> int:
        """The orientation as far as the header tells it, without decoding; 0 where it does not."""
        if self.source.tiff is not None:
            return self.source.tiff.orientation if 274 in self.source.tiff.directory else 0
        return orientation(self.exif) or 0

    @property
    def loop_count(self) -> int:
        """How often an animation is shown, at most 65,535 times; 0 for endlessly."""
        return min(self.container.loop_count(self.image.info.get("loop")), _MAX_LOOP_COUNT)

    def forget(self) -> None:
        """Let go of what was decoded. It refers back here: in a circle, it would stay until somebody looks for such."""
        self._decoded.clear()

    def own_profile(self, spaces: frozenset[str]) -> bytes:
        """The ICC profile that pixels may stay in, where its colour space is one of ``spaces``; else empty.

        Code points and gamma are no profile, nor is what means sRGB, and CMYK and Lab have none to stay in.
        """
        profile = self._icc()
        return profile if own_space(profile, self.image.mode) in spaces else b""

    def first(self, draft: Size | None = None, *, kept: bool = False) -> Frame:
        """The image, or the first frame of an animation. Asked again, it is not decoded again.

        Args:
            draft: a decoder that can may deliver fewer pixels, but at least this width and height.
            kept: colours stay in the space of ``own_profile``; else they are those of sRGB.

        Raises:
            InvalidImageFormat: damaged data.
        """
        eighths = 8
        if draft is not None and self.container.drafts:
            times = min(self.width // draft[0], self.height // draft[1])
            eighths = next((8 // most for most in (8, 4, 2) if times >= most), 8)
        frame = self._decoded.get((eighths, kept))
        if frame is None:
            with decoding():
                frame = self._otherwise(eighths, kept) or self._first(eighths, kept)
                self._decoded[eighths, kept] = frame
        # An image of its own, of the same pixels: what writers note on it is theirs.
        return Frame(detached(frame.image), frame.duration)

    def _otherwise(self, eighths: int, kept: bool) -> Frame | None:
        """What was decoded in other colours, where the same pixels do."""
        other = self._decoded.get((eighths, not kept))
        if other is None or not isinstance(other.image, LateImage):
            return None
        return Frame(other.image.finishing(None if kept else self._srgb), other.duration)

    def _first(self, eighths: int, kept: bool) -> Frame:
        if (composed := self._composed(kept)) is not None:
            return next(composed)
        if self.container.drafts:
            if self._decoded:
                self.source = self.container.open(self.source.stream)
            _draft(self.image, eighths)
        self.container.rewind(self.image)
        if (reader := self.container.reader(self.source, eighths)) is not None:
            return Frame(self._late(reader, self.source, eighths, kept), self._duration())
        self._load(self.source, eighths)
        return Frame(detached(self._still(kept)), self._duration())

    def _late(self, reader: Reader, source: Opened, eighths: int, kept: bool) -> LateImage:
        """What is decoded when it is known which pixels are wanted."""

        def decode() -> Image.Image:
            with decoding():
                self._load(source, eighths)
                return to_srgb(self.container.loaded(source), None)

        done = kept or is_srgb(self._profile())
        return LateImage(Undecoded(reader, decode), (), None if done else self._srgb)

    def frames(self, *, kept: bool = False) -> Iterator[Frame]:
        """All frames in order, each an image of its own; a second call starts over, and ends the first one.

        Args:
            kept: as of :meth:`first`.

        Raises:
            InvalidImageFormat: damaged data.
        """
        composed, convert = self._composed(kept), self._conversion(kept)
        for number in range(self.frame_count):
            with decoding(f"frame {number + 1} of {self.frame_count} is"):
                if composed is not None:
                    frame = next(composed)
                else:
                    self.image.seek(number)
                    self.image.load()
                    image = convert(self.image)
                    # The reader draws the next frame over this one.
                    image = image.copy() if image is self.image else image
                    frame = Frame(detached(image), self._duration())
            yield frame

    def _conversion(self, kept: bool) -> ToSrgb:
        return _working if kept else self._srgb

    def _composed(self, kept: bool) -> Iterator[Frame] | None:
        """The frames of formats that Pillow composes in ways of its own."""
        found = self.container.composed(self.source, self._conversion(kept))
        return None if found is None else _whole(found)

    def _load(self, source: Opened, eighths: int) -> None:
        try:
            source.image.load()
        except OSError:
            source.stream.seek(0)
            mended = self.container.mended(source.stream.read())
            if mended is None:
                raise
            source.image = mended
            _draft(mended, eighths)
            mended.load()

    def _still(self, kept: bool) -> Image.Image:
        """The loaded image in its colours or in sRGB, as the container shows it."""
        image = self.container.loaded(self.source)
        # The reader draws further frames over this one, which is kept.
        image = image.copy() if self.animated else image
        later = self.source.tiff is None
        result = self._later(image, kept) if later else self._conversion(kept)(image)
        if isinstance(image, TiffImage) and image.alpha is not None:
            result = result.convert("RGB")
            result.putalpha(image.alpha)
        elif self.source.tiff is not None and not self.source.tiff.plain:
            result = turned_back(result, self.source.tiff.orientation)
        return result if self.source.window is None else result.crop(self.source.window)

    def _icc(self) -> bytes:
        """The ICC profile, or empty; the code points of a PNG come before it."""
        profile = self.image.info.get("icc_profile")
        if not isinstance(profile, bytes) or (self.source.png is not None and self.source.nclx is not None):
            return b""
        return profile

    def _profile(self) -> bytes:
        """Likewise, or one made of gamma and chromaticities, which come last (PNG, third edition, section 4.3)."""
        png, profile = self.source.png, self._icc()
        if profile or png is None or png.srgb or self.source.nclx is not None:
            return profile
        return gamma_profile(png.gamma, png.chromaticities) or b""

    def _later(self, image: Image.Image, kept: bool) -> Image.Image:
        """In its colours, or in sRGB when it was scaled, where pixels are of a kind that allows for it."""
        profile, points = self._profile(), self.source.nclx
        if image.mode not in WORKING_MODES or "transparency" in image.info or self.source.png is not None:
            return self._conversion(kept)(image)
        if kept:
            return LateImage(detached(image))
        if not profile and points is not None:
            if points[1] in HDR_TRANSFERS:
                return self._srgb(image)
            profile = nclx_profile(*points) or b""
        return image if is_srgb(profile) else LateImage(detached(image), (), self._srgb)

    def _srgb(self, image: Image.Image) -> Image.Image:
        """By the ICC profile or else by code points."""
        png, points, profile = self.source.png, self.source.nclx, self._profile()
        if profile or points is None:
            return to_srgb(image, profile)
        if png is not None and png.cicp is not None and not png.cicp[2]:
            image = full_range(to_srgb(image, None))
        if points[1] in HDR_TRANSFERS:
            return hdr_to_srgb(to_srgb(image, None), *points)
        return to_srgb(image, nclx_profile(*points))

    def _duration(self) -> int:
        value = self.image.info.get("duration", 0)
        duration = round(value) if isinstance(value, (int, float)) and value > 0 else 0
        return min(duration, _MAX_DURATION)


def _working(image: Image.Image) -> Image.Image:
    """Pixels of a working mode, in their own colours."""
    return to_srgb(image, None)


def _whole(frames: Iterator[Frame]) -> Iterator[Frame]:
    for frame in frames:
        yield Frame(detached(frame.image), min(frame.duration, _MAX_DURATION))
    raise ValueError("it has no image data")


def detached(image: Image.Image) -> Image.Image:
    """The same pixels, not copied, without what the reader knows besides.

    Pillow's writers would take tags, EXIF and repetition from there, even past ``strip``.
    """
    if isinstance(image, LateImage):
        return image.again()
    plain = image._new(image.im)
    plain.info = {}
    return plain


def _draft(image: Image.Image, eighths: int) -> None:
    """Have Pillow's decoder shrink."""
    if eighths < 8:
        image.draft(None, (max(image.width * eighths // 8, 1), max(image.height * eighths // 8, 1)))


@contextmanager
def decoding(told: str = "the image data is") -> Iterator[None]:
    """Turn whatever a decoder raises over hostile data into one clear error, which begins with ``told``."""
    try:
        yield
    except CosError:
        raise
    except MemoryError as error:
        raise input_resolution("the image needs more memory than there is") from error
    except Image.DecompressionBombError as error:
        raise input_resolution(str(error)) from error
    except Exception as error:
        reason = in_words(error)
        raise not_an_image(
            f"{told} damaged or of an unsupported kind" + (f": {reason}" if reason else ""),
            f"{type(error).__name__}: {error}",
        ) from error


def read_container(source: Source) -> Format:
    """The format of a source by its first bytes.

    Raises:
        InvalidImageFormat: it is none that this server decodes.
    """
    with source.open() as stream:
        container = CONTAINERS[sniff(stream.read(HEADER_BYTES))]
        return CONTAINERS[container.variant(stream)]


@contextmanager
def open_image(
    source: Source, settings: ImageSettings, *, frame_limit: int | None = None
) -> Iterator[OpenedImage]:
    """Read the headers of a source and check them.

    Args:
        source: what to open.
        settings: the limits.
        frame_limit: use at most this many frames of an animation, where the format heeds it.

    Raises:
        ImageTooLarge: too many bytes.
        InvalidImageFormat: not an image, damaged, or of an unknown format.
        ImageResolutionExceed: too many pixels or frames.
        NotSupported: the codec is not installed.
    """
    if source.size > settings.max_input_bytes:
        raise too_many_bytes(f"the image has {source.size} bytes, more than {settings.max_input_bytes}")
    container = read_container(source)
    container.check_readable()
    with source.open() as stream:
        container.check_file(stream)
        with decoding():
            declared = container.declared_size(stream)
            layout = container.layout(stream, settings.max_frames + 1)
        if declared is not None:
            _check_size(declared, settings, container)
            check_plausible(declared, source.size)
        if layout is not None and layout.frames:
            # The first frame of a GIF may enlarge the canvas.
            _check_size((layout.width, layout.height), settings, container)
        with decoding():
            opened = container.open(stream)
        with opened.image:
            _check_size(opened.image.size, settings, container)
            with decoding():
                count = max(container.frame_count(opened), 1) if layout is None else layout.frames
            if frame_limit is not None and container.frame_limit:
                count = min(count, frame_limit)
            if layout is not None:
                opened.size = (layout.width, layout.height)
            _check_frames(count, opened.size, settings)
            check_plausible(opened.size, source.size)
            with decoding():
                picture = OpenedImage(
                    container,
                    opened,
                    *opened.size,
                    max(count, 1),
                    _quality(container, opened, count),
                    container.half_chroma(opened.image),
                    _xmp(opened.image),
                )
            try:
                yield picture
            finally:
                picture.forget()


def _quality(container: Format, opened: Opened, frames: int) -> int | None:
    """As ``Format.quality`` says; where the stream stands does not change."""
    position = opened.stream.tell()
    try:
        return container.quality(opened.image, opened.stream, frames)
    finally:
        opened.stream.seek(position)


def _check_size(size: tuple[int, int], settings: ImageSettings, container: Format) -> None:
    width, height = size
    side = container.source_side(settings)
    if width < 1 or height < 1:
        raise not_an_image(f"the image is {width}x{height} pixels")
    if max(size) > side:
        raise input_resolution(f"the image is {width}x{height} pixels, a side is longer than {side}")
    if width * height > settings.max_pixels:
        raise input_resolution(
            f"the image is {width}x{height} pixels, more than {settings.max_pixels} in total"
        )


def _check_frames(count: int, size: tuple[int, int], settings: ImageSettings) -> None:
    if count > settings.max_frames:
        raise input_resolution(f"the animation has more than {settings.max_frames} frames")
    pixels = size[0] * size[1] * count
    if count > 1 and pixels > settings.max_animation_pixels:
        raise input_resolution(
            f"the animation has {pixels} pixels in {count} frames, more than {settings.max_animation_pixels}"
        )


def _xmp(image: Image.Image) -> bytes:
    data = image.info.get("xmp")
    if isinstance(data, str):
        return data.encode()
    return data if isinstance(data, bytes) else b""
