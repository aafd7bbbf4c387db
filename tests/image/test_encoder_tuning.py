"""What the encoders of HEIF and AVIF are told besides the quality: that it arrives, and what it is good for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from openmogr.image import ImageSettings
from openmogr.image.formats import avif
from openmogr.image.formats.calibration import CALIBRATION
from openmogr.image.formats.drawn import is_drawn
from openmogr.image.formats.encode import EncodeOptions, encode
from openmogr.image.formats.registry import target_for

from .conftest import decoded, encoded, photo
from .test_formats import needs_codec

_ROOT = Path(__file__).resolve().parents[2]
EFFORTS = (None, *range(10))
SETTINGS = ImageSettings()
BLOCK = 16


@pytest.fixture(scope="module")
def heif() -> None:
    pytest.importorskip("pillow_heif", reason="the extra [heif] is not installed").register_heif_opener()


@pytest.fixture(scope="module")
def taken() -> Image.Image:
    """A part of a photograph, with skin, hair and cloth."""
    with Image.open(_ROOT / "src" / "openmogr" / "demo" / "sample.png") as image:
        return image.convert("RGB").crop((400, 256, 656, 448))


@pytest.fixture(scope="module")
def drawing() -> Image.Image:
    """Lines and letters on white."""
    image = Image.new("RGB", (256, 192), "white")
    draw = ImageDraw.Draw(image)
    for row in range(8):
        draw.text((6, 4 + 23 * row), "quiet river 0123 garden window", fill=(20 * row, 0, 90))
        draw.line((0, 20 + 23 * row, 255, 12 + 20 * row), fill=(200, 40, 25 * row))
    return image


def written(form: str, image: Image.Image, quality: int = 50, effort: int | None = None) -> bytes:
    """What the server writes."""
    return encode(image, EncodeOptions(target_for(form), quality, effort=effort), SETTINGS)


def told(parameters: Mapping[str, object]) -> dict[str, str]:
    """Parameters of x265 as pillow-heif takes them."""
    return {f"x265:{name}": str(value) for name, value in {"pools": 1, **parameters}.items()}


def _luma(image: Image.Image | bytes) -> npt.NDArray[np.float64]:
    shown = image if isinstance(image, Image.Image) else decoded(image)
    return np.asarray(shown.convert("L"), np.float64)


def _fine(luma: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Energy of waves of 2 to 8 pixels by block of 16x16."""
    height, width = luma.shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    waves = np.fft.irfft2(np.fft.rfft2(luma) * (frequency > 1 / 8) * (frequency <= 1 / 2), luma.shape) ** 2
    energy: npt.NDArray[np.float64] = waves.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return np.asarray(energy.sum(axis=(1, 3)))


def kept(source: Image.Image, data: bytes) -> float:
    """The share of the source's fine detail that is left, at most all of each block's."""
    before = _fine(_luma(source))
    return float(np.minimum(before, _fine(_luma(data))).sum() / before.sum())


def no_smaller(image: Image.Image, form: str, size: int, **options: object) -> bytes:
    """The coarsest file of an encoder that has at least so many bytes."""
    found = bisect_left(
        range(100), size, key=lambda quality: len(encoded(image, form, quality=quality, **options))
    )
    data = encoded(image, form, quality=found, **options)
    assert len(data) >= size
    return data


@pytest.mark.usefixtures("heif")
def test_heif_keeps_more_detail_of_photographs(taken: Image.Image) -> None:
    ours = written("heif", taken)
    before = no_smaller(taken, "HEIF", len(ours), enc_params=told({"cbqpoffs": -6, "crqpoffs": -6}))
    plain = no_smaller(taken, "HEIF", len(ours))
    assert kept(taken, ours) > kept(taken, before) + 0.01
    assert kept(taken, ours) > kept(taken, plain) + 0.005


@pytest.mark.usefixtures("heif")
def test_heif_is_better_at_drawings(drawing: Image.Image) -> None:
    ours = written("heif", drawing)
    plain = no_smaller(drawing, "HEIF", len(ours))
    errors = [np.square(_luma(data) - _luma(drawing)).mean() for data in (ours, plain)]
    assert errors[0] < 0.8 * errors[1]


@pytest.mark.usefixtures("tuned")
def test_avif_keeps_more_detail_than_the_tuning_alone(taken: Image.Image) -> None:
    ours = written("avif", taken, effort=4)
    before = no_smaller(
        taken, "AVIF", len(ours), speed=6, max_threads=1, advanced={"color:tune": "ssimulacra2"}
    )
    assert kept(taken, ours) > kept(taken, before) + 0.01


def _distinct(form: str, picture: Image.Image) -> int:
    return len({written(form, picture, effort=effort) for effort in range(10)})


@pytest.mark.usefixtures("heif")
def test_every_effort_of_heif_is_another(taken: Image.Image) -> None:
    assert _distinct("heif", taken) == 10
    assert written("heif", taken) == written("heif", taken, effort=6)


@pytest.mark.usefixtures("tuned")
def test_every_effort_of_avif_is_another(taken: Image.Image) -> None:
    assert _distinct("avif", taken) == 10


@pytest.mark.usefixtures("tuned")
def test_small_pictures_as_avif_get_more_time(monkeypatch: pytest.MonkeyPatch, taken: Image.Image) -> None:
    assert written("avif", taken) == written("avif", taken, effort=6)
    monkeypatch.setattr(avif, "SMALL_PIXELS", taken.width * taken.height - 1)
    assert written("avif", taken) == written("avif", taken, effort=4)


@pytest.mark.usefixtures("tuned")
@pytest.mark.parametrize(
    ("kind", "effort", "left_out"),
    [
        ("taken", 4, avif.PHOTO),
        ("drawing", 4, {}),
        ("taken", 3, {**avif.PHOTO, "enable-smooth-intra": "0"}),
        ("drawing", 3, {}),
        ("taken", 5, {}),
    ],
)
def test_photographs_as_avif_are_not_searched_for_what_text_needs(
    kind: str, effort: int, left_out: dict[str, str], request: pytest.FixtureRequest
) -> None:
    picture = request.getfixturevalue(kind)
    target = target_for("avif")
    speed, always = avif.EFFORTS[effort]
    expected = encoded(
        picture,
        "AVIF",
        quality=target.container.setting(75),
        speed=speed,
        max_threads=1,
        advanced=avif.TUNING | always | left_out,
    )
    assert encode(picture, EncodeOptions(target, 75, effort=effort), SETTINGS) == expected


@pytest.mark.usefixtures("tuned")
def test_without_the_tuning_avif_efforts_are_speeds(
    monkeypatch: pytest.MonkeyPatch, taken: Image.Image
) -> None:
    monkeypatch.setattr(avif, "_knows_tuning", lambda: False)
    for effort, speed in ((None, avif.SPEED), (2, 8), (6, 4)):
        options = EncodeOptions(target_for("avif"), 100, effort=effort)
        expected = encoded(taken, "AVIF", quality=99, speed=speed, max_threads=1)
        assert encode(taken, options, SETTINGS) == expected


def test_an_option_that_libaom_does_not_know_is_found_out(
    monkeypatch: pytest.MonkeyPatch, taken: Image.Image
) -> None:
    monkeypatch.setattr(avif, "TUNING", {**avif.TUNING, "color:no-such-option": "1"})
    avif._knows_tuning.cache_clear()
    try:
        assert not avif._knows_tuning()
        assert decoded(written("avif", taken, effort=5)).size == taken.size
    finally:
        avif._knows_tuning.cache_clear()


@pytest.mark.parametrize("kind", ["taken", "drawing"])
@pytest.mark.parametrize("form", ["heif", "avif"])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_every_kind_of_picture_is_written(
    form: str, mode: str, kind: str, request: pytest.FixtureRequest
) -> None:
    needs_codec(form)
    picture = request.getfixturevalue(kind).convert(mode)
    for size in ((1, 1), (15, 33), (200, 3), (65, 64)):
        part = picture.crop((0, 0, *size))
        for effort in EFFORTS:
            data = written(form, part, effort=effort)
            assert decoded(data).size == size
            error = np.abs(_luma(data) - _luma(part)).mean()
            assert error < 20, (size, effort, error)


@pytest.mark.usefixtures("heif")
@pytest.mark.parametrize("effort", EFFORTS)
def test_lossless_heif_at_every_effort(effort: int | None, taken: Image.Image, drawing: Image.Image) -> None:
    for picture in (taken, drawing, taken.crop((0, 0, 15, 33)), taken.crop((0, 0, 1, 1))):
        options = EncodeOptions(target_for("heif"), 50, effort=effort, lossless=True)
        shown = decoded(encode(picture, options, SETTINGS)).convert("RGB")
        assert np.array_equal(np.asarray(shown), np.asarray(picture))


def test_what_is_drawn(taken: Image.Image, drawing: Image.Image) -> None:
    assert not is_drawn(taken)
    assert not is_drawn(taken.convert("L"))
    assert is_drawn(drawing)
    assert is_drawn(drawing.convert("L"))
    # More than one band, of which one alone would be drawn.
    both = Image.new("RGB", (256, 192 * 5))
    for row, part in enumerate((drawing, taken, taken, taken, taken)):
        both.paste(part, (0, 192 * row))
    assert not is_drawn(both)
    assert not is_drawn(Image.effect_noise((300, 1), 40))
    for size in ((1, 1), (1, 600), (600, 1)):
        assert not is_drawn(Image.new("RGB", size))
    assert is_drawn(Image.new("RGB", (2, 2)))


def test_what_is_not_seen_does_not_make_a_picture_drawn(taken: Image.Image) -> None:
    cut = Image.new("RGBA", (512, 512))
    assert not is_drawn(cut)
    cut.paste(taken, (128, 160))
    assert not is_drawn(cut)
    assert is_drawn(cut.convert("RGB"))
    cut.putalpha(255)
    assert is_drawn(cut)


def test_calibrated_settings_are_those_of_photographs() -> None:
    """The photos that qualities are measured on are no drawings, and are not small."""
    assert avif.SMALL_PIXELS < 768 * 512
    assert not is_drawn(photo(768, 512))
    assert CALIBRATION["avif"] != CALIBRATION["avif untuned"]
