from collections.abc import Callable
from typing import Literal, TypeAlias, final

import numpy as np
import numpy.typing as npt
from typing_extensions import Buffer

__all__ = [
    "AnimationEncoder",
    "BufferSizeError",
    "CancelledError",
    "Decoder",
    "Encoded",
    "Encoder",
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
    "TruncatedError",
    "UnsupportedError",
    "__version__",
    "file_type",
    "read_info",
]

# NumPy says that its arrays are buffers only from Python 3.12 on.
_Pixels: TypeAlias = Buffer | npt.NDArray[np.uint8]

__version__: str

class TpgError(ValueError): ...
class NotTpgError(TpgError): ...
class InvalidContainerError(TpgError): ...
class TruncatedError(TpgError): ...
class MissingPictureError(TpgError): ...
class SizeMismatchError(TpgError): ...
class InvalidStreamError(TpgError): ...
class UnsupportedError(TpgError): ...
class LimitError(TpgError): ...
class BufferSizeError(TpgError): ...
class CancelledError(TpgError): ...

@final
class Limits:
    def __new__(
        cls,
        *,
        max_pixels: int | None = None,
        max_frames: int | None = None,
        max_total_pixels: int | None = None,
        max_bytes: int | None = None,
        max_memory: int | None = None,
    ) -> Limits: ...
    @property
    def max_pixels(self) -> int: ...
    @property
    def max_frames(self) -> int: ...
    @property
    def max_total_pixels(self) -> int: ...
    @property
    def max_bytes(self) -> int: ...
    @property
    def max_memory(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Info:
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def mode(self) -> Literal["still", "still+alpha", "animation", "animation+alpha"]: ...
    @property
    def flags(self) -> int: ...
    @property
    def has_alpha(self) -> bool: ...
    @property
    def is_animated(self) -> bool: ...
    @property
    def frame_count(self) -> int: ...
    @property
    def declared_frame_count(self) -> int | None: ...
    @property
    def delays(self) -> list[int]: ...
    @property
    def coded_width(self) -> int | None: ...
    @property
    def coded_height(self) -> int | None: ...
    @property
    def qp(self) -> int | None: ...
    @property
    def exif(self) -> bytes | None: ...
    @property
    def user_data(self) -> list[bytes]: ...
    @property
    def damage(self) -> str | None: ...
    @property
    def trailing_bytes(self) -> int: ...

@final
class Frame:
    @property
    def index(self) -> int: ...
    @property
    def delay(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def has_alpha(self) -> bool: ...
    def plane(self, index: int) -> bytearray: ...
    def yuv420(self) -> bytearray: ...
    def rgb(self) -> bytearray: ...
    def rgba(self) -> bytearray: ...

@final
class Decoder:
    def __new__(
        cls,
        data: bytes,
        *,
        limits: Limits | None = None,
        threads: int = 1,
        simd: str = "auto",
        cancel: Callable[[], bool] | None = None,
    ) -> Decoder: ...
    @property
    def info(self) -> Info | None: ...
    def __iter__(self) -> Decoder: ...
    def __next__(self) -> Frame: ...

@final
class Encoder:
    def __new__(
        cls, pixels: _Pixels, width: int, height: int, channels: int, *, chroma: str = "sharp"
    ) -> Encoder: ...
    @property
    def has_alpha(self) -> bool: ...
    def encode(
        self,
        qp: int,
        *,
        alpha_qp: int,
        effort: int,
        tools: str,
        perceptual: float,
        chroma_qp_delta: tuple[int, int] | None,
        lcu_size: int | None,
        slice_rows: int,
        exif: bytes | None,
        threads: int,
        simd: str,
        progress: Callable[[int, int], object] | None,
        cancel: Callable[[], bool] | None,
    ) -> Encoded: ...

@final
class Encoded:
    @property
    def size(self) -> int: ...
    def file(self) -> bytes: ...
    def plane(self, index: int) -> bytearray: ...
    def rgb(self) -> bytearray: ...

@final
class AnimationEncoder:
    def __new__(
        cls,
        width: int,
        height: int,
        qp: int,
        *,
        alpha_qp: int | None,
        chroma: str,
        effort: int,
        tools: str,
        perceptual: float,
        lcu_size: int | None,
        exif: bytes | None,
        threads: int,
        simd: str,
    ) -> AnimationEncoder: ...
    def push(
        self,
        pixels: _Pixels,
        channels: int,
        delay: int,
        *,
        progress: Callable[[int, int], object] | None,
        cancel: Callable[[], bool] | None,
    ) -> None: ...
    def rgb(self) -> bytearray: ...
    def finish(self, *, cancel: Callable[[], bool] | None) -> bytes: ...

@final
class Ssimulacra2:
    def __new__(cls, pixels: _Pixels, width: int, height: int) -> Ssimulacra2: ...
    def score(self, pixels: _Pixels) -> float: ...

def file_type(data: bytes) -> Literal["tpg", "avs2"] | None: ...
def read_info(data: bytes, *, limits: Limits | None = None) -> Info: ...
