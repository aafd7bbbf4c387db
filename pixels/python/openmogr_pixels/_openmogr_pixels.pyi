from collections.abc import Sequence
from pathlib import Path
from typing import Literal, final

from typing_extensions import Buffer

__all__ = [
    "ArgumentError",
    "DamagedError",
    "JpegHeader",
    "JpegReport",
    "LimitError",
    "Picture",
    "PixelsError",
    "PngMetadata",
    "UnsupportedError",
    "__version__",
    "confine",
    "confinement",
    "decode_jpeg",
    "decode_png",
    "encode_gif_samples",
    "encode_jpeg",
    "encode_png",
    "has_jpeg_simd",
    "optimise_png",
    "read_jpeg_header",
    "recode_jpeg",
]

__version__: str

class PixelsError(ValueError): ...
class DamagedError(PixelsError): ...
class UnsupportedError(PixelsError): ...
class LimitError(PixelsError): ...
class ArgumentError(PixelsError): ...

@final
class Picture:
    def __new__(cls, mode: str, width: int, height: int, data: Buffer) -> Picture: ...
    @property
    def mode(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def size(self) -> tuple[int, int]: ...
    @property
    def data(self) -> bytes: ...
    def resize(
        self,
        width: int,
        height: int,
        *,
        filter: Literal["box", "bilinear", "bicubic", "lanczos"] = "lanczos",
        box: tuple[float, float, float, float] | None = None,
    ) -> Picture: ...
    def crop(self, left: int, top: int, right: int, bottom: int) -> Picture: ...
    def flatten(self, color: Sequence[int] | None = None) -> Picture: ...
    def quantise(self, colors: int = 256, *, dithering: float = 1.0) -> Picture: ...
    def score(self, other: Picture, *, max_pixels: int = ...) -> float: ...

@final
class JpegHeader:
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def components(self) -> list[tuple[int, int]]: ...
    @property
    def mode(self) -> str | None: ...
    @property
    def sampling(self) -> str | None: ...
    @property
    def precision(self) -> int: ...
    @property
    def progressive(self) -> bool: ...
    @property
    def arithmetic(self) -> bool: ...
    @property
    def lossless(self) -> bool: ...
    @property
    def scans(self) -> int: ...

@final
class JpegReport:
    @property
    def warnings(self) -> list[str]: ...
    @property
    def warning_count(self) -> int: ...
    @property
    def missing_end(self) -> bool: ...
    @property
    def truncated(self) -> bool: ...

@final
class PngMetadata:
    @property
    def icc(self) -> bytes: ...
    @property
    def exif(self) -> bytes: ...
    @property
    def xmp(self) -> bytes: ...

def read_jpeg_header(data: Buffer, *, max_scans: int = 1000) -> JpegHeader: ...
def decode_jpeg(
    data: Buffer,
    *,
    scale: int = 8,
    box: tuple[int, int, int, int] | None = None,
    max_scans: int = 1000,
    max_bytes: int = ...,
) -> tuple[Picture, JpegReport]: ...
def encode_jpeg(
    picture: Picture,
    *,
    quality: int = 75,
    sampling: Literal["4:4:4", "4:2:2", "4:2:0"] = "4:2:0",
    progressive: bool = False,
    optimize: bool = False,
    dpi: tuple[int, int] | None = None,
    exif: Buffer | None = None,
    xmp: Buffer | None = None,
    icc: Buffer | None = None,
    max_bytes: int = ...,
) -> bytes: ...
def recode_jpeg(
    data: Buffer,
    *,
    quality: int | None = None,
    thorough: bool = True,
    exif: Buffer | None = None,
    xmp: Buffer | None = None,
    icc: Buffer | None = None,
    max_scans: int = 1000,
    max_bytes: int = ...,
) -> bytes: ...
def has_jpeg_simd() -> bool: ...
def encode_gif_samples(
    samples: Buffer, colors: Buffer, *, transparent: int | None = None, tolerance: int = 0
) -> tuple[bytes, bytes]: ...
def decode_png(data: Buffer, *, max_bytes: int = ...) -> tuple[Picture, PngMetadata]: ...
def encode_png(
    picture: Picture,
    *,
    level: int = 6,
    filter: Literal["none", "up", "paeth", "adaptive"] = "adaptive",
    palette: bool = True,
    reduce: bool = False,
    effort: int | None = None,
    icc: Buffer | None = None,
    exif: Buffer | None = None,
    xmp: str = "",
) -> bytes: ...
def optimise_png(data: Buffer, *, effort: int = 2, max_bytes: int = ...) -> bytes: ...
def confine(readable: list[Path]) -> None: ...
def confinement() -> str: ...
