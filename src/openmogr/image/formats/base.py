"""What a format is: its names and limits, how its files are opened and how they are written.

A format is a class in a file of its own and a line of ``registry``; nothing else knows it by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from PIL import Image

from openmogr.image.errors import output_resolution
from openmogr.image.model import Loss
from openmogr.image.native import Reader
from openmogr.image.quality.scale import setting_of
from openmogr.image.settings import ImageSettings
from openmogr.image.source.metadata import NO_METADATA, Metadata, orientation

if TYPE_CHECKING:
    from openmogr.image.formats.extras import Extra
    from openmogr.image.formats.png_parts.layout import PngLayout
    from openmogr.image.formats.tiff_parts.layout import TiffLayout

__all__ = ["EncodeOptions", "Format", "Frame", "Frames", "Layout", "Name", "Opened", "Size", "Slim", "Target"]

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Name:
    """A name that ``format/<name>`` takes.

    Attributes:
        name: in lower case.
        content_type: media type of results, and of objects whose key ends in a suffix of it.
        suffixes: in lower case, with the dot; outputs have the first.
        optimise: spend more on a small file.
    """

    name: str
    content_type: str
    suffixes: tuple[str, ...]
    optimise: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded image in mode L, LA, RGB or RGBA, and how long it is shown, in milliseconds."""

    image: Image.Image
    duration: int = 0


Frames = Callable[[], Iterator[Frame]]
ToSrgb = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the blocks of an animation say before anything is decoded: its canvas in pixels, and its frames."""

    width: int
    height: int
    frames: int


@dataclass(slots=True)
class Opened:
    """A file that was opened.

    Attributes:
        image: Pillow's view of it, or ours.
        stream: what it is read from; not the source where that was mended.
        size: as shown when EXIF is left aside.
        png: the chunks of a PNG.
        tiff: the kind of a TIFF.
        window: the part of the decoded pixels that the container wants to be shown; None for all.
        nclx: primaries and transfer characteristics by ITU-T H.273, if the container tells them.
        exif: the TIFF structure without the prefix, or empty.
        mended: damaged parts of the file were left out.
    """

    image: Image.Image
    stream: BinaryIO = field(repr=False)
    size: Size
    png: PngLayout | None = None
    tiff: TiffLayout | None = None
    window: tuple[int, int, int, int] | None = None
    nclx: tuple[int, int] | None = None
    exif: bytes = field(default=b"", repr=False)
    mended: bool = False


class Format(ABC):
    """A file format. Its objects hold no state; each class has one, in ``registry``.

    Attributes:
        names: what ``format/<name>`` takes; the first is what ``imageInfo`` says.
        pillow: the name of Pillow's plugin.
        library: what Pillow's ``features`` calls the library behind it; empty for none.
        extra: the package it needs besides; None for formats that are always there.
        signatures: what files begin with.
        lossy: whether a quality acts on it.
        can_be_lossless: whether stills and animations may be written without loss all the same.
        alpha: whether it holds transparency.
        alpha_levels: False where a pixel is either transparent or not.
        animated: whether it holds several frames that this server writes.
        frame_limit: whether ``cgif`` acts on sources of it.
        rounded: whether sources of it take ``iradius`` and ``rradius``.
        slow_in_browsers: browsers show frames without a delay as if they had one of 100 ms.
        shown_everywhere: whether every client shows it, without saying so.
        in_browsers: whether today's browsers show it.
        candidate: whether it is tried where the smallest that browsers show is wanted.
        turned: decoders show pixels as they are stored, whether it holds EXIF or not, so that pixels of results are
            turned upright.
        keeps_exif: whether stills hold EXIF; animations are written without.
        keeps_xmp: likewise XMP.
        profile_spaces: the colour spaces, ``RGB`` and ``GRAY``, whose ICC profiles are written, with stills and
            animations.
        tells_exif: whether the operation ``exif`` takes it.
        drafts: whether it may be decoded at a reduced size.
        default_quality: the quality where neither request nor source have one.
        points: encoder setting by quality, 1-100, linear between the points.
        calibration_step: settings between two that ``tools/calibrate/quality.py`` measures; 0 where the encoder takes
            qualities as they are.
        max_side: longest side in pixels that is written; None for that of the settings.
        decoder_bytes: bytes per pixel that the decoder takes at its peak, the image in Pillow's form included.
        encoder_bytes: bytes per pixel that the encoder of stills takes besides the image.
        animation_bytes: bytes per pixel of a frame that the encoder of animations takes.
        effort_bytes: bytes per pixel that a high effort takes besides the image, where that is more.
        searched: a high effort is what results without an effort get.
        slim: whether ``imageSlim`` makes it smaller.
        slim_bytes: bytes per pixel that takes besides the file.
        repeats: whether animations keep how often they are shown; else it is endlessly.
        title: how tables of the documentation call it as a source; empty where another's row has it.
        reading: what is read, in words for that table.
        metadata: what of EXIF and XMP is written, in words likewise.
    """

    names: ClassVar[tuple[Name, ...]]
    pillow: ClassVar[str]
    library: ClassVar[str] = ""
    extra: ClassVar[Extra | None] = None
    signatures: ClassVar[tuple[bytes, ...]] = ()
    lossy: ClassVar[bool] = False
    can_be_lossless: ClassVar[bool] = False
    alpha: ClassVar[bool] = True
    alpha_levels: ClassVar[bool] = True
    animated: ClassVar[bool] = False
    frame_limit: ClassVar[bool] = False
    rounded: ClassVar[bool] = True
    slow_in_browsers: ClassVar[bool] = False
    shown_everywhere: ClassVar[bool] = False
    in_browsers: ClassVar[bool] = False
    candidate: ClassVar[bool] = False
    turned: ClassVar[bool] = False
    keeps_exif: ClassVar[bool] = False
    keeps_xmp: ClassVar[bool] = False
    profile_spaces: ClassVar[frozenset[str]] = frozenset()
    tells_exif: ClassVar[bool] = False
    drafts: ClassVar[bool] = False
    default_quality: ClassVar[int] = 100
    points: ClassVar[Sequence[tuple[int, int]]] = ((1, 1), (100, 100))
    calibration_step: ClassVar[int] = 0
    max_side: ClassVar[int | None] = None
    decoder_bytes: ClassVar[int] = 64
    encoder_bytes: ClassVar[int] = 64
    animation_bytes: ClassVar[int] = 64
    effort_bytes: ClassVar[int] = 0
    searched: ClassVar[bool] = False
    slim: ClassVar[bool] = False
    slim_bytes: ClassVar[int] = 64
    repeats: ClassVar[bool] = True
    title: ClassVar[str] = ""
    reading: ClassVar[str] = ""
    metadata: ClassVar[str] = "–"

    @property
    def name(self) -> str:
        """As ``imageInfo`` says it."""
        return self.names[0].name

    @property
    def content_type(self) -> str:
        """Media type."""
        return self.names[0].content_type

    # Reading

    def matches(self, header: bytes) -> bool:
        """Whether a file that begins so is of this format."""
        return header.startswith(self.signatures)

    def variant(self, stream: BinaryIO) -> str:
        """The name of the format that a file is of which ``matches``, where only all of it tells."""
        return self.name

    def check_readable(self) -> None:
        """Raises ``NotSupported`` where the codec is not installed."""
        if self.extra is not None:
            self.extra.module()

    def check_file(self, stream: BinaryIO) -> None:  # noqa: B027
        """Refuse, in words, a damaged file that the reader would take in part, or one that was made to cost."""

    def declared_size(self, stream: BinaryIO) -> Size | None:
        """Width and height by the header alone, where the plugin allocates or decodes when it opens; else None.

        Raises:
            ValueError: the header is damaged.
        """
        return None

    def layout(self, stream: BinaryIO, max_frames: int) -> Layout | None:
        """Canvas and frames, counted up to ``max_frames``, where only the blocks tell; None: as ``open`` says."""
        return None

    def source_side(self, settings: ImageSettings) -> int:
        """The longest side of a source, in pixels."""
        return settings.max_side

    @abstractmethod
    def open(self, stream: BinaryIO) -> Opened:
        """Open what was sniffed; no pixel is decoded yet.

        Raises:
            InvalidImageFormat: a kind that is not read, or damage, in words.
            Exception: whatever else the reader raises over damage.
        """

    def damage(self, data: bytes) -> str:
        """What is wrong with a file that Pillow does not open, where it does not say so itself; or empty."""
        return ""

    def frame_count(self, opened: Opened) -> int:
        """Frames of an animation; pages and further images are none."""
        return int(getattr(opened.image, "n_frames", 1)) if self.animated else 1

    def further(self, opened: Opened) -> Loss | None:
        """What a file holds besides its image or animation, and no result does."""
        return None

    def quality(self, image: Image.Image, stream: BinaryIO, frames: int) -> int | None:
        """The quality on libjpeg's scale, 1-100; None for lossless images and where it cannot be told.

        Args:
            image: Pillow's view of the file, not yet decoded.
            stream: the file, wherever it stands.
            frames: how many it has.
        """
        return None

    def half_chroma(self, image: Image.Image) -> bool:
        """Whether colour is stored at half the resolution, where an encoder here has use for it."""
        return False

    def bit_depth(self, opened: Opened, stream: BinaryIO) -> int | None:
        """Bits per sample, where the header tells."""
        return None

    def loop_count(self, loop: object) -> int:
        """How often an animation is shown, 0 for endlessly, by what Pillow calls ``loop``."""
        return loop if isinstance(loop, int) else 0

    def loaded(self, opened: Opened) -> Image.Image:
        """The decoded image, as it is to be converted to sRGB."""
        return opened.image

    def reader(self, opened: Opened, eighths: int) -> Reader | None:
        """How the native module decodes it; None: Pillow does.

        Args:
            opened: a still in a mode that ``Reader`` has.
            eighths: of the size, 8, 4, 2 or 1; less than 8 where ``drafts``.
        """
        return None

    def composed(self, opened: Opened, to_srgb: ToSrgb) -> Iterator[Frame] | None:
        """The frames, where Pillow composes them in ways of its own; else None."""
        return None

    def rewind(self, image: Image.Image) -> None:
        """Make the first frame the one that is loaded."""
        if image.tell():
            image.seek(0)

    def mended(self, data: bytes) -> Image.Image | None:
        """The image again, not yet decoded, where decoding failed over what can be mended; else None."""
        return None

    # Writing

    def check_writable(self) -> None:
        """Raises ``NotSupported`` where the encoder is not installed."""
        if self.extra is not None:
            self.extra.module()

    def side_limit(self, settings: ImageSettings) -> int:
        """The longest side of a result, in pixels."""
        return self.max_side or settings.max_side

    def effort_memory(self, pixels: int, effort: int | None) -> int:
        """Bytes that an effort (0 to 9, or None) takes besides the image, where that is more than ``encoder_bytes``."""
        return 0 if effort is None and not self.searched else pixels * self.effort_bytes

    def check_size(self, size: Size, settings: ImageSettings) -> None:
        """Refuse a size that the format cannot hold.

        Raises:
            ImageResolutionExceed: naming the format and its limit.
        """
        limit = self.side_limit(settings)
        if max(size) > limit:
            raise self.too_large(size, f"a side is at most {limit}")

    def too_large(self, size: Size, limit: str) -> Exception:
        """The error about a size, with a limit in words."""
        return output_resolution(f"a {self.name} of {size[0]}x{size[1]} pixels cannot be written; {limit}")

    def setting(self, quality: int) -> int:
        """The setting of the encoder for a quality of 1-100."""
        return setting_of(self.points, quality)

    def holdable(self, metadata: Metadata) -> Metadata:
        """What of a source's metadata a file has room for."""
        return metadata

    def tells_orientation(self, metadata: Metadata) -> bool:
        """Whether a still with this metadata says that it is to be turned."""
        return self.keeps_exif and orientation(metadata.exif) > 1

    @abstractmethod
    def encode(self, image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
        """The bytes of a still; mode L, LA, RGB or RGBA, sRGB or in the space of the options' profile.

        Alpha goes on white where there is none.
        """

    def encode_animation(
        self, frames: Frames, count: int, loop_count: int, options: EncodeOptions, settings: ImageSettings
    ) -> bytes:
        """The bytes of an animation; arguments as of ``animate.encode_animation``."""
        raise NotImplementedError

    def written_frames(self, data: bytes) -> int | None:
        """How many frames an animation has that was written; None: as Pillow counts."""
        return None

    def slimmed(self, opened: Opened, data: bytes, wanted: Slim) -> bytes | None:
        """The file in as few bytes as look the same, in its own format; None where none are fewer.

        Args:
            opened: the file, of which no pixel is decoded yet.
            data: the file.
            wanted: what to keep.

        Raises:
            PixelsError: it cannot be done with this file.
            Exception: whatever else a reader raises over damage.
        """
        return None

    def within(
        self, limit: int, image: Image.Image, options: EncodeOptions, settings: ImageSettings
    ) -> tuple[bytes, int] | None:
        """The best file of at most ``limit`` bytes and its quality, where the codec searches itself; else None."""
        return None


@dataclass(frozen=True, slots=True)
class Target:
    """A name that ``format/<name>`` takes, with its format."""

    name: str
    container: Format
    content_type: str
    suffixes: tuple[str, ...]
    optimise: bool = False


@dataclass(frozen=True, slots=True)
class Slim:
    """What a slimmed file keeps besides its pixels.

    Attributes:
        metadata: EXIF and XMP.
        profile: the ICC profile; empty where there is none or it means sRGB.
        quality: as ``Format.quality`` estimates it.
    """

    metadata: Metadata = NO_METADATA
    profile: bytes = field(default=b"", repr=False)
    quality: int | None = None


@dataclass(frozen=True, slots=True)
class EncodeOptions:
    """How to write.

    Attributes:
        target: the format.
        quality: 1-100 on libjpeg's scale; without effect on lossless formats.
        progressive: JPEG in several scans.
        baseline: JPEG in one scan, whatever that costs.
        effort: 0-9, how long the encoder may take; None: what the format usually takes.
        lossless: without any loss, where the format ``can_be_lossless``.
        half_chroma: the source's colour had half the resolution, so more is not worth writing.
        metadata: what to embed where the format holds it.
        profile: the ICC profile of the pixels, to embed; empty for sRGB. Its space is one of ``profile_spaces``.
    """

    target: Target
    quality: int
    progressive: bool = False
    baseline: bool = False
    effort: int | None = None
    lossless: bool = False
    half_chroma: bool = False
    metadata: Metadata = NO_METADATA
    profile: bytes = field(default=b"", repr=False)
