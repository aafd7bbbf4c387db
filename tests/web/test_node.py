"""WebAssembly in Node makes what the native codec makes."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import cast

import numpy as np
import pillow_tpg
import pytest
from pillow_tpg.quality import qp_for_quality
from pillow_tpg.settings import StillOptions

from .conftest import ROOT, Answer, native_outcome, run_node, small_files

GREATEST_COMPRESSED = 400 * 1024


def compare(package: Path, paths: list[Path]) -> None:
    answers = run_node("decode_files.mjs", [str(path) for path in paths], package)
    wrong = []
    for path in paths:
        answer = cast(Answer, answers[str(path)])
        expected = native_outcome(path)
        if {name: answer[name] for name in expected} != expected:
            wrong.append((path.name, answer["error"], expected["error"]))
    assert wrong == []


def test_small_files(package: Path) -> None:
    """Files and streams of the repository, broken ones too: the same pixels, the same errors."""
    compare(package, small_files())


def test_genuine_files(package: Path, genuine: list[Path]) -> None:
    assert len(genuine) == 6
    compare(package, genuine)


@pytest.mark.parametrize("folder", ["vectors/avs2", "vectors/tpg-malformed"])
def test_vectors(package: Path, shared: Path, vectors: list[Path], folder: str) -> None:
    paths = [path for path in vectors if path.is_relative_to(shared / folder)]
    assert paths
    compare(package, paths)


def picture(width: int, height: int, *, alpha: bool) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Smooth parts, edges and noise, without any function whose last bit depends on the machine."""
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(width).integers(0, 24, (height, width, 3))
    smooth = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], axis=2)
    edges = ((x // 16 + y // 24) % 2 * 90)[:, :, np.newaxis]
    opacity = np.where((x - width // 2) ** 2 + (y - height // 2) ** 2 < (width // 3) ** 2, 255, x % 256)
    colour = np.clip(smooth // 2 + edges + noise, 0, 255)
    last = opacity if alpha else np.full_like(opacity, 255)
    return np.ascontiguousarray(np.dstack([colour, last]).astype(np.uint8))


CHOICES: list[tuple[tuple[int, int], bool, StillOptions]] = [
    ((200, 120), False, {}),
    ((131, 77), True, {"quality": 40, "effort": 2}),
    ((64, 64), False, {"qp": 12, "effort": 8}),
    ((97, 33), True, {"quality": 90, "effort": 7, "tools": "genuine", "chroma": "lanczos"}),
    ((150, 150), False, {"effort": 0, "chroma": "box", "perceptual": 0.0}),
    ((40, 30), True, {"alpha_quality": 30, "exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}),
]
IN_JAVASCRIPT = {"alpha_quality": "alphaQuality"}


def for_node(options: StillOptions) -> Answer:
    exif = options.get("exif")
    named = {IN_JAVASCRIPT.get(name, name): value for name, value in options.items()}
    return named | ({"exif": list(cast(bytes, exif))} if exif else {})


def test_encoder(package: Path, tmp_path: Path) -> None:
    """The same bytes; options that are out of range are refused in words; qualities mean the same QPs."""
    cases, expected = [], []
    for index, ((width, height), alpha, options) in enumerate(CHOICES):
        pixels = picture(width, height, alpha=alpha)
        path = tmp_path / f"{index}.rgba"
        path.write_bytes(pixels.tobytes())
        cases.append({"path": str(path), "width": width, "height": height, "options": for_node(options)})
        expected.append(hashlib.sha256(pillow_tpg.encode(pixels, **options)).hexdigest())
    wrong: list[Answer] = [
        {"quality": 0},
        {"qp": 64},
        {"qp": 1.5},
        {"quality": 50, "qp": 3},
        {"effort": 10},
        {"tools": "all"},
        {"chroma": "none"},
        {"speed": 3},
    ]
    refused = [cases[0] | {"options": options} for options in wrong] + [
        cases[0] | {"width": 199, "options": {}}
    ]
    request = {"cases": cases, "refused": refused, "qualities": list(range(1, 101))}
    answer = run_node("encode_files.mjs", json.loads(json.dumps(request)), package)
    assert answer["made"] == expected
    words = cast(list[str], answer["refused"])
    for text, name in zip(
        words,
        ["quality", "qp", "qp", "quality and qp", "effort", "tools", "chroma", "speed", "199x120"],
        strict=True,
    ):
        assert "Error: " in text, words
        assert name in text, words
    for tools, qps in cast(dict[str, list[int]], answer["qps"]).items():
        assert qps == [qp_for_quality(quality, tools) for quality in range(1, 101)]


REFUSED = {
    "nothing": "TypeError: an image has width, height and data",
    "list": "TypeError: data is a Uint8Array",
    "words": "TypeError: data is a Uint8Array",
    "floats": "TypeError: data is a Uint8Array",
    "negative": "RangeError: width is -2",
    "fraction": "RangeError: width is 1.6",
    "text": "RangeError: width is 2, allowed are whole numbers",
    "empty": "RangeError: width is 0",
    "wide": "RangeError: width is 20000",
    "gamut": "RangeError: colorSpace is display-p3",
    "exif": "TypeError: exif is given as an ArrayBuffer",
    "quality": "RangeError: quality is 80, allowed are",
    "tools": "RangeError: tools is ",
    "chroma": "RangeError: chroma is null",
    "none": "TypeError: options are an object",
    "file": "TypeError: a TPG file is given as",
    "missing": "TypeError: a TPG file is given as",
    "option": "TypeError: unknown option maxpixels; there are maxPixels",
    "limit": "RangeError: maxPixels is ?",
}


def test_bad_input(package: Path, tmp_path: Path) -> None:
    """It is refused in words; after what does not fit into memory other pictures are decoded as before."""
    small = ROOT / "codec/testdata/tpg/base_animation.tpg"
    info = pillow_tpg.info(small.read_bytes())
    large = tmp_path / "large.tpg"
    large.write_bytes(pillow_tpg.encode(np.zeros((1600, 1600, 3), np.uint8), effort=0))
    told = run_node("bad_input.mjs", [str(small), str(large)], package)
    for name, words in REFUSED.items():
        assert cast(str, told[name]).startswith(words), (name, told[name])
    for name in ("memory", "again"):
        assert "more memory than there is" in cast(str, told[name]), told[name]
    assert "begin this picture again" in cast(str, told["before"])
    assert told["after"] == [info.width, info.height]


def test_size(package: Path) -> None:
    """The decoder stays small enough for a page."""
    module = (package / "dist/tpg_decode_bg.wasm").read_bytes()
    assert len(gzip.compress(module, 9)) <= GREATEST_COMPRESSED
