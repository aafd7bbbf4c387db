"""Open a source, check it against the limits by its headers, and hand out its frames in sRGB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import BinaryIO

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from openmogr.errors import CosError
from openmogr.image import headers
from openmogr.image.codecs import heif_codec, tpg_codec
from openmogr.image.color import to_srgb
from openmogr.image.estimate import source_quality
from openmogr.image.failures import input_resolution, not_an_image, too_many_bytes
from openmogr.image.formats import CONTAINERS, Container
from openmogr.image.model import Source
from openmogr.image.nclx import nclx_profile, read_nclx
from openmogr.image.settings import ImageSettings
from openmogr.image.sniff import HEADER_BYTES, sniff

__all__ = ["Frame", "OpenedImage", "decoding", "open_image", "read_container"]

# Pillow's own limit has fixed sizes; ours are settings, checked before any pixel is decoded.
Image.MAX_IMAGE_PIXELS = None

_ORIENTATION = 0x0112

# What WebP and GIF have bits for.
_MAX_PLAYS = 65_535


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
        image: Pillow's view of it.
        stream: its bytes.
        width: pixels as stored.
        height: pixels as stored.
        frame_count: frames of the animation; 1 for stills and for files that hold several separate pictures.
        quality: estimate on libjpeg's scale; None for formats that have none.
        half_chroma: a JPEG whose colour is stored at reduced resolution.
        nclx: colour primaries and transfer characteristics by ITU-T H.273, if the container tells them.
        exif: the TIFF structure without the ``Exif`` prefix, or empty.
        xmp: the packet, or empty.
    """

    container: Container
    image: Image.Image
    stream: BinaryIO = field(repr=False)
    width: int
    height: int
    frame_count: int
    quality: int | None
    half_chroma: bool = False
    nclx: tuple[int, int] | None = None
    exif: bytes = field(default=b"", repr=False)
    xmp: bytes = field(default=b"", repr=False)
    _started: bool = field(default=False, init=False, repr=False)

    @property
    def animated(self) -> bool:
        return self.frame_count > 1

    @property
    def orientation(self) -> int:
        """The EXIF orientation, 1-8; 0 where there is none.

        Raises:
            InvalidImageFormat: damaged data of a PNG, whose EXIF may lie behind the pixels.
        """
        if self.container.pillow == "PNG":
            # Asked for EXIF, Pillow decodes; asked again after a failure, it would have a black picture.
            with decoding():
                self.image.load()
        try:
            value = self.image.getexif().get(_ORIENTATION, 0)
        except Exception:  # EXIF of any brokenness reads as none
            return 0
        return value if isinstance(value, int) and 1 <= value <= 8 else 0

    @property
    def plays(self) -> int:
        """How often an animation is shown, at most 65,535 times; 0 for endlessly."""
        loop = self.image.info.get("loop")
        if self.container.name == "gif" and (loop is None or loop):
            # GIF counts repetitions, the others count plays.
            loop = 1 if loop is None else int(loop) + 1
        return min(loop, _MAX_PLAYS) if isinstance(loop, int) else 0

    def draft(self, width: int, height: int) -> None:
        """Allow decoding at a reduced size of at least ``width`` x ``height``; only JPEG does."""
        if self.container.name == "jpeg":
            self.image.draft(None, (width, height))

    def first(self) -> Frame:
        """The picture, or the first frame of an animation.

        Raises:
            InvalidImageFormat: damaged data.
        """
        with decoding():
            start = self._start()
            if start or self.image.tell():
                self.image.seek(start)
            self.image.load()
            return Frame(_detached(to_srgb(self.image, self._profile())), self._duration())

    def frames(self) -> Iterator[Frame]:
        """All frames in order, each a picture of its own; a second call starts over, and ends the first one.

        Raises:
            InvalidImageFormat: damaged data.
        """
        if self._started:
            # Pillow's reader of APNG does not find its way back once it has decoded.
            self.stream.seek(0)
            self.image = Image.open(self.stream, formats=[self.container.pillow])
        self._started = True
        start = self._start()
        for number in range(start, start + self.frame_count):
            told = f"frame {number - start + 1} of {self.frame_count} is"
            with decoding(told):
                self.image.seek(number)
                self.image.load()
                image = to_srgb(self.image, self._profile())
                # The reader draws the next frame over this one.
                if image.size != (self.width, self.height):
                    image = image.crop((0, 0, self.width, self.height))
                frame = Frame(_detached(image.copy() if image is self.image else image), self._duration())
            yield frame

    def _profile(self) -> bytes | None:
        """The ICC profile, or one made of the code points; the former counts where there are both."""
        profile = self.image.info.get("icc_profile")
        if isinstance(profile, bytes) and profile:
            return profile
        return nclx_profile(*self.nclx) if self.nclx is not None else None

    def _start(self) -> int:
        # An APNG may carry a first picture that is only for viewers that know no animation.
        return 1 if self.container.name == "apng" and self.image.info.get("default_image") else 0

    def _duration(self) -> int:
        value = self.image.info.get("duration", 0)
        duration = round(value) if isinstance(value, (int, float)) and value > 0 else 0
        return min(duration, 24 * 3600 * 1000)


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
        raise not_an_image(
            f"{told} damaged or of an unsupported kind", f"{type(error).__name__}: {error}"
        ) from error


def read_container(source: Source) -> Container:
    """The format of a source by its first bytes.

    Raises:
        InvalidImageFormat: it is none that this server decodes.
    """
    with source.open() as stream:
        return CONTAINERS[sniff(stream.read(HEADER_BYTES))]


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
            layout = headers.gif_layout(stream, settings.max_frames + 1) if container.name == "gif" else None
        if declared is not None:
            _check_size(declared, settings, container)
        if layout is not None and layout.frames:
            # Pillow grows the canvas for frames that reach beyond it.
            _check_size((layout.width, layout.height), settings, container)
        stream.seek(0)
        with decoding():
            image = Image.open(stream, formats=[container.pillow])
        with image:
            _check_size(image.size, settings, container)
            with decoding():
                count = layout.frames if layout is not None else _count_frames(container, image)
            if frame_limit is not None and container.name == "gif":
                count = min(count, frame_limit)
            canvas = (layout.width, layout.height) if layout is not None else image.size
            _check_frames(count, canvas, settings)
            with decoding():
                opened = OpenedImage(
                    container,
                    image,
                    stream,
                    image.width,
                    image.height,
                    max(count, 1),
                    source_quality(container, image, stream, frames=count),
                    isinstance(image, JpegImageFile) and get_sampling(image) in {1, 2},
                    read_nclx(stream) if container.name == "avif" else _heif_nclx(image),
                    _exif(image),
                    _xmp(image),
                )
            yield opened


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


def _count_frames(container: Container, image: Image.Image) -> int:
    # Several pictures in a TIFF or a HEIF are pages, not frames.
    if not container.animated:
        return 1
    count = int(getattr(image, "n_frames", 1))
    if container.name == "apng" and image.info.get("default_image"):
        count -= 1
    return max(count, 1)


def _heif_nclx(image: Image.Image) -> tuple[int, int] | None:
    profile = image.info.get("nclx_profile")
    if not isinstance(profile, dict):
        return None
    return int(profile.get("color_primaries", 2)), int(profile.get("transfer_characteristics", 2))


def _exif(image: Image.Image) -> bytes:
    data = image.info.get("exif")
    if not isinstance(data, bytes):
        return b""
    return data.removeprefix(b"Exif\x00\x00")


def _xmp(image: Image.Image) -> bytes:
    data = image.info.get("xmp")
    if isinstance(data, str):
        return data.encode()
    return data if isinstance(data, bytes) else b""
