"""Estimates of the quality of AVIF and HEIF sources from their headers."""

from __future__ import annotations

import io
import random
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from openmogr.image import Processor, Source
from openmogr.image.formats.calibration import CALIBRATION
from openmogr.image.formats.iso.av1 import quantiser_index
from openmogr.image.formats.iso.hevc import slice_qp
from openmogr.image.formats.iso.isomedia import CodedPicture, primary_picture
from openmogr.image.formats.quantisers import QUANTISERS
from openmogr.image.formats.registry import CONTAINERS
from openmogr.image.quality.scale import quality_of_quantiser, setting_of

from .conftest import Run, encoded, photo

QUALITIES = (10, 20, 35, 50, 60, 75, 90, 97)


@pytest.fixture(scope="module")
def heif() -> None:
    pytest.importorskip("pillow_heif", reason="the extra [heif] is not installed").register_heif_opener()


@pytest.fixture(scope="module")
def crops(shared: Path) -> list[Image.Image]:
    """Parts of photos, busy and calm."""
    folder = shared / "corpus" / "photos"
    return [
        Image.open(folder / f"kodim{n}.png").convert("RGB").crop((200, 100, 440, 300)) for n in ("02", "13")
    ]


def estimate(data: bytes, name: str, *, frames: int = 1) -> int | None:
    return CONTAINERS[name].quality(Image.new("L", (1, 1)), io.BytesIO(data), frames)


def _quality(name: str, quantiser: int) -> int:
    return quality_of_quantiser(QUANTISERS[name], CALIBRATION[name], quantiser)


@pytest.mark.parametrize("quality", QUALITIES)
def test_avif(quality: int, crops: list[Image.Image], processor: Processor) -> None:
    setting = setting_of(CALIBRATION["avif untuned"], quality)
    for options in ({}, {"subsampling": "4:4:4"}, {"subsampling": "4:0:0"}, {"tile_rows": 1, "tile_cols": 1}):
        for picture in crops:
            data = encoded(picture, "AVIF", quality=setting, speed=8, **options)
            assert abs(processor.image_info(Source(data=data)).quality - quality) <= 4
    transparent = crops[0].copy()
    transparent.putalpha(128)
    found = estimate(encoded(transparent, "AVIF", quality=setting, speed=8), "avif")
    assert found is not None
    assert abs(found - quality) <= 4


@pytest.mark.usefixtures("tuned")
@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("effort", ["", "/effort/2", "/effort/4"])
def test_avif_of_the_server(quality: int, effort: str, crops: list[Image.Image], run: Run) -> None:
    for picture in crops:
        data = run(f"imageMogr2/format/avif/quality/{quality}{effort}", picture).data
        found = estimate(data, "avif")
        assert found is not None
        assert abs(found - quality) <= 4


@pytest.mark.usefixtures("heif")
@pytest.mark.parametrize("quality", QUALITIES)
def test_heif(quality: int, crops: list[Image.Image], processor: Processor) -> None:
    setting = CONTAINERS["heif"].setting(quality)
    transparent = crops[0].copy()
    transparent.putalpha(128)
    for picture in (*crops, transparent, crops[0].convert("L")):
        data = encoded(picture, "HEIF", quality=setting)
        assert abs(processor.image_info(Source(data=data)).quality - quality) <= 4
    for chroma in (422, 444):
        found = estimate(encoded(crops[0], "HEIF", quality=setting, chroma=chroma), "heif")
        assert found is not None
        assert abs(found - quality) <= 4


def test_avif_sequences_have_none(crops: list[Image.Image], processor: Processor) -> None:
    data = encoded(crops[0], "AVIF", quality=50, save_all=True, append_images=crops[1:], duration=100)
    assert processor.image_info(Source(data=data)).quality == 100
    assert estimate(data, "avif", frames=2) is None


@pytest.mark.usefixtures("heif")
def test_lossless_pictures_have_none() -> None:
    assert estimate(encoded(photo(), "AVIF", quality=100, subsampling="4:4:4"), "avif") is None
    assert estimate(encoded(photo(), "HEIF", quality=-1), "heif") is None


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        # A camera's HEIC, a grid of tiles; small files of other writers; one by libaom at its QP 10 of 63.
        ("pug.heic", 80, 100),
        ("empty_icc.heic", 40, 80),
        ("alpha.heic", 20, 95),
        ("sdr_cosmos12920_cicp1-13-6_yuv444_full_qp10.avif", 80, 95),
    ],
)
def test_pictures_in_the_wild(name: str, low: int, high: int, inputs: Path) -> None:
    found = estimate((inputs / name).read_bytes(), "avif" if name.endswith("avif") else "heif")
    assert found is not None
    assert low <= found <= high


def test_quantisers_beyond_the_table_count_as_its_ends() -> None:
    assert _quality("heif", -20) == 100
    assert _quality("heif", 51) <= 5
    for kind in ("avif", "avif untuned"):
        assert _quality(kind, 1) >= 95
        assert _quality(kind, 255) <= 6
    for kind, greatest in (("heif", 51), ("avif", 255), ("avif untuned", 255)):
        falling = [_quality(kind, quantiser) for quantiser in range(greatest + 1)]
        assert falling == sorted(falling, reverse=True)


@pytest.mark.usefixtures("heif")
@pytest.mark.parametrize("form", ["avif", "heif"])
def test_damaged_files_have_no_estimate_and_no_exception(form: str) -> None:
    whole = encoded(photo(), form.upper(), quality=50)
    wanted = estimate(whole, form)
    assert wanted is not None
    for length in range(0, len(whole), 7):
        assert estimate(whole[:length], form) in {None, wanted}
    rng = random.Random(7)
    for _ in range(1500):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            damaged[rng.randrange(min(len(damaged), 800))] = rng.choice((0, 255, rng.randrange(256)))
        found = estimate(bytes(damaged), form)
        assert found is None or 1 <= found <= 100


@settings(max_examples=300, deadline=None)
@given(configuration=st.binary(max_size=80), data=st.binary(max_size=80))
def test_arbitrary_headers_end_in_a_number_none_or_a_known_error(configuration: bytes, data: bytes) -> None:
    for kind, read, greatest in ((b"av01", quantiser_index, 255), (b"hvc1", slice_qp, 51)):
        try:
            found = read(CodedPicture(kind, configuration, data))
        except (EOFError, ValueError, LookupError):
            continue
        assert found is None or found <= greatest


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200))
def test_arbitrary_boxes_end_in_a_picture_none_or_a_known_error(data: bytes) -> None:
    box = (len(data) + 12).to_bytes(4, "big") + b"meta" + bytes(4) + data
    with suppress(EOFError, ValueError):
        primary_picture(io.BytesIO(box))


@pytest.mark.usefixtures("heif")
@pytest.mark.parametrize("form", ["avif", "heif"])
def test_a_poor_source_does_not_grow_to_the_default(form: str, crops: list[Image.Image], run: Run) -> None:
    pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
    source = encoded(crops[1], form.upper(), quality=CONTAINERS[form].setting(20))
    kept = run("imageMogr2/format/tpg", source)
    assert abs(kept.quality - 20) <= 4
    better = run(f"imageMogr2/format/tpg/quality/{CONTAINERS['tpg'].default_quality}!", source)
    assert len(kept.data) < 0.7 * len(better.data)
    # The minimum rule knows the source's quality, too.
    assert run("imageMogr2/format/tpg/quality/70", source).data == kept.data
    lossless = encoded(crops[1], form.upper(), **({"quality": -1} if form == "heif" else {"quality": 100}))
    assert run("imageMogr2/format/webp", lossless).quality == CONTAINERS["webp"].default_quality
