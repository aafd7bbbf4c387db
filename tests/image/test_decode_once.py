"""An upload with several rules is opened once, and decoded once at each size that is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from openmogr.image import ImageSettings, Processor, Source, parse_operation
from openmogr.image.source.open import OpenedImage, open_image

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
