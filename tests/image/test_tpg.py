"""Pictures of every kind to TPG, by the real codec."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openmogr.image import Processor, Source

from .conftest import Run, decoded, encoded, on_white, photo

pillow_tpg = pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")


def _error(run: Run, operation: str, source: bytes, reference: Image.Image) -> float:
    """Mean absolute difference of the result to a picture, in steps of 255."""
    shown = decoded(run(operation, source)).convert("RGB")
    assert shown.size == reference.size
    difference = np.asarray(shown, np.int16) - np.asarray(reference.convert("RGB"), np.int16)
    return float(np.abs(difference).mean())


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_every_source_becomes_tpg(form: str, run: Run) -> None:
    if form == "HEIF":
        pytest.importorskip("pillow_heif", reason="the extra [heif] is not installed").register_heif_opener()
    picture = photo()
    source = encoded(picture, form)
    result = run("imageMogr2/format/tpg/quality/90", source)
    assert (result.format, result.content_type, result.frame_count) == ("tpg", "image/tpg", 1)
    assert result.data.startswith(b"TPG AVS2B")
    info = pillow_tpg.info(result.data)
    assert (info.width, info.height) == picture.size == (result.width, result.height)
    with Image.open(io.BytesIO(source)) as shown:
        assert _error(run, "imageMogr2/format/tpg/quality/90", source, shown) < 4.0


def test_tpg_to_tpg_and_back(run: Run) -> None:
    picture = photo()
    source = run("imageMogr2/format/tpg/quality/95", picture).data
    again = run("imageMogr2/thumbnail/!50p/format/tpg", source)
    assert (again.width, again.height) == (80, 60)
    assert _error(run, "imageMogr2/format/png", source, picture) < 3.0


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_a_source_keeps_its_quality(quality: int, run: Run, processor: Processor) -> None:
    source = run(f"imageMogr2/format/tpg/quality/{quality}", photo())
    assert abs(processor.image_info(Source(data=source.data)).quality - quality) <= 3
    assert abs(run("imageMogr2/format/webp", source.data).quality - quality) <= 3
    again = run("imageMogr2/format/tpg/quality/95", source.data)
    assert len(again.data) <= len(source.data)


def test_alpha_is_kept(run: Run) -> None:
    picture = photo(mode="RGBA")
    result = decoded(run("imageMogr2/format/tpg/quality/95", picture))
    assert result.mode == "RGBA"
    assert np.abs(on_white(result).astype(np.int16) - on_white(picture)).mean() < 4.0


def test_steps_act_before_the_encoder(run: Run) -> None:
    result = run("imageMogr2/thumbnail/80x/rotate/90/format/tpg", photo())
    assert (result.width, result.height) == (60, 80)
    info = pillow_tpg.info(result.data)
    assert (info.width, info.height) == (60, 80)


def test_exif_is_kept_unless_stripped(run: Run) -> None:
    exif = Image.Exif()
    exif[0x010F] = "OpenMogr"
    source = encoded(photo(), "JPEG", exif=exif)
    assert pillow_tpg.info(run("imageMogr2/format/tpg", source).data).exif
    assert not pillow_tpg.info(run("imageMogr2/format/tpg/strip", source).data).exif


@pytest.mark.parametrize("quality", [(30, 60), (60, 90)])
def test_more_quality_costs_more(quality: tuple[int, int], run: Run) -> None:
    low, high = (len(run(f"imageMogr2/format/tpg/quality/{q}", photo()).data) for q in quality)
    assert low < high


def test_a_size_limit_is_kept(run: Run) -> None:
    result = run("imageMogr2/format/tpg/size-limit/1k", photo())
    assert len(result.data) <= 1024


def test_photos_shrink_by_93_percent_and_stay_good(shared: Path, processor: Processor, run: Run) -> None:
    """The bar at the server's default quality, over the photos of the reference data."""
    saved, scores = [], []
    for path in sorted((shared / "corpus" / "photos").glob("*.png")):
        result = run("imageMogr2/format/tpg", path)
        saved.append(1 - len(result.data) / path.stat().st_size)
        with Image.open(path) as source:
            scores.append(pillow_tpg.Ssimulacra2(source).score(decoded(result)))
        assert processor.image_info(Source(data=result.data)).format == "TPG"
    assert sum(saved) / len(saved) >= 0.93
    assert sum(scores) / len(scores) >= 60
