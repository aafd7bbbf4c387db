"""Pictures and helpers for the tests of image processing."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from openmogr.image import ImageSettings, Processor, Result, Source, parse_operation
from openmogr.image.formats import avif

# Pillow warns about broken metadata; the server runs on, so the tests of hostile files must too.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

Pixels = npt.NDArray[np.uint8]
Run = Callable[[str, Image.Image | bytes | Path], Result]


@pytest.fixture(scope="session")
def inputs(shared: Path) -> Path:
    """The folder of pictures as they come in the wild."""
    return shared / "corpus" / "inputs"


@pytest.fixture(scope="session")
def tuned() -> None:
    """Skips the test where AVIF is written without its tuning."""
    if not avif._knows_tuning():
        pytest.skip("libaom is older than 3.13")


@pytest.fixture(scope="session")
def processor() -> Processor:
    return Processor(ImageSettings())


@pytest.fixture(scope="session")
def run(processor: Processor) -> Run:
    """Execute an operation over a picture (stored as PNG), over bytes or over a file."""

    def execute(operation: str, source: Image.Image | bytes | Path) -> Result:
        if isinstance(source, Image.Image):
            source = encoded(source, "PNG")
        origin = Source(data=source) if isinstance(source, bytes) else Source(path=source)
        return processor.execute(parse_operation(operation), origin)

    return execute


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    """A file of a picture."""
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def decoded(result: Result | bytes) -> Image.Image:
    """The picture of a result."""
    image = Image.open(io.BytesIO(result if isinstance(result, bytes) else result.data))
    image.load()
    return image


def pixels(image: Image.Image, mode: str = "RGB") -> Pixels:
    """Samples, height x width x channels."""
    return np.asarray(image.convert(mode))


def on_white(image: Image.Image) -> Pixels:
    """What is seen: samples over white, without the colour of invisible pixels."""
    canvas = Image.new("RGBA", image.size, "white")
    canvas.alpha_composite(image.convert("RGBA"))
    return pixels(canvas)


def photo(width: int = 160, height: int = 120, mode: str = "RGB") -> Image.Image:
    """A smooth picture with some detail, the same at every run; alpha, if any, falls from left to right."""
    x = np.linspace(0, 1, width)[None, :]
    y = np.linspace(0, 1, height)[:, None]
    red = 255 * (0.5 + 0.5 * np.sin(7 * x + 3 * y))
    green = 255 * (0.5 + 0.5 * np.cos(5 * y - 2 * x))
    blue = 255 * np.broadcast_to(x * 0.7 + 0.1, (height, width))
    samples = np.stack([np.broadcast_to(c, (height, width)) for c in (red, green, blue)], axis=-1)
    image = Image.fromarray(samples.round().astype(np.uint8))
    if mode.endswith("A"):
        alpha = np.broadcast_to(np.linspace(255, 0, width)[None, :], (height, width)).round().astype(np.uint8)
        image.putalpha(Image.fromarray(alpha))
    return image.convert(mode)


def psnr(first: Pixels, second: Pixels) -> float:
    """Peak signal to noise ratio in dB; infinite for equal pictures."""
    assert first.shape == second.shape
    error = float(np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2))
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))
