"""TPG in the console: decoded by the page where ``make wasm`` has built the decoder, by the server where it has not."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pillow_tpg
import pytest

import openmogr
from openmogr.console import has_decoder
from openmogr.testing import ServerProcess

from .conftest import ROOT, Seen, Walk
from .test_console import seen

BUCKET = "tpg-1250000000"
TESTDATA = ROOT / "codec/testdata/tpg"
# A genuine photo that is larger than previews and thumbnails, and an animation.
OBJECTS = {"photo.tpg": "tpg.jpg", "animation.tpg": "base_animation.tpg"}
SETTINGS: dict[str, dict[str, object]] = {"server": {"process": "everybody", "console_bucket": BUCKET}}
THUMBNAIL = "thumbnail/240x180"

# A clone without Rust for WebAssembly has none, and its server does without, as another test shows.
needs_decoder = pytest.mark.skipif(
    not has_decoder(), reason="the decoder for browsers is not built: make wasm"
)


@contextmanager
def gallery(folder: Path, launcher: Sequence[str] | None = None) -> Iterator[ServerProcess]:
    with ServerProcess(folder / "data", SETTINGS, launcher=launcher) as server:
        assert server.request("PUT", f"/{BUCKET}", b"", {"x-cos-acl": "public-read"}).status == 200
        for key, name in OBJECTS.items():
            data = (TESTDATA / name).read_bytes()
            assert server.request("PUT", f"/{BUCKET}/{key}", data).status == 200
        yield server
        assert "Traceback" not in server.log, server.log


def looked(
    walk: Walk, server: ServerProcess, pictures: Mapping[str, Path], visit: str, label: str, *expected: str
) -> Seen:
    objects = list(OBJECTS)
    return seen(
        walk(server, [visit], pictures, bucket=BUCKET, objects=objects, label=label), visit, *expected
    )


def native(data: bytes) -> list[object]:
    """Size and sum of the first frame, as the native decoder has it."""
    image = pillow_tpg.decode(data)
    return [image.width, image.height, hashlib.sha256(image.rgba().tobytes()).hexdigest()]


def compared(server: ServerProcess, told: Seen, pictures: Mapping[str, Path]) -> list[object]:
    """The same of the TPG that the comparison had made."""
    (target,) = {
        line.removeprefix("POST ") for line in asked(told, r"POST /-/process\?imageMogr2/.*format/tpg")
    }
    made = server.request("POST", target, pictures["small.png"].read_bytes())
    return native(made.body)


def asked(told: Seen, pattern: str) -> list[str]:
    return [line for line in cast(list[str], told["asked"]) if re.match(pattern, line)]


def check_thumbnails(told: Seen) -> None:
    """They are small, and show what they are of."""
    for key, thumbnail in cast(Mapping[str, Mapping[str, list[int]]], told["thumbnails"]).items():
        image = pillow_tpg.decode((TESTDATA / OBJECTS[key]).read_bytes())
        scale = min(1, 240 / image.width, 180 / image.height)
        wanted = [image.width * scale, image.height * scale]
        assert thumbnail["size"] == pytest.approx(wanted, abs=1), key
        assert thumbnail["mean"][:3] == pytest.approx(image.rgb().mean((0, 1)), abs=6), key


def check_decoded_by_server(told: Seen, server: ServerProcess, pictures: Mapping[str, Path]) -> None:
    check_thumbnails(told)
    assert len(asked(told, rf"GET /{BUCKET}/\w+.tpg\?imageMogr2/{THUMBNAIL}")) == len(OBJECTS)
    assert cast(Mapping[str, list[object]], told["previews"])["photo.tpg"][:2] == [640, 360]
    assert "the server has decoded it" in cast(str, told["hint"])
    assert told["result"] == compared(server, told, pictures)


@needs_decoder
def test_the_page_decodes_what_the_native_decoder_does(
    walk: Walk, pictures: Mapping[str, Path], tmp_path: Path
) -> None:
    """Pixel for pixel; the server makes nothing for it, and no decoder is loaded before there is a TPG."""
    with gallery(tmp_path) as server:
        told = looked(walk, server, pictures, "decoder", "page")
        result = compared(server, told, pictures)
    assert "'wasm-unsafe-eval'" in cast(str, told["policy"])
    assert not [line for line in cast(list[str], told["first"]) if "/tpg/" in line]
    assert len(asked(told, r"GET /-/console/tpg/.*\.wasm$")) == 1
    check_thumbnails(told)
    assert told["previews"] == {key: native((TESTDATA / name).read_bytes()) for key, name in OBJECTS.items()}
    assert told["result"] == result
    assert "this page has decoded it" in cast(str, told["hint"])
    assert asked(told, rf"GET /{BUCKET}/.*imageMogr2") == []


def test_the_server_decodes_where_the_decoder_was_not_built(
    walk: Walk, pictures: Mapping[str, Path], tmp_path: Path
) -> None:
    """With the package as it is in a clone without the tools for WebAssembly."""
    package = Path(openmogr.__file__).parent
    copy = tmp_path / "source" / package.name
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("decoder", "__pycache__"))
    # Coverage would count the copy as a second package.
    uncovered = ("-u", "COVERAGE_PROCESS_CONFIG", "-u", "COVERAGE_PROCESS_START")
    launcher = ("env", *uncovered, f"PYTHONPATH={copy.parent}", sys.executable, "-m")
    with gallery(tmp_path, launcher) as server:
        told = looked(walk, server, pictures, "decoder", "server")
        check_decoded_by_server(told, server, pictures)
    assert "wasm" not in cast(str, told["policy"])
    assert asked(told, r"GET /-/console/tpg/") == []


@needs_decoder
def test_the_server_decodes_where_the_decoder_does_not_come(
    walk: Walk, pictures: Mapping[str, Path], tmp_path: Path
) -> None:
    with gallery(tmp_path) as server:
        told = looked(walk, server, pictures, "decoder-lost", "lost", "net::ERR_FAILED")
        check_decoded_by_server(told, server, pictures)
    assert asked(told, r"GET /-/console/tpg/.*\.wasm$")
