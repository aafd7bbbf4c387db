"""TPG in Pillow."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING

from PIL import Image, ImageFile

from pillow_tpg import _pillow_tpg as native
from pillow_tpg.animation import encode_animated_image
from pillow_tpg.encode import encode
from pillow_tpg.sequence import DEFAULT_DURATION, TimedFrames
from pillow_tpg.settings import ANIMATION_OPTIONS, STILL_OPTIONS

if TYPE_CHECKING:
    from PIL._imaging import PixelAccess

__all__ = ["TpgImageFile", "TransparencyWarning", "register_tpg_opener"]

_MAGIC = b"TPG AVS2B"
_EXIF_PREFIX = b"Exif\0\0"
_TIFF_MAGIC = (b"II*\0", b"MM\0*")
_MILLISECONDS = 10
# Delays below 2 are shown for 100 ms by Tencent's sample code, as browsers do with GIF.
_SHORTEST_DELAY = 2


class TransparencyWarning(UserWarning):
    """Transparent frames of an animation were composed on white, and nobody had asked for it."""


class _Options:
    """Choices of :func:`register_tpg_opener`."""

    limits: native.Limits | None = None
    threads: int = 1


class TpgImageFile(ImageFile.ImageFile):
    """A TPG file opened by ``Image.open``.

    ``info`` has ``exif`` (bytes, with the ``Exif`` prefix), and for animations ``duration`` and
    ``timestamp`` of the current frame in milliseconds and ``loop`` 0, as TPG has no loop count. Frames are
    decoded one by one as they are asked for; going back starts anew. Of a damaged animation the whole frames
    are there.

    A file that is cut short is an OSError, which says what is missing, unless ``PIL.ImageFile.LOAD_TRUNCATED_IMAGES``
    is set. With it a still, or an animation that has not even one whole frame, has the rows that could be decoded,
    and is grey and opaque below; so is a still whose data are damaged. Rows come 16 to 64 at a time, as the
    picture is coded, and those that are there are the ones of the whole file. The header, of some 25 bytes, has to
    be there.
    """

    format = "TPG"
    format_description = "Tiny Portable Graphics"

    n_frames = 1
    is_animated = False
    _decoder: native.Decoder | None = None
    _frame = 0
    _loaded = 0

    def _open(self) -> None:
        assert self.fp is not None
        self._data = self.fp.read()
        try:
            self._info = native.read_info(
                self._data, limits=_Options.limits, cut=ImageFile.LOAD_TRUNCATED_IMAGES
            )
        except native.TpgError as error:
            raise _pillow_error(error) from error
        self._size = (self._info.width, self._info.height)
        self._mode = "RGBA" if self._info.has_alpha else "RGB"
        self.n_frames = self._info.frame_count
        self.is_animated = self.n_frames > 1
        exif = self._info.exif
        if exif is not None and exif.startswith(_TIFF_MAGIC):
            self.info["exif"] = _EXIF_PREFIX + exif
        if self._info.is_animated:
            self.info["loop"] = 0
        self._decoded = self._loaded = -1
        self._show(0)

    def _show(self, frame: int) -> None:
        self._frame = frame
        if self._info.is_animated:
            delays = self._info.delays
            self.info["duration"] = frame_duration(delays[frame])
            self.info["timestamp"] = sum(map(frame_duration, delays[:frame]))

    def seek(self, frame: int) -> None:
        """Goes to frame ``frame``, from 0.

        Raises:
            EOFError: there is no such frame.
        """
        if self._seek_check(frame):
            self._show(frame)

    def tell(self) -> int:
        """Number of the current frame."""
        return self._frame

    def load(self) -> PixelAccess | None:
        """Decodes the current frame.

        Raises:
            OSError: the frame cannot be decoded; the cause is a ``TpgError``.
        """
        if self._loaded != self._frame:
            frame = self._decode(self._frame)
            self.load_prepare()
            self.frombytes(frame.rgba(), "raw", "RGBA" if self.mode == "RGBA" else "RGBX")
            self.readonly = 0
            self._loaded = self._frame
            if not self.is_animated:
                self._decoder = None
                self._data = b""
            # Everything was read when the file was opened.
            if self._exclusive_fp and self.fp is not None:
                self.fp.close()
            self.fp = None
        return super().load()

    def _decode(self, index: int) -> native.Frame:
        try:
            if self._decoder is None or self._decoded >= index:
                self._decoded = -1
                open_data = native.Decoder.cut if ImageFile.LOAD_TRUNCATED_IMAGES else native.Decoder
                self._decoder = open_data(self._data, limits=_Options.limits, threads=_Options.threads)
            for frame in self._decoder:
                self._decoded = frame.index
                if frame.index == index:
                    return frame
        except native.TpgError as error:
            self._decoder = None
            raise _pillow_error(error) from error
        self._decoder = None
        raise OSError(f"TPG frame {index} is missing")


def register_tpg_opener(*, limits: native.Limits | None = None, threads: int = 1) -> None:
    """Lets ``Image.open`` read TPG files, which are recognised by their content, and ``Image.save`` write them.

    ``import pillow_tpg.TpgImagePlugin`` does the same with the options below at their defaults.

    ``save`` takes the options of :func:`pillow_tpg.encode`; EXIF is that of the image unless ``exif`` is given. Pixels
    are converted to sRGB by the image's own ICC profile, since TPG has no place for one. What TPG cannot hold is a
    ValueError: ``lossless``, an ``icc_profile`` that is not the image's own, ``xmp``, and a ``loop`` of animations
    other than 0. Options of other formats are ignored, as everywhere in Pillow.

    Of an animation the current frame is written; with ``save_all=True`` all frames and those of ``append_images`` make
    an animation with the options of :func:`pillow_tpg.encode_animation`. ``duration`` is in milliseconds, a number or
    one for each frame; without it frames keep their own, and frames without any, or with at most 10 ms, are shown for
    100 ms. Transparent frames are composed on white, with a ``TransparencyWarning`` unless ``alpha="white"`` was given;
    ``alpha="keep"`` writes alpha, ``alpha="always"`` that of opaque frames, too.

    Args:
        limits: budgets for every file opened from now on.
        threads: threads to decode or encode one picture with.
    """
    _Options.limits, _Options.threads = limits, threads
    Image.register_open(TpgImageFile.format, TpgImageFile, _accept)
    Image.register_mime(TpgImageFile.format, "image/tpg")
    Image.register_extension(TpgImageFile.format, ".tpg")
    Image.register_save(TpgImageFile.format, _save)
    Image.register_save_all(TpgImageFile.format, _save_all)


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(_MAGIC)


def _save(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    # Pillow hands over all keywords of `save`, and those of other formats are to be ignored.
    given = getattr(image, "encoderinfo", {})
    _refuse_what_tpg_cannot_hold(image, given)
    options = {name: value for name, value in given.items() if name in STILL_OPTIONS}
    options.setdefault("exif", image.info.get("exif"))
    options.setdefault("threads", _Options.threads)
    file.write(encode(image, **options))


def _refuse_what_tpg_cannot_hold(image: Image.Image, given: Mapping[str, object]) -> None:
    """Raises ValueError for keywords of ``save`` that ask for more than there is, instead of passing them over."""
    if given.get("lossless"):
        raise ValueError("lossless was asked for, but TPG is lossy; quality=100 comes nearest")
    profile = given.get("icc_profile")
    if profile and profile != image.info.get("icc_profile"):
        raise ValueError(
            "icc_profile is not the image's own, and TPG has no place for one: pixels are stored as sRGB"
        )
    if given.get("xmp"):
        raise ValueError("xmp was given, but TPG has no place for XMP; EXIF it has")


def _save_all(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    given = getattr(image, "encoderinfo", {})
    _refuse_what_tpg_cannot_hold(image, given)
    if given.get("loop"):
        raise ValueError(
            f"loop is {given['loop']}, but TPG has no loop count: animations are repeated endlessly"
        )
    options = {name: value for name, value in given.items() if name in ANIMATION_OPTIONS}
    options.setdefault("exif", image.info.get("exif"))
    options.setdefault("threads", _Options.threads)
    frames = TimedFrames([image, *given.get("append_images", ())], given.get("duration"))
    encoded = encode_animated_image(frames, frames.delays(), **options)
    if encoded.transparency_dropped and "alpha" not in options:
        message = "transparent frames are composed on white; alpha='keep' writes alpha"
        warnings.warn(message, TransparencyWarning, stacklevel=3)
    file.write(encoded.data)


def frame_duration(delay: int) -> int:
    """Milliseconds of a delay in 1/100 s."""
    return DEFAULT_DURATION if delay < _SHORTEST_DELAY else delay * _MILLISECONDS


def _pillow_error(error: native.TpgError) -> Exception:
    """What Pillow's callers expect: ``SyntaxError`` for other formats, bomb errors for budgets."""
    message = str(error)
    if isinstance(error, native.NotTpgError):
        return SyntaxError(message)
    if isinstance(error, native.LimitError):
        return Image.DecompressionBombError(message)
    return OSError(message)
