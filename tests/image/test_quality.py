"""Quality numbers: estimates against known encoders, the rules of docs/spec/api/image-mogr2.md#4.8, limits in bytes."""

from __future__ import annotations

import pytest
from PIL.JpegImagePlugin import get_sampling

from openmogr.errors import ImageTooLarge
from openmogr.image import ImageSettings, Processor, Source, parse_operation
from openmogr.image.formats import avif
from openmogr.image.formats.calibration import CALIBRATION
from openmogr.image.formats.registry import CONTAINERS
from openmogr.image.quality.scale import effective_quality, jpeg_quality, setting_of

from .conftest import Run, decoded, encoded, photo


@pytest.mark.parametrize("quality", [1, 5, 10, 25, 40, 49, 50, 51, 60, 75, 80, 85, 90, 95, 98, 100])
def test_jpeg_quality_is_read_from_the_tables(quality: int, processor: Processor) -> None:
    source = Source(data=encoded(photo(), "JPEG", quality=quality))
    assert processor.image_info(source).quality == quality


def test_foreign_tables_get_a_sensible_number() -> None:
    assert jpeg_quality([1] * 64) == 100
    assert jpeg_quality([255] * 64) == 1
    assert 70 < jpeg_quality([8, 6, 5, 8, 12, 20, 26, 31] * 8) < 95


@pytest.mark.parametrize("quality", [20, 50, 75, 90])
def test_webp_quality_is_read_from_the_frame(quality: int, processor: Processor) -> None:
    for options in ({}, {"method": 0}):
        setting = CONTAINERS["webp"].setting(quality)
        source = Source(data=encoded(photo(), "WEBP", quality=setting, **options))
        assert abs(processor.image_info(source).quality - quality) <= 8
    lossless = Source(data=encoded(photo(), "WEBP", lossless=True))
    assert processor.image_info(lossless).quality == 100


@pytest.mark.parametrize(
    ("operation", "source", "expected"),
    [
        ("imageMogr2/quality/95", 90, 90),
        ("imageMogr2/quality/80", 90, 80),
        ("imageMogr2/quality/95!", 90, 95),
        ("imageMogr2/rquality/80", 90, 72),
        ("imageMogr2/rquality/80", 80, 64),
        ("imageMogr2/lquality/95", 90, 95),
        ("imageMogr2/lquality/80", 85, 85),
        ("imageMogr2/lquality/80", 60, 80),
        ("imageMogr2/quality/50/lquality/60", 90, 60),
        ("imageMogr2/strip", 90, 90),
        ("imageMogr2/quality/0", 90, 1),
        ("imageMogr2/quality/60", None, 60),
        ("imageMogr2/rquality/60", None, 60),
        ("imageMogr2/strip", None, 85),
        ("imageMogr2/lquality/95", None, 95),
        ("imageView2/2/q/40", 90, 40),
        ("imageMogr2/format/webp|imageMogr2/quality/80", 90, 80),
    ],
)
def test_effective_quality(operation: str, source: int | None, expected: int) -> None:
    assert (
        effective_quality(parse_operation(operation).encoding, source, CONTAINERS["jpeg"].default_quality)
        == expected
    )


@pytest.mark.parametrize("container", sorted(name for name, format in CONTAINERS.items() if format.lossy))
def test_encoder_settings_rise_with_quality(container: str) -> None:
    settings = [CONTAINERS[container].setting(quality) for quality in range(1, 101)]
    assert settings == sorted(settings)
    assert settings[0] >= 0
    assert settings[-1] <= 100
    assert CONTAINERS[container].default_quality < 100


def test_results_report_the_quality_that_was_used(run: Run, processor: Processor) -> None:
    source = encoded(photo(), "JPEG", quality=90)
    result = run("imageMogr2/rquality/80", source)
    assert result.quality == 72
    assert processor.image_info(Source(data=result.data)).quality == 72
    assert run("imageMogr2/format/png/quality/50", source).quality == 100
    assert run("imageMogr2/format/webp", source).quality == 90
    assert run("imageMogr2/format/webp", photo()).quality == CONTAINERS["webp"].default_quality


@pytest.mark.parametrize("form", ["jpg", "webp", "avif", "heif"])
def test_quality_changes_the_size(form: str, run: Run) -> None:
    if form == "heif":
        pytest.importorskip("pillow_heif", reason="the extra [heif] is not installed")
    sizes = [
        len(run(f"imageMogr2/format/{form}/quality/{quality}", photo(320, 240)).data)
        for quality in (10, 50, 90)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 1.5


def test_full_chroma_is_written_only_where_it_was(run: Run) -> None:
    half = encoded(photo(), "JPEG", quality=95, subsampling="4:2:0")
    full = encoded(photo(), "JPEG", quality=95, subsampling="4:4:4")
    assert get_sampling(decoded(run("imageMogr2/strip", half))) == 2
    assert get_sampling(decoded(run("imageMogr2/strip", full))) == 0


def test_avif_stills_are_tuned_where_libaom_can(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    operation, picture = "imageMogr2/format/avif/quality/50/effort/4", photo()
    setting = CONTAINERS["avif"].setting(50)
    assert run(operation, picture).data == encoded(
        picture, "AVIF", quality=setting, speed=avif.SPEED, max_threads=1, advanced=avif.TUNING | avif.PHOTO
    )
    frames = {"save_all": True, "append_images": [photo(mode="L").convert("RGB")], "duration": 100}
    decoded(run(operation, encoded(picture, "WEBP", **frames)))
    monkeypatch.setattr(avif, "_knows_tuning", lambda: False)
    setting = setting_of(CALIBRATION["avif untuned"], 50)
    assert run(operation, picture).data == encoded(
        picture, "AVIF", quality=setting, speed=avif.SPEED, max_threads=1
    )


def test_output_limit_is_kept() -> None:
    small = Processor(ImageSettings(max_output_bytes=1000, max_input_bytes=100_000))
    source = Source(data=encoded(photo(), "PNG"))
    with pytest.raises(ImageTooLarge):
        small.execute(parse_operation("imageMogr2/format/bmp"), source)
    with pytest.raises(ImageTooLarge):
        small.execute(parse_operation("imageInfo"), Source(data=b"\xff\xd8\xff" + bytes(100_000)))
