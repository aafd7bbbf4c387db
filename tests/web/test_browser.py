"""The package in headless Chromium: decoder, worker, polyfill and service worker show what the native codec decodes.

To run it: a ``chromium`` in the path (Debian: ``apt install chromium``), ``make clients`` and ``make wasm``.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, cast

import pillow_tpg
import pytest

from .conftest import CLIENTS, ROOT, Answer, native_outcome, run_node, small_files
from .test_node import picture

Visit: TypeAlias = Callable[..., Answer]
# A picture that every browser shows.
BESIDE = "/docs/use/console-buckets.webp"


@pytest.fixture
def browse(package: Path, tmp_path: Path) -> Visit:
    """Visits pages; files are served by address beside those of the repository."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("chromium is not installed; on Debian: apt install chromium")
    if not (CLIENTS / "playwright-core").is_dir():
        pytest.skip("playwright-core is not installed: make clients")

    def visit(name: str, files: dict[str, Path], **values: object) -> Answer:
        served = {address: str(path) for address, path in files.items()}
        request = {"files": served, "visit": name, "values": values}
        return run_node("browser.mjs", request, ROOT, browser, tmp_path / "profile")

    return visit


def served(genuine: list[Path]) -> dict[str, Path]:
    """Genuine files under names that tell what they are."""
    return {f"/genuine/{path.name.split('.')[0]}.tpg": path for path in genuine}


def test_decoder_and_encoder(browse: Visit, genuine: list[Path], tmp_path: Path) -> None:
    """The same pixels and errors as native for all files, and the same bytes from the encoder in its worker."""
    files = {f"/file/{index}": path for index, path in enumerate([*genuine, *small_files()])}
    pixels = picture(150, 90, alpha=True)
    raw = tmp_path / "pixels.rgba"
    raw.write_bytes(pixels.tobytes())
    about = {"url": "/pixels", "width": 150, "height": 90}
    seen = browse("decode", {**files, "/pixels": raw}, urls=list(files), pixels=about)
    decoded = cast(dict[str, Answer], seen["decoded"])
    assert {url: decoded[url] for url in files} == {url: native_outcome(path) for url, path in files.items()}
    assert seen["encoded"] == hashlib.sha256(pillow_tpg.encode(pixels, effort=2)).hexdigest()
    assert seen["back"] == [150, 90, 1]
    assert cast(str, seen["refused"]).startswith("RangeError: effort")


def test_vectors(browse: Visit, vectors: list[Path]) -> None:
    """Pixels and errors of every vector are those of the native decoder."""
    files = {f"/vector/{index}": path for index, path in enumerate(vectors)}
    seen = browse("vectors", files, urls=list(files))
    decoded = cast(dict[str, Answer], seen["decoded"])
    assert {url: decoded[url] for url in files} == {url: native_outcome(path) for url, path in files.items()}


def delays(path: Path) -> list[float]:
    """Milliseconds by frame, as browsers are told them; none in stills."""
    info = pillow_tpg.info(path.read_bytes())
    return [100 if delay < 2 else delay * 10 for delay in info.delays] or [0]


def test_polyfill_shows_genuine_files(browse: Visit, genuine: list[Path]) -> None:
    """Pixel for pixel and delay for delay, by names of TPG and by the names that the files have."""
    by_name = served(genuine)
    own = {f"/own/{path.name}": path for path in genuine if path.suffix != ".0"}
    seen = browse("polyfill", {**by_name, **own}, urls=[*by_name, *own])
    assert seen["needed"] is True
    shown = cast(dict[str, Answer], seen["shown"])
    for url, path in {**by_name, **own}.items():
        expected = cast(list[list[object]], native_outcome(path)["frames"])
        assert shown[url] is not None, url
        frames = cast(list[list[object]], shown[url]["frames"])
        assert [frame[:3] for frame in frames] == expected, url
        assert [frame[3] for frame in frames] == delays(path), url
        if len(expected) == 1:
            assert shown[url]["drawn"] == expected[0][2], url
        else:
            assert shown[url]["repetitionCount"] == "Infinity"


def test_polyfill_in_a_page_that_changes(browse: Visit) -> None:
    """Sets of sources, backgrounds, later elements and sheets, shadow roots; broken files stay as they are."""
    seen = browse("example", {})
    frames = cast(list[list[object]], native_outcome(ROOT / "codec/testdata/tpg/base_still.tpg")["frames"])
    assert cast(list[object], seen.pop("still"))[:3] == frames[0]
    assert seen.pop("broken") == [0, "../../codec/testdata/malformed/t024_trunc_half.tpg"]
    failures = cast(list[list[str]], seen.pop("failures"))
    assert [name for name, _ in failures] == ["broken"]
    assert "truncated TPG file" in failures[0][1]
    assert seen == dict.fromkeys(seen, True)


def test_polyfill_under_strict_policies(browse: Visit) -> None:
    """The documented policy is enough; where nothing can be shown the page's other picture is."""
    seen = browse("strict", {}, beside=BESIDE)
    assert seen["documented"] == [True, True, True]
    assert seen["counted"] == 0
    assert seen["withoutBlobs"] == [False, BESIDE, True]
    assert seen["withoutWorker"] == [BESIDE, True]
    assert seen["later"] is True
    assert seen["failedBefore"] is True
    assert seen["withoutWasm"] == [False, BESIDE, True]


def test_service_worker(browse: Visit, genuine: list[Path]) -> None:
    """Images of a page without scripts, by any name; who fetches the file gets the file."""
    files = {**served(genuine), **{f"/own/{path.name}": path for path in genuine}}
    seen = browse("worker", files, urls=list(files), foreign=BESIDE)
    assert seen["foreign"] is True
    assert (seen["example"], seen["src"]) == (True, "../../codec/testdata/tpg/base_still.tpg")
    assert seen["file"] == "TPG"
    images = cast(dict[str, list[object] | None], seen["images"])
    for url, path in files.items():
        expected = cast(list[list[object]], native_outcome(path)["frames"])
        assert images[url] is not None, url
        # An animation is drawn with the frame that it is at.
        assert cast(list[object], images[url]) in expected, url
