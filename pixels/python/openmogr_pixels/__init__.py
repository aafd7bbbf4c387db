"""JPEG, PNG and scaling on well-kept native libraries, without the interpreter's lock.

Pixels pass from call to call as ``Picture``, whose ``data`` are plain ``bytes``; ``openmogr_pixels.pillow`` goes to
Pillow and back. Bad data and bad arguments raise a ``PixelsError`` that says what is wrong.
"""

from openmogr_pixels._openmogr_pixels import (
    ArgumentError,
    DamagedError,
    JpegHeader,
    JpegReport,
    LimitError,
    Picture,
    PixelsError,
    PngMetadata,
    UnsupportedError,
    __version__,
    confine,
    confinement,
    decode_jpeg,
    decode_png,
    encode_gif_samples,
    encode_jpeg,
    encode_png,
    has_jpeg_simd,
    optimise_png,
    read_jpeg_header,
    recode_jpeg,
)

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
