"""An upload with several rules is opened once, and decoded once at each size that is asked for."""

from __future__ import annotations

import gc
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image, ImageStat

from openmogr.errors import InvalidImageFormat
from openmogr.image import ImageSettings, Processor, Source, parse_operation
from openmogr.image.source.nclx import nclx_profile
from openmogr.image.source.open import Frame, OpenedImage, open_image

from .conftest import encoded, photo

RULES = ["format/webp", "format/jpg", "rotate/90/format/png", "thumbnail/50x/format/gif", "format/tpg"]


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    found: Counter[str] = Counter()

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            found[name] += 1
            return function(*arguments, **options)

        return called

    monkeypatch.setattr("openmogr.image.processor.open_image", counted("open", open_image))
    monkeypatch.setattr(OpenedImage, "_first", counted("decode", OpenedImage._first))
    return found


@pytest.mark.parametrize("form", ["PNG", "WEBP", "BMP", "TIFF"])
def test_five_rules_and_the_info_share_one_decoding(form: str, counts: Counter[str]) -> None:
    work = Processor(ImageSettings())
    pipelines = [parse_operation(f"imageMogr2/{rule}") for rule in RULES]
    source = Source(data=encoded(photo(), form))
    outcome = work.run(pipelines, source, info=True)
    assert counts == {"open": 1, "decode": 1}
    assert outcome.info is not None
    # What shares a decoding is what it would be alone.
    assert [result.data for result in outcome.results] == [
        work.execute(pipeline, source).data for pipeline in pipelines
    ]


def test_a_jpeg_is_decoded_once_at_each_size(counts: Counter[str]) -> None:
    work = Processor(ImageSettings())
    pipelines = [parse_operation(f"imageMogr2/{rule}") for rule in (*RULES, "thumbnail/50x/format/webp")]
    outcome = work.run(pipelines, Source(data=encoded(photo(800, 600), "JPEG")))
    assert counts == {"open": 1, "decode": 2}
    assert len(outcome.results) == 6


@pytest.fixture
def converted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Gets the size of each image whose colours are converted."""
    sizes: list[tuple[int, int]] = []
    convert = OpenedImage._srgb

    def counted(opened: OpenedImage, image: Image.Image) -> Image.Image:
        sizes.append(image.size)
        return convert(opened, image)

    monkeypatch.setattr(OpenedImage, "_srgb", counted)
    return sizes


def tagged(form: str) -> bytes:
    """A picture in Display P3."""
    if form == "HEIF":
        pytest.importorskip("pillow_heif", reason="the extra [heif] is not installed").register_heif_opener()
    return encoded(photo(600, 400), form, icc_profile=nclx_profile(12, 13))


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "PNG", "HEIF"])
def test_colours_are_converted_once_for_all_that_do_not_scale(
    form: str, converted: list[tuple[int, int]]
) -> None:
    work = Processor(ImageSettings())
    texts = ["format/png", "rotate/90/format/bmp", "thumbnail/60x/format/png", "format/tiff"]
    pipelines = [parse_operation(f"imageMogr2/{text}") for text in texts]
    source = Source(data=tagged(form))
    outcome = work.run(pipelines, source)
    assert sorted(converted) == [(60, 40), (600, 400)]
    assert [result.data for result in outcome.results] == [
        work.execute(pipeline, source).data for pipeline in pipelines
    ]


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "HEIF"])
def test_the_average_converts_few_pixels(form: str, converted: list[tuple[int, int]]) -> None:
    source = Source(data=tagged(form))
    told = json.loads(Processor(ImageSettings()).execute(parse_operation("imageAve"), source).data)["RGB"]
    assert [width * height <= 256 * 256 for width, height in converted] == [True]
    whole = Processor(ImageSettings()).execute(parse_operation("imageMogr2/format/png"), source).data
    with Image.open(io.BytesIO(whole)) as image:
        mean = [round(band) for band in ImageStat.Stat(image.convert("RGB")).mean]
    found = [int(told[place : place + 2], 16) for place in (2, 4, 6)]
    assert max(abs(one - other) for one, other in zip(found, mean, strict=True)) <= 1


ANIMATED_RULES = [
    "format/webp",
    "format/gif",
    "thumbnail/30x/format/webp",
    "cgif/3/format/gif",
    "rotate/90/format/tpg",
]


def moving(form: str) -> bytes:
    frames = [photo(60, 40).rotate(10 * number) for number in range(6)]
    out = io.BytesIO()
    frames[0].save(out, form, save_all=True, append_images=frames[1:], duration=80)
    return out.getvalue()


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Gets the number of each frame that is decoded."""
    numbers: list[int] = []
    frames = OpenedImage.frames

    def counted(opened: OpenedImage, **options: bool) -> Iterator[Frame]:
        for number, frame in enumerate(frames(opened, **options)):
            numbers.append(number)
            yield frame

    monkeypatch.setattr(OpenedImage, "frames", counted)
    return numbers


@pytest.mark.parametrize("form", ["GIF", "WEBP"])
def test_five_rules_decode_each_frame_once(form: str, decoded: list[int]) -> None:
    work = Processor(ImageSettings())
    pipelines = [parse_operation(f"imageMogr2/{rule}") for rule in ANIMATED_RULES]
    source = Source(data=moving(form))
    asked: list[int] = []
    outcome = work.run(pipelines, source, gate=_Asked(asked))
    assert decoded == list(range(6))
    # The frames that stay are asked for.
    alone: list[int] = []
    single = [work.run([pipeline], source, gate=_Asked(alone)).results[0] for pipeline in pipelines]
    assert asked[0] >= max(alone) + 6 * 60 * 40 * 4
    assert len(decoded) > 6 + 4 * 6
    # What shares a decoding is what it would be alone.
    assert [result.data for result in outcome.results] == [result.data for result in single]
    assert [result.frame_count for result in outcome.results] == [result.frame_count for result in single]


@pytest.mark.parametrize("form", ["GIF", "WEBP", "AVIF", "PNG"])
def test_a_still_shows_the_first_frame_after_an_animation(form: str) -> None:
    work = Processor(ImageSettings())
    texts = ["format/png", "format/webp", "flip/vertical/format/png", "cut/20x20x9x9/format/jpg"]
    pipelines = [parse_operation(f"imageMogr2/{text}") for text in texts]
    source = Source(data=moving(form))
    together = [result.data for result in work.run(pipelines, source).results]
    assert together == [work.execute(pipeline, source).data for pipeline in pipelines]


def test_frames_that_would_take_too_much_are_decoded_for_each_rule(decoded: list[int]) -> None:
    # A quarter of it is less than the frames.
    work = Processor(ImageSettings(memory=4 * 6 * 60 * 40 * 4 - 1))
    pipelines = [parse_operation(f"imageMogr2/{rule}") for rule in ANIMATED_RULES[:2]]
    assert len(work.run(pipelines, Source(data=moving("GIF"))).results) == 2
    assert decoded == 2 * list(range(6))


def test_each_rule_tells_the_damage_of_a_frame(decoded: list[int]) -> None:
    data = moving("GIF")
    work = Processor(ImageSettings())
    texts = ["imageMogr2/format/webp/ignore-error/1", "imageMogr2/format/gif/thumbnail/20x"]
    with pytest.raises(InvalidImageFormat, match="frame"):
        work.run([parse_operation(text) for text in texts], Source(data=data[: len(data) * 2 // 3]))


class _Asked:
    def __init__(self, costs: list[int]) -> None:
        self._costs = costs

    def admit(self, cost: int) -> None:
        self._costs.append(cost)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_nothing_of_a_job_stays_in_circles(form: str) -> None:
    # Workers would grow by their pictures until somebody looked for such.
    work = Processor(ImageSettings())
    source = Source(data=moving(form) if form in ("GIF", "WEBP") else tagged(form))
    pipelines = [parse_operation(f"imageMogr2/{rule}") for rule in RULES]
    work.run(pipelines, source)
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        work.run(pipelines, source)
        gc.collect()
        assert [kind for kind in map(type, gc.garbage) if issubclass(kind, (Image.Image, io.BytesIO))] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
