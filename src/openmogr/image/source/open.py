"""Open a source, check it against the limits by its headers, and hand out its frames in sRGB."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import BinaryIO, TypeAlias

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from openmogr.errors import CosError
from openmogr.image import headers
from openmogr.image.codecs import heif_codec, tpg_codec
from openmogr.image.errors import in_words, input_resolution, not_an_image, too_many_bytes
from openmogr.image.formats import CONTAINERS, Container
from openmogr.image.model import Source
from openmogr.image.png import has_animation_control
from openmogr.image.quality.source import source_quality
from openmogr.image.read_apng import apng_frames
from openmogr.image.read_gif import gif_frames, gif_layout
from openmogr.image.read_jpeg import with_end_marker
from openmogr.image.read_png import full_range, keyed
from openmogr.image.settings import ImageSettings
from openmogr.image.sniff import HEADER_BYTES, sniff
from openmogr.image.source.colour import to_srgb
from openmogr.image.source.hdr import HDR_TRANSFERS, hdr_to_srgb
from openmogr.image.source.metadata import orientation
from openmogr.image.source.nclx import nclx_profile
from openmogr.image.source.opening import Opened, open_container
from openmogr.image.source.plausible import check_plausible
from openmogr.image.steps.transform import turned_back
from openmogr.image.tiff_samples import TiffImage

__all__ = ["Frame", "OpenedImage", "decoding", "open_image", "read_container"]

# Pillow's own limit has fixed sizes; ours are settings, checked before any pixel is decoded.
Image.MAX_IMAGE_PIXELS = None

_ORIENTATION = 0x0112

# What WebP and GIF have bits for.
_MAX_PLAYS = 65_535
_MAX_DURATION = 24 * 3600 * 1000

_COMPOSED = {"gif", "apng"}

Size: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture in mode L, LA, RGB or RGBA, and how long it is shown, in milliseconds."""

    image: Image.Image
    duration: int = 0


@dataclass(slots=True)
class OpenedImage:
    """A source whose headers were read and found within the limits; no pixel is decoded yet.

    Attributes:
        container: its format.
        source: the file as it was opened.
        width: pixels as stored.
        height: pixels as stored.
        frame_count: frames of the animation; 1 for stills and for files that hold several separate pictures.
        quality: estimate on libjpeg's scale; None for formats that have none.
        half_chroma: a JPEG whose colour is stored at reduced resolution.
        xmp: the packet, or empty.
    """

    container: Container
    source: Opened = field(repr=False)
    width: int
    height: int
    frame_count: int
    quality: int | None
    half_chroma: bool = False
    xmp: bytes = field(default=b"", repr=False)
    _draft: Size | None = field(default=None, init=False, repr=False)
    _decoded: dict[Size | None, Frame] = field(default_factory=dict, init=False, repr=False)

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
        if self.container.pillow == "PNG":
            # Asked for EXIF, Pillow decodes; asked again after a failure, it would have a black picture.
            with decoding():
                self.image.load()
        if told := orientation(self.exif):
            return told
        try:
            value = self.image.getexif().get(_ORIENTATION, 0)
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
    def plays(self) -> int:
        """How often an animation is shown, at most 65,535 times; 0 for endlessly."""
        loop = self.image.info.get("loop")
        if self.container.name == "gif" and (loop is None or loop):
            # GIF counts repetitions, the others count plays.
            loop = 1 if loop is None else int(loop) + 1
        return min(loop, _MAX_PLAYS) if isinstance(loop, int) else 0

    def first(self, draft: Size | None = None) -> Frame:
        """The picture, or the first frame of an animation. Asked again, it is not decoded again.

        Args:
            draft: a decoder that can may deliver fewer pixels, but at least this width and height.

        Raises:
            InvalidImageFormat: damaged data.
        """
        if self.container.name != "jpeg":
            draft = None
        frame = self._decoded.get(draft)
        if frame is None:
            with decoding():
                frame = self._decoded[draft] = self._first(draft)
        # A picture of its own, of the same pixels: what writers note on it is theirs.
        return Frame(_detached(frame.image), frame.duration)

    def _first(self, draft: Size | None) -> Frame:
        if self.container.name in _COMPOSED:
            return next(self._composed())
        if self.container.name == "jpeg":
            if self._decoded:
                self.source = open_container(self.container, self.source.stream)
            self._draft = draft
            if draft is not None:
                self.image.draft(None, draft)
        elif self.container.name != "heif" and self.image.tell():
            self.image.seek(0)
        self._load()
        return Frame(_detached(self._still()), self._duration())

    def frames(self) -> Iterator[Frame]:
        """All frames in order, each a picture of its own; a second call starts over, and ends the first one.

        Raises:
            InvalidImageFormat: damaged data.
        """
        composed = self._composed() if self.container.name in _COMPOSED else None
        for number in range(self.frame_count):
            with decoding(f"frame {number + 1} of {self.frame_count} is"):
                if composed is not None:
                    frame = next(composed)
                else:
                    self.image.seek(number)
                    self.image.load()
                    image = self._srgb(self.image)
                    # The reader draws the next frame over this one.
                    image = image.copy() if image is self.image else image
                    frame = Frame(_detached(image), self._duration())
            yield frame

    def _composed(self) -> Iterator[Frame]:
        """The frames of formats that Pillow composes in ways of its own."""
        stream = self.source.stream
        if self.source.png is not None:
            found = apng_frames(stream, self.source.png, self._png_frame)
        else:
            found = gif_frames(stream, (self.width, self.height))
        for image, duration in found:
            yield Frame(_detached(image), min(duration, _MAX_DURATION))
        raise ValueError("it has no image data")

    def _png_frame(self, data: bytes) -> Image.Image:
        def opened() -> Image.Image:
            return Image.open(io.BytesIO(data), formats=["PNG"])

        image = opened()
        image.load()
        assert self.source.png is not None
        return self._srgb(keyed(image, opened, self.source.png))

    def _load(self) -> None:
        try:
            self.image.load()
        except OSError:
            if self.container.name != "jpeg":
                raise
            self.source.stream.seek(0)
            whole = with_end_marker(self.source.stream.read())
            if whole is None:
                raise
            self.source.image = Image.open(io.BytesIO(whole), formats=["JPEG"])
            if self._draft is not None:
                self.image.draft(None, self._draft)
            self.image.load()

    def _still(self) -> Image.Image:
        """The loaded picture in sRGB, as the container shows it."""
        image = self.image
        if self.source.png is not None:
            stream = self.source.stream

            def again() -> Image.Image:
                stream.seek(0)
                return Image.open(stream, formats=["PNG"])

            image = keyed(image, again, self.source.png)
        result = self._srgb(image)
        if isinstance(image, TiffImage) and image.alpha is not None:
            result = result.convert("RGB")
            result.putalpha(image.alpha)
        elif self.source.tiff is not None and not self.source.tiff.plain:
            result = turned_back(result, self.source.tiff.orientation)
        return result if self.source.window is None else result.crop(self.source.window)

    def _srgb(self, image: Image.Image) -> Image.Image:
        """By the ICC profile or else by code points; those of a PNG come before its profile."""
        png, points = self.source.png, self.source.nclx
        profile = self.image.info.get("icc_profile")
        if not isinstance(profile, bytes) or (png is not None and points is not None):
            profile = b""
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


def _detached(image: Image.Image) -> Image.Image:
    """The same pixels, not copied, without what the reader knows besides.

    Pillow's writers would take tags, EXIF and repetition from there, even past ``strip``.
    """
    plain = image._new(image.im)
    plain.info = {}
    return plain


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


def read_container(source: Source) -> Container:
    """The format of a source by its first bytes.

    Raises:
        InvalidImageFormat: it is none that this server decodes.
    """
    with source.open() as stream:
        name = sniff(stream.read(HEADER_BYTES))
        return CONTAINERS["apng" if name == "png" and has_animation_control(stream) else name]


@contextmanager
def open_image(
    source: Source, settings: ImageSettings, *, frame_limit: int | None = None
) -> Iterator[OpenedImage]:
    """Read the headers of a source and check them.

    Args:
        source: what to open.
        settings: the limits.
        frame_limit: use at most this many frames of an animated GIF.

    Raises:
        ImageTooLarge: too many bytes.
        InvalidImageFormat: not a picture, damaged, or of an unknown format.
        ImageResolutionExceed: too many pixels or frames.
        NotSupported: the codec is not installed.
    """
    if source.size > settings.max_input_bytes:
        raise too_many_bytes(f"the image has {source.size} bytes, more than {settings.max_input_bytes}")
    container = read_container(source)
    if container.name == "heif":
        heif_codec()
    with source.open() as stream:
        if container.name == "tpg":
            _check_whole(tpg_codec(), stream)
        with decoding():
            declared = headers.declared_size(container.name, stream)
            layout = gif_layout(stream, settings.max_frames + 1) if container.name == "gif" else None
        # Before Pillow opens it: some of its readers allocate or decode then.
        check_plausible(container.name, declared or (0, 0), stream, source.size)
        if declared is not None:
            _check_size(declared, settings, container)
        if layout is not None and layout.frames:
            # Frames that reach beyond the canvas enlarge it.
            _check_size((layout.width, layout.height), settings, container)
        with decoding():
            opened = open_container(container, stream)
        with opened.image:
            _check_size(opened.image.size, settings, container)
            with decoding():
                count = layout.frames if layout is not None else _count_frames(container, opened)
            if frame_limit is not None and container.name == "gif":
                count = min(count, frame_limit)
            size = (layout.width, layout.height) if layout is not None else opened.size
            _check_frames(count, size, settings)
            check_plausible("", size, stream, source.size)
            with decoding():
                picture = OpenedImage(
                    container,
                    opened,
                    *size,
                    max(count, 1),
                    source_quality(container, opened.image, opened.stream, frames=count),
                    isinstance(opened.image, JpegImageFile) and get_sampling(opened.image) in {1, 2},
                    _xmp(opened.image),
                )
            yield picture


def _check_size(size: tuple[int, int], settings: ImageSettings, container: Container) -> None:
    width, height = size
    side = settings.max_webp_side if container.name == "webp" else settings.max_side
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


def _check_whole(codec: ModuleType, stream: BinaryIO) -> None:
    """Refuse a TPG whose chunks are not what its header announces; Pillow would show the frames before the damage."""
    try:
        damage = codec.info(stream.read()).damage
    except codec.LimitError as error:
        raise input_resolution(str(error)) from error
    except codec.TpgError as error:
        damage = str(error)
    if damage is not None:
        raise not_an_image(f"the image is damaged or of an unsupported kind: {damage}")


def _count_frames(container: Container, opened: Opened) -> int:
    # Several pictures in a TIFF or a HEIF are pages, not frames.
    if not container.animated:
        return 1
    if opened.png is not None:
        return max(opened.png.frames, 1)
    return max(int(getattr(opened.image, "n_frames", 1)), 1)


def _xmp(image: Image.Image) -> bytes:
    data = image.info.get("xmp")
    if isinstance(data, str):
        return data.encode()
    return data if isinstance(data, bytes) else b""
