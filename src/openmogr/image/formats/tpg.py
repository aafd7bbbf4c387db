"""TPG, by our own codec in its distribution pillow-tpg."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import BinaryIO

from PIL import Image

from openmogr.image.errors import input_resolution, missing_codec, not_an_image
from openmogr.image.formats.base import EncodeOptions, Format, Frame, Frames, Name, Opened
from openmogr.image.formats.delays import Delays
from openmogr.image.formats.encode import encoding_errors
from openmogr.image.formats.extras import Extra
from openmogr.image.formats.opening import opened_by_pillow
from openmogr.image.formats.sequence import in_one_mode
from openmogr.image.settings import ImageSettings
from openmogr.image.source.colour import has_alpha

__all__ = ["Tpg"]

# The most hundredths of a second the codec takes; it repeats frames above 16 bits.
_MAX_DELAY = 6_553_500

# From this effort on a trial is compared with the source, in tiles of so many pixels, two at a time, whose maps take so
# many bytes per pixel.
_TRIED = 6
_TILES, _MAP_BYTES = 2 * 1024 * 1024, 200

# Where no quality keeps a limit.
_LOWEST_QUALITY, _COARSEST_QP = 1, 63


def _register(module: ModuleType) -> None:
    module.register_tpg_opener()


_EXTRA = Extra(
    name="tpg",
    package="pillow-tpg",
    what="TPG",
    module_name="pillow_tpg",
    register=_register,
    licence="Apache-2.0",
    remark="TPG holds AVS2 video, whose patents a pool licenses.",
)


class Tpg(Format):
    """Stills and animations; the encoder knows the scale of qualities itself."""

    names = (Name("tpg", "image/tpg", (".tpg",)),)
    pillow = "TPG"
    extra = _EXTRA
    signatures = (b"TPG",)
    lossy = True
    animated = True
    repeats = False
    turned = True
    keeps_exif = True
    default_quality = 60
    decoder_bytes = 16
    encoder_bytes = 40
    animation_bytes = 120
    title = "TPG"
    reading = "needs the package `pillow-tpg`"
    metadata = "still only: EXIF; needs the package `pillow-tpg`"

    def check_file(self, stream: BinaryIO) -> None:
        """Refuse chunks that are not what the header announces; Pillow would show the frames before the damage."""
        codec = _EXTRA.module()
        try:
            damage = codec.info(stream.read()).damage
        except codec.LimitError as error:
            raise input_resolution(str(error)) from error
        except codec.TpgError as error:
            damage = str(error)
        if damage is not None:
            raise not_an_image(f"the image is damaged or of an unsupported kind: {damage}")

    def open(self, stream: BinaryIO) -> Opened:
        return opened_by_pillow(self, stream)

    def quality(self, image: Image.Image, stream: BinaryIO, frames: int) -> int | None:
        codec = _EXTRA.module()
        stream.seek(0)
        qp = codec.info(stream.read()).qp
        return None if qp is None else int(codec.quality_for_qp(qp))

    def check_writable(self) -> None:
        _encoder()

    def side_limit(self, settings: ImageSettings) -> int:
        return settings.max_tpg_side

    def effort_memory(self, pixels: int, effort: int | None) -> int:
        if effort is None or effort < _TRIED:
            return 0
        return pixels * self.encoder_bytes + min(pixels, _TILES) * _MAP_BYTES

    def encode(self, image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
        picture, arguments = _arguments(image, options, settings)
        return bytes(_encoder().encode(picture, quality=self.setting(options.quality), **arguments))

    def encode_animation(
        self, frames: Frames, count: int, loop_count: int, options: EncodeOptions, settings: ImageSettings
    ) -> bytes:
        codec = _encoder()
        effort = {} if options.effort is None else {"effort": options.effort}

        def write(taken: Iterator[Frame], mode: str) -> bytes:
            rounded = Delays(_MAX_DELAY)
            delays: list[int] = []

            def images() -> Iterator[Image.Image]:
                for frame in taken:
                    delays.append(rounded.next(frame.duration))
                    yield frame.image

            data: bytes = codec.encode_animation(
                images(),
                # The codec asks for a delay once it has the frame.
                (delays[number] for number in range(count)),
                quality=self.setting(options.quality),
                # Told to find it out, the codec would keep opaque frames in a file, and workers may write none.
                alpha="always" if mode == "RGBA" else "white",
                threads=settings.encoder_threads,
                **effort,
            )
            return data

        return in_one_mode(frames, write)

    def within(
        self, limit: int, image: Image.Image, options: EncodeOptions, settings: ImageSettings
    ) -> tuple[bytes, int] | None:
        """QP by QP, in at most nine encodings and one more if nothing fits."""
        codec = _encoder()
        picture, arguments = _arguments(image, options, settings)
        with encoding_errors(options.target):
            try:
                encoded = codec.encode_image(picture, target_size=limit, **arguments)
            except codec.TargetError:
                return bytes(codec.encode(picture, qp=_COARSEST_QP, **arguments)), _LOWEST_QUALITY
        return bytes(encoded.data), min(codec.quality_for_qp(encoded.qp), options.quality)


def _encoder() -> ModuleType:
    """The codec, if it has an encoder. Raises ``NotSupported``."""
    module = _EXTRA.module()
    if not hasattr(module, "encode"):
        raise missing_codec(
            "TPG pictures can be read but not written: the installed pillow_tpg has no encoder"
        )
    return module


def _arguments(
    image: Image.Image, options: EncodeOptions, settings: ImageSettings
) -> tuple[Image.Image, dict[str, object]]:
    """What the encoder is given besides a quality."""
    arguments: dict[str, object] = {"threads": settings.encoder_threads}
    if options.effort is not None:
        arguments["effort"] = options.effort
    if options.metadata.exif:
        arguments["exif"] = options.metadata.exif
    mode = "RGBA" if has_alpha(image) else "RGB"
    return image if image.mode == mode else image.convert(mode), arguments
