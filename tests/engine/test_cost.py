"""Estimates of memory are held against what real work takes at its peak."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.util import find_spec

import pytest
from PIL import Image

from openmogr.engine.crossing import Request, pack_request
from openmogr.image import ImageSettings, Pipeline, parse_operation
from openmogr.image.text.faces import Face
from openmogr.image.text.fonts import find_font
from openmogr.workers import WorkerLimits, WorkerPool
from openmogr.workers.protocol import spool_file

pytestmark = pytest.mark.anyio

SIZE = (1280, 960)
# Of noise imageSlim searches long; more than what it judges of a picture has no more to say.
SLIM_SIZE = (1200, 900)
CASES = [
    # First, and in each part one, since workers keep memory, which hides what these take.
    ("JPEG", "imageSlim"),
    ("PNG", "imageSlim"),
    ("WEBP", "imageSlim"),
    ("GIF", "imageSlim"),
    ("JPEG", "imageMogr2/thumbnail/200x"),
    ("JPEG", "imageMogr2/format/webp"),
    ("JPEG", "imageMogr2/format/avif"),
    ("JPEG", "imageMogr2/format/heif"),
    ("JPEG", "imageMogr2/format/tpg"),
    ("JPEG", "imageMogr2/format/png"),
    ("JPEG", "imageMogr2/format/gif"),
    ("JPEG", "imageMogr2/rotate/30/format/jpg"),
    ("JPEG", "imageMogr2/thumbnail/!150p/blur/20x10/sharpen/100"),
    ("PNG", "imageMogr2/thumbnail/2000x2000/format/tiff"),
    ("PNG", "imageMogr2/rradius/100/format/webp"),
    ("PNG", "imageMogr2/format/bmp"),
    ("WEBP", "imageMogr2/crop/1000x1000/format/jpg"),
    ("GIF", "imageMogr2/format/png"),
    ("TIFF", "imageMogr2/format/jpg"),
    ("BMP", "imageMogr2/format/jpg"),
    ("AVIF", "imageMogr2/format/jpg"),
    ("JPEG", "watermark/1/image/bG9nbw/blogo/1"),
    ("PNG", "watermark/1/image/bG9nbw/scatype/3/spcent/100/batch/1/degree/30|imageMogr2/format/jpg"),
    ("JPEG", "imageMogr2/rcrop/1x1"),
    ("JPEG", "imageMogr2/quality/95!/effort/9"),
    ("PNG", "imageMogr2/thumbnail/1000x/effort/7"),
    ("JPEG", "imageMogr2/format/gif/effort/9"),
    ("JPEG", "imageMogr2/format/tpg/effort/6"),
    ("JPEG", "imageMogr2/thumbnail/400x/format/tpg/effort/9"),
    ("PNG", "imageInfo"),
    ("JPEG", "imageInfo"),
    ("WEBP", "imageAve"),
    ("PNG", None),
]
# Also with their scores told.
SCORED = [("JPEG", "imageMogr2/format/webp"), ("PNG", "imageMogr2/format/tpg")]
# What needs a font.
WRITING = [("WEBP", "watermark/2/text/dGVzdA/fontsize/300/shadow/50/batch/1/degree/30|imageMogr2/format/jpg")]
CASES += WRITING
if find_spec("cv2") is not None:
    CASES += [("JPEG", "imageMogr2/scrop/800x600"), ("PNG", "imageMogr2/scrop/800x600/format/jpg")]


# So many tests, or one would take too long on a busy machine.
PARTS = 4


def _source(form: str, size: tuple[int, int] = SIZE) -> bytes:
    out = io.BytesIO()
    noise = Image.merge("RGB", [Image.effect_noise(size, strength) for strength in (20, 40, 60)])
    noise.save(out, form)
    return out.getvalue()


@pytest.mark.parametrize("part", range(PARTS))
async def test_estimates_are_enough_and_not_wild(part: int) -> None:
    asked: list[int] = []

    @asynccontextmanager
    async def admit(cost: int) -> AsyncIterator[None]:
        asked.append(cost)
        yield

    async def peak(source: bytes, request: Request) -> int:
        with spool_file(None) as file:
            file.write(source)
            inputs = [file.fileno()] * (1 + len(request.further))
            reply = await pool.run(pack_request(request), inputs, seconds=100, admit=admit)
        assert b'"error":null' in reply.head
        reply.close()
        return reply.peak

    wrong = []
    sources = {form: _source(form) for form in {form for form, _ in CASES}}
    settings = ImageSettings(workers=1)
    limits = WorkerLimits(1, readable=settings.fonts)
    pool = WorkerPool("openmogr.engine.worker:make", settings, limits)
    await pool.start()
    try:
        cases = (
            CASES if find_font(Face.sans, settings.fonts) else [case for case in CASES if case not in WRITING]
        )
        every = [*((case, False) for case in cases), *((case, True) for case in SCORED)]
        for (form, operation), scored in every[part::PARTS]:
            source = _source(form, SLIM_SIZE) if operation == "imageSlim" else sources[form]
            pipelines: list[Pipeline] = []
            if operation is not None:
                pipelines = [replace(parse_operation(operation), scored=scored)]
            base = await peak(source, Request([], False, "a", anonymous=False))
            further = [name for pipeline in pipelines for name in pipeline.further_sources]
            work = Request(pipelines, operation is None, "a", anonymous=False, further=further)
            taken = await peak(source, work) - base
            # Contents differ in what they need; wild is what would keep a server from its work.
            if not taken <= asked[-1] <= 4 * taken + (150 << 20):
                wrong.append(f"{form} {operation}: {taken >> 20} MiB taken, {asked[-1] >> 20} asked for")
    finally:
        await pool.close()
    assert not wrong
