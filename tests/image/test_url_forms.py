"""Two hundred forms of URLs (``docs/spec/api/overview.md#10`` and others of its grammar): type and size of each."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

import openmogr.demo
from openmogr.errors import CosError
from openmogr.image import ImageSettings, Processor, Source, find_operation, parse_operation
from openmogr.image.formats.registry import TARGETS

LINES = (Path(__file__).parent / "data" / "url_forms.tsv").read_text(encoding="utf-8").splitlines()[1:]
FORMS = [tuple(line.split("\t")) for line in LINES]
# What a machine may lack: codecs, fonts, the native module.
_MISSING = ("not available", "no font", "pip install", "openmogr-pixels")


@cache
def source() -> Source:
    photo = Path(openmogr.demo.__file__).parent / openmogr.demo.KEY
    out = io.BytesIO()
    with Image.open(photo) as image:
        image.convert("RGB").save(out, "JPEG", quality=85)
    return Source(data=out.getvalue())


def test_there_are_two_hundred() -> None:
    assert len({query for query, _, _ in FORMS}) == len(FORMS) >= 200


@pytest.mark.parametrize(("query", "kind", "size"), FORMS, ids=[query for query, _, _ in FORMS])
def test_form(query: str, kind: str, size: str) -> None:
    operation = find_operation(query).image_operation
    assert operation is not None
    try:
        result = Processor(ImageSettings()).execute(parse_operation(operation), source())
    except CosError as error:
        if any(words in error.message for words in _MISSING):
            pytest.skip(error.message)
        raise
    assert (result.content_type, f"{result.width}x{result.height}") == (kind, size)
    with Image.open(io.BytesIO(result.data)) as image:
        assert image.size == (result.width, result.height)
    assert kind in {target.content_type for target in TARGETS.values()}
