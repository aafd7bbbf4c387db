"""TPG (Tiny Portable Graphics) pictures and animations.

Quality is 1 to 100, 75 by default (``DEFAULT_QUALITY``), and means what libjpeg-turbo's does.

Examples:
    >>> import pillow_tpg
    >>> from PIL import Image
    >>> pillow_tpg.register_tpg_opener()
    >>> Image.open("picture.tpg").save("picture.png")
    >>> Image.open("picture.png").save("picture.tpg", quality=80)
    >>> data = pillow_tpg.encode(Image.open("picture.png"), target_size=100_000)
"""

from pillow_tpg._pillow_tpg import (
    BufferSizeError,
    CancelledError,
    Info,
    InvalidContainerError,
    InvalidStreamError,
    LimitError,
    Limits,
    MissingPictureError,
    NotTpgError,
    SizeMismatchError,
    TpgError,
    TruncatedError,
    UnsupportedError,
    __version__,
    file_type,
)
from pillow_tpg.animation import EncodedAnimation, encode_animated_image, encode_animation
from pillow_tpg.encode import EncodedImage, TargetError, encode, encode_image
from pillow_tpg.image import Frame, TpgImage, decode, decode_frames, info
from pillow_tpg.metric import Ssimulacra2
from pillow_tpg.plugin import TpgImageFile, TransparencyWarning, register_tpg_opener
from pillow_tpg.quality import DEFAULT_QUALITY, qp_for_quality, quality_for_qp

__all__ = [
    "DEFAULT_QUALITY",
    "BufferSizeError",
    "CancelledError",
    "EncodedAnimation",
    "EncodedImage",
    "Frame",
    "Info",
    "InvalidContainerError",
    "InvalidStreamError",
    "LimitError",
    "Limits",
    "MissingPictureError",
    "NotTpgError",
    "SizeMismatchError",
    "Ssimulacra2",
    "TargetError",
    "TpgError",
    "TpgImage",
    "TpgImageFile",
    "TransparencyWarning",
    "TruncatedError",
    "UnsupportedError",
    "__version__",
    "decode",
    "decode_frames",
    "encode",
    "encode_animated_image",
    "encode_animation",
    "encode_image",
    "file_type",
    "info",
    "qp_for_quality",
    "quality_for_qp",
    "register_tpg_opener",
]
