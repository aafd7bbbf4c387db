"""Small requests that were made to cost much are answered in words, within a second of processor time."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import pytest
from PIL import Image

from openmogr.errors import ImageResolutionExceed
from openmogr.image import Source, parse_operation

from .conftest import Pools

pytestmark = [pytest.mark.anyio, pytest.mark.alone]


def _webp_of_34_bytes() -> bytes:
    width, height = 16_000, 15_000
    bits = (width - 1) | (height - 1) << 14
    data = b"\x2f" + bits.to_bytes(4, "little") + bytes.fromhex("8888080011")[:9]
    chunk = b"VP8L" + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) & 1)
    return b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk


def _jpeg_of_many_scans() -> bytes:
    out = io.BytesIO()
    Image.new("L", (64, 64)).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    start = data.index(b"\xff\xda")
    return data[:start] + data[start:-2] * 4000 + b"\xff\xd9"


def _avif_of_many_tiles() -> bytes:
    def box(name: bytes, content: bytes) -> bytes:
        return (8 + len(content)).to_bytes(4, "big") + name + content

    item = box(b"infe", b"\x02\0\0\0\0\x01\0\0av01\0")
    items = box(b"iinf", b"\0\0\0\0" + (57_600).to_bytes(2, "big") + item * 57_600)
    return box(b"ftyp", b"avif\0\0\0\0avifmif1") + box(b"meta", b"\0\0\0\0" + items)


def _photo() -> bytes:
    out = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").resize((400, 300)).save(out, "JPEG")
    return out.getvalue()


MANY_BLURS = "|".join(["imageMogr2/thumbnail/10000x10000!/blur/50x50"] * 10)
TURNED = "|".join(["imageMogr2/thumbnail/9000x9000!/rotate/45"] * 10)


@pytest.mark.parametrize(
    ("data", "operation"),
    [
        (_webp_of_34_bytes(), "imageInfo"),
        (_webp_of_34_bytes(), "imageAve"),
        (_jpeg_of_many_scans(), "imageMogr2/format/webp"),
        (_avif_of_many_tiles(), "imageMogr2/format/jpg"),
        (_photo(), MANY_BLURS),
        (_photo(), TURNED),
    ],
    ids=["webp-info", "webp-ave", "scans", "tiles", "blurs", "turned"],
)
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "anonymous"])
async def test_a_bomb_is_refused_cheaply(pools: Pools, data: bytes, operation: str, signed: bool) -> None:
    async with pools(workers=1) as pool:
        await pool.execute(parse_operation("imageInfo"), Source(data=_photo()))
        before = _children()
        started = time.monotonic()
        with pytest.raises(ImageResolutionExceed):
            await pool.execute(parse_operation(operation), Source(data=data), is_owner=signed)
        assert time.monotonic() - started < 10
        assert _children() - before < 1
        assert pool.workers.counts.killed == 0


def _children() -> float:
    """Processor time of the workers so far: all that come from this process, in seconds."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(process.name)] = int(fields[1])
        ticks[int(process.name)] = int(fields[11]) + int(fields[12])

    def is_ours(pid: int) -> bool:
        above = parents.get(pid, 0)
        return above == os.getpid() or (above > 1 and is_ours(above))

    return sum(count for pid, count in ticks.items() if is_ours(pid)) / os.sysconf("SC_CLK_TCK")
