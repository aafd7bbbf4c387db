"""``size-limit``: the best quality whose file fits, found with few encodings."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from openmogr.errors import InvalidImageFormat
from openmogr.image import ImageSettings
from openmogr.image.formats.encode import EncodeOptions
from openmogr.image.formats.encode import encode as really_encode
from openmogr.image.formats.registry import TARGETS
from openmogr.image.quality import size_limit as sizelimit
from openmogr.image.quality.size_limit import best_within

from .conftest import Run, encoded, photo

# With the encoding at the upper end.
MOST = 8


@pytest.fixture(scope="module")
def noisy() -> Image.Image:
    return photo(320, 214).effect_spread(40)


@pytest.fixture
def encodings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The qualities that were tried."""
    tried: list[int] = []

    def encode(image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
        tried.append(options.quality)
        return really_encode(image, options, settings)

    monkeypatch.setattr(sizelimit, "encode", encode)
    return tried


@pytest.mark.parametrize("form", ["jpg", "webp", "avif", "heif"])
@pytest.mark.parametrize("kilobytes", [5, 9])
def test_the_next_step_does_not_fit(
    form: str, kilobytes: int, noisy: Image.Image, encodings: list[int], run: Run
) -> None:
    if form == "heif":
        pytest.importorskip("pillow_heif", reason="the extra [heif] is not installed")
    operation, limit = f"imageMogr2/format/{form}/quality/95", kilobytes * 1024
    limited = run(f"{operation}/size-limit/{kilobytes}k", noisy)
    assert len(limited.data) <= limit
    assert limited.quality < 95
    assert len(encodings) <= MOST
    setting = TARGETS[form].container.setting(limited.quality)
    better = limited.quality + 1
    while TARGETS[form].container.setting(better) == setting:
        better += 1
    assert len(run(f"imageMogr2/format/{form}/quality/{better}!", noisy).data) > limit


@pytest.mark.parametrize("form", ["jpg", "webp", "avif", "tpg"])
def test_a_loose_limit_changes_nothing(form: str, noisy: Image.Image, encodings: list[int], run: Run) -> None:
    free = run(f"imageMogr2/format/{form}/quality/80", noisy)
    loose = run(f"imageMogr2/format/{form}/quality/80/size-limit/9m", noisy)
    assert loose.data == free.data
    assert (loose.quality, encodings) == (80, [80])


@pytest.mark.parametrize("kilobytes", [4, 10, 20])
def test_tpg_is_searched_to_the_last_qp(kilobytes: int, noisy: Image.Image, run: Run) -> None:
    pillow_tpg = pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
    result = run(f"imageMogr2/format/tpg/quality/95/size-limit/{kilobytes}k", noisy)
    assert len(result.data) <= kilobytes * 1024
    qp = pillow_tpg.info(result.data).qp
    assert result.quality == pillow_tpg.quality_for_qp(qp) < 95
    assert len(pillow_tpg.encode(noisy, qp=qp - 1)) > kilobytes * 1024


def test_tpg_keeps_exif_and_alpha_in_the_search(run: Run) -> None:
    pillow_tpg = pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
    exif = Image.Exif()
    exif[0x010F] = "OpenMogr"
    picture = photo(480, 320).effect_spread(40)
    picture.putalpha(photo(480, 320).convert("L"))
    result = run("imageMogr2/format/tpg/size-limit/12k", encoded(picture, "PNG", exif=exif))
    info = pillow_tpg.info(result.data)
    assert info.has_alpha
    assert info.exif
    assert len(result.data) <= 12 * 1024


@pytest.mark.parametrize("form", ["jpg", "webp", "avif", "tpg"])
def test_a_limit_that_cannot_be_kept_gives_the_smallest(form: str, encodings: list[int], run: Run) -> None:
    # TPG makes more of a kilobyte.
    large = photo(*((3000, 800) if form == "tpg" else (1500, 400))).effect_spread(40)
    result = run(f"imageMogr2/format/{form}/size-limit/1k", large)
    assert result.quality <= 10
    assert len(result.data) > 1024
    assert len(encodings) <= MOST
    assert len(run(f"imageMogr2/format/{form}/quality/1!", large).data) >= len(result.data)


def test_the_mark_never_grows(run: Run) -> None:
    source = encoded(photo(), "JPEG", quality=20, optimize=True, progressive=True)
    grown = run("imageMogr2/strip/quality/95!/size-limit/900k", source)
    assert len(grown.data) > len(source)
    kept = run("imageMogr2/quality/95!/size-limit/900k!", source)
    assert kept.is_original
    assert kept.data == source


def test_a_format_without_a_quality_is_refused(run: Run) -> None:
    with pytest.raises(InvalidImageFormat, match="size-limit"):
        run("imageMogr2/size-limit/10k", photo())


@given(
    sizes=st.lists(st.integers(1, 10**6), min_size=1, max_size=128).map(sorted),
    limit=st.integers(1, 10**6),
)
def test_the_search_is_exact_and_short(sizes: list[int], limit: int) -> None:
    """Whatever the sizes are, as long as they do not fall."""
    highest = len(sizes) - 1
    sizes[-1] = max(sizes[-1], limit + 1)
    tried: list[int] = []

    def attempt(step: int) -> bytes:
        tried.append(step)
        return bytes(sizes[step])

    step, data, attempts = best_within(limit, attempt, highest, bytes(sizes[-1]))
    fitting = [number for number, size in enumerate(sizes) if size <= limit]
    assert step == (fitting[-1] if fitting else 0)
    assert len(data) == sizes[step]
    assert attempts == len(tried) <= (math.ceil(math.log2(highest + 1)) if highest else 0)


def test_regular_sizes_take_few_attempts() -> None:
    """Files that double over about as many steps as real ones do."""
    counts = [
        best_within(limit, lambda step: bytes(int(1000 * 2 ** (step / 15))), 99, bytes(97_005))[2]
        for limit in range(2_000, 90_000, 1_777)
    ]
    assert sum(counts) / len(counts) < 5
