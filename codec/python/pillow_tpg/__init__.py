"""TPG (Tiny Portable Graphics) pictures and animations.

>>> import pillow_tpg
>>> from PIL import Image
>>> pillow_tpg.register_tpg_opener()
>>> Image.open("picture.tpg").save("picture.png")
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
from pillow_tpg.image import Frame, TpgImage, decode, decode_frames, info
from pillow_tpg.metric import Ssimulacra2
from pillow_tpg.plugin import TpgImageFile, register_tpg_opener

__all__ = [
    "BufferSizeError",
    "CancelledError",
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
    "TpgError",
    "TpgImage",
    "TpgImageFile",
    "TruncatedError",
    "UnsupportedError",
    "__version__",
    "decode",
    "decode_frames",
    "file_type",
    "info",
    "register_tpg_opener",
]
