"""Our extensions: quality by score, effort, and results without loss."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from openmogr.errors import CosError, InvalidArgument
from openmogr.image import ImageSettings, Processor, Source, parse_operation
from openmogr.image.formats.registry import TARGETS
from openmogr.image.language.encoding import AUTO_SCORE
from openmogr.image.quality.metric import scorer
from openmogr.image.quality.score_target import MAX_ENCODINGS, lowest_that_reaches

pytest.importorskip("pillow_tpg")
LOSSY = ["jpg", "webp", "avif", "tpg", "heif", "jxl"]


def photo(size: tuple[int, int] = (192, 128), mode: str = "RGB") -> Image.Image:
    rng = np.random.default_rng(5)
    small = Image.fromarray(rng.integers(0, 255, (16, 24, 3), np.uint8))
    image = small.resize(size, Image.Resampling.BICUBIC)
    noise = Image.fromarray(rng.integers(0, 40, (size[1], size[0], 3), np.uint8))
    image = Image.blend(image, noise, 0.2)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(size))
    return image


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def run(operation: str, data: bytes, **settings: int) -> bytes:
    processor = Processor(ImageSettings.model_validate(settings))
    return processor.execute(parse_operation(operation), Source(data=data)).data


def shown(name: str, data: bytes) -> Image.Image:
    return TARGETS[name].container.open(io.BytesIO(data)).image


def available(name: str) -> None:
    try:
        TARGETS[name].container.check_writable()
    except CosError as error:
        pytest.skip(error.message)


@pytest.mark.parametrize("name", LOSSY)
def test_a_score_is_reached_and_not_exceeded_by_much(name: str) -> None:
    available(name)
    image = photo()
    measure = scorer(image)
    sizes = []
    for score in (60, 80):
        data = run(f"imageMogr2/format/{name}/target-ssimulacra2/{score}", png(image))
        assert score <= measure(shown(name, data)) < score + 8  # the settings of some encoders are far apart
        sizes.append(len(data))
    assert sizes[0] < sizes[1]


def test_auto_is_a_score() -> None:
    data = png(photo())
    auto = run("imageMogr2/format/webp/quality/auto", data)
    assert auto == run(f"imageMogr2/format/webp/target-ssimulacra2/{AUTO_SCORE}", data)
    assert auto == run("imageView2/2/format/webp/q/auto", data)
    assert auto != run("imageMogr2/format/webp", data)


def test_the_later_quality_wins() -> None:
    data = png(photo())
    plain = run("imageMogr2/format/webp/quality/50", data)
    assert run("imageMogr2/target-ssimulacra2/90/format/webp|imageMogr2/quality/50", data) == plain


def test_what_cannot_be_reached_is_as_good_as_can_be() -> None:
    data = png(photo())
    assert run("imageMogr2/format/jpg/target-ssimulacra2/100", data) == run(
        "imageMogr2/format/jpg/quality/100", data
    )


def test_a_size_counts_more_than_a_score() -> None:
    data = run("imageMogr2/format/jpg/target-ssimulacra2/95/size-limit/6k", png(photo()))
    assert len(data) <= 6 * 1024


def test_metadata_stays() -> None:
    image, out, exif = photo(), io.BytesIO(), Image.Exif()
    exif[0x010E] = "a description"
    image.save(out, "PNG", exif=exif)
    data = run("imageMogr2/format/jpg/target-ssimulacra2/70", out.getvalue())
    assert Image.open(io.BytesIO(data)).getexif()[0x010E] == "a description"


def test_transparency_is_compared_on_white() -> None:
    image = photo(mode="RGBA")
    data = run("imageMogr2/format/webp/target-ssimulacra2/70", png(image))
    assert shown("webp", data).mode == "RGBA"
    assert scorer(image)(shown("webp", data)) >= 70


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (7, 7)])
def test_small_images(size: tuple[int, int]) -> None:
    assert run("imageMogr2/format/webp/target-ssimulacra2/80", png(photo(size)))


def test_formats_without_loss_ignore_a_score() -> None:
    data = png(photo())
    assert run("imageMogr2/format/bmp/quality/auto", data) == run("imageMogr2/format/bmp", data)


def test_lossless() -> None:
    for mode in ("RGB", "RGBA"):
        image = photo(mode=mode)
        for name in ("webp", "heif", "jxl", "png"):
            try:
                TARGETS[name].container.check_writable()
            except CosError:
                continue
            data = run(f"imageMogr2/format/{name}/lossless/1", png(image))
            assert np.array_equal(np.asarray(shown(name, data).convert(mode)), np.asarray(image)), (
                name,
                mode,
            )


@pytest.mark.parametrize("name", ["jpg", "avif", "tpg"])
def test_lossless_is_refused_where_it_cannot_be(name: str) -> None:
    with pytest.raises(CosError, match="without loss"):
        run(f"imageMogr2/format/{name}/lossless/1", png(photo()))
    assert run(f"imageMogr2/format/{name}/lossless/0", png(photo())) == run(
        f"imageMogr2/format/{name}", png(photo())
    )


@pytest.mark.parametrize("name", ["webp", "avif", "tpg", "heif", "jxl"])
def test_effort(name: str) -> None:
    available(name)
    data = png(photo())
    made = {effort: run(f"imageMogr2/format/{name}/effort/{effort}", data) for effort in (0, 6)}
    assert made[0] != made[6]
    for found in made.values():
        assert scorer(photo())(shown(name, found)) > 20


@pytest.mark.parametrize("name", ["jpg", "png", "gif", "bmp"])
def test_effort_is_taken_everywhere(name: str) -> None:
    assert run(f"imageMogr2/format/{name}/effort/9", png(photo()))


@pytest.mark.parametrize(
    "operation",
    [
        "imageMogr2/format/webp/effort/10",
        "imageMogr2/format/webp/effort/x",
        "imageMogr2/format/webp/target-ssimulacra2/0",
        "imageMogr2/format/webp/target-ssimulacra2/101",
        "imageMogr2/format/webp/lossless/2",
        "imageMogr2/format/webp/quality/automatic",
    ],
)
def test_bad_values(operation: str) -> None:
    with pytest.raises(InvalidArgument, match="stage 1"):
        parse_operation(operation)


def test_bounds() -> None:
    data = png(photo())
    with pytest.raises(CosError, match="effort is at most 6"):
        run("imageMogr2/format/webp/effort/7", data, max_effort=6)
    with pytest.raises(CosError, match="at most 1000 pixels"):
        run("imageMogr2/format/webp/quality/auto", data, max_target_pixels=1000)
    assert run("imageMogr2/thumbnail/30x/format/webp/quality/auto", data, max_target_pixels=1000)
    with pytest.raises(CosError, match="size-limit"):
        run("imageMogr2/format/webp/lossless/1/size-limit/10k", data)


def test_animations_have_no_score() -> None:
    out, frames = io.BytesIO(), [photo(), photo().rotate(180)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(CosError, match="animations"):
        run("imageMogr2/format/webp/quality/auto", out.getvalue())
    assert run("imageMogr2/format/jpg/quality/auto", out.getvalue())
    animated = run("imageMogr2/format/webp/lossless/1", out.getvalue())
    assert getattr(Image.open(io.BytesIO(animated)), "n_frames", 1) == 2


@pytest.mark.parametrize(
    "curve",
    [
        lambda step: step,
        lambda step: 100 - 100 * 0.93**step,
        lambda step: 90 if step > 70 else 10,
        lambda step: 5.0,
        lambda step: 99.0,
        lambda step: step + (step % 3) * 0.4,
    ],
)
@pytest.mark.parametrize("highest", [0, 1, 5, 63, 99])
@pytest.mark.parametrize("score", [1, 30, 75, 99.5])
def test_search(curve: Callable[[int], float], highest: int, score: float) -> None:
    attempts: list[int] = []

    def attempt(step: int) -> float:
        assert 0 <= step <= highest
        attempts.append(step)
        return curve(step)

    found = lowest_that_reaches(score, attempt, highest)
    assert len(attempts) <= MAX_ENCODINGS
    assert found == highest or curve(found) >= score
    if curve(highest) < score:
        assert found == highest
    else:
        best = next(step for step in range(highest + 1) if curve(step) >= score)
        # Eight attempts leave at most one of 2 ** 8 steps open, but the line may be led astray a little.
        assert curve(found) - score < 0.5 or found - best <= 3 or curve(found) - curve(best) < 3
