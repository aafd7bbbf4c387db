"""A source that is already in the target format is not answered with something longer."""

from __future__ import annotations

import pytest

from openmogr.image.processor import KEPT_SOURCE

from .conftest import Run, encoded, photo


@pytest.mark.parametrize(
    ("form", "operation"),
    [
        ("JPEG", "imageMogr2/format/jpg/quality/95!"),
        ("JPEG", "imageMogr2/quality/90!"),
        ("WEBP", "imageMogr2/format/webp/quality/95!"),
    ],
)
def test_a_longer_rewrite_is_not_sent(form: str, operation: str, run: Run) -> None:
    source = encoded(photo(), form, quality=20)
    result = run(operation, source)
    assert result.data == source
    assert result.is_original
    assert "bytes" in result.headers[KEPT_SOURCE]


@pytest.mark.parametrize(
    "operation",
    [
        "imageMogr2/quality/95!/strip",
        "imageMogr2/quality/95!/interlace/1",
        "imageMogr2/rotate/90/quality/95!",
        "imageMogr2/format/webp/quality/95!",
    ],
)
def test_what_asks_for_a_change_gets_it(operation: str, run: Run) -> None:
    source = encoded(photo(), "JPEG", quality=20)
    result = run(operation, source)
    assert not result.is_original
    assert KEPT_SOURCE not in result.headers


def test_a_shorter_rewrite_is_sent(run: Run) -> None:
    source = encoded(photo(), "JPEG", quality=95)
    result = run("imageMogr2/quality/60", source)
    assert not result.is_original
    assert len(result.data) < len(source)
