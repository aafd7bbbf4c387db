"""What the encoder writes, the decoder reads as the encoder meant it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pillow_tpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageDraw
from pillow_tpg import EncodedImage, encode, encode_image
from pillow_tpg.encode import ChromaFilter, ToolSet
from pillow_tpg.image import Samples, SimdLevel


def check(image: EncodedImage) -> pillow_tpg.TpgImage:
    """Decodes a file and compares it with the encoder's own reconstruction."""
    decoded = pillow_tpg.decode(image.data)
    assert (decoded.width, decoded.height) == image.size
    for index, plane in enumerate((decoded.y, decoded.cb, decoded.cr, decoded.alpha)):
        if plane is None:
            with pytest.raises(ValueError, match="no plane 3"):
                image.plane(index)
        else:
            assert np.array_equal(plane, image.plane(index)), f"plane {index}"
    assert np.array_equal(decoded.rgb(), image.rgb())
    assert decoded.info.qp == image.qp
    return decoded


def noise(*shape: int, seed: int = 1) -> Samples:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def scene(width: int, height: int) -> Samples:
    """A gradient with saturated shapes."""
    y, x = np.mgrid[0:height, 0:width]
    picture = Image.fromarray(
        np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], 2).astype(np.uint8)
    )
    draw = ImageDraw.Draw(picture)
    draw.ellipse([width // 4, height // 4, width // 2, height // 2], fill=(255, 0, 0))
    draw.text((2, 2), "OpenMogr 123", fill=(0, 0, 255))
    return np.asarray(picture)


def psnr(a: Samples, b: Samples) -> float:
    error = np.mean((a.astype(float) - b.astype(float)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def luma(pixels: Samples) -> Samples:
    """BT.601, limited range."""
    values: Samples = np.rint(16 + pixels @ np.array([0.256788, 0.504129, 0.097906])).astype(np.uint8)
    return values


@pytest.mark.parametrize("width", [1, 2, 7, 15, 16, 17, 33, 64, 65, 129, 200])
@pytest.mark.parametrize("height", [1, 3, 8, 31, 66, 200])
def test_sizes(width: int, height: int) -> None:
    pixels = scene(width, height)
    decoded = check(encode_image(pixels, qp=12, effort=1, chroma="box"))
    assert decoded.info.coded_width == max(16, -(-width // 8) * 8)
    assert decoded.info.coded_height == max(16, -(-height // 8) * 8)
    assert psnr(decoded.y, luma(pixels)) > 38


@pytest.mark.parametrize(
    ("width", "height"), [(16382, 1), (1, 16382), (16382, 9), (16377, 20), (9, 16376), (3, 12001)]
)
def test_extreme_aspect_ratios(width: int, height: int) -> None:
    check(encode_image(scene(width, height), qp=40, effort=0))


@pytest.mark.parametrize("tools", ["full", "genuine"])
@pytest.mark.parametrize("effort", range(10))
def test_efforts_and_tools(effort: int, tools: ToolSet) -> None:
    check(encode_image(scene(150, 90), qp=30, effort=effort, tools=tools))


@pytest.mark.parametrize("qp", range(64))
def test_every_qp(qp: int) -> None:
    decoded = check(encode_image(scene(70, 51), qp=qp, effort=2, tools="full" if qp % 2 else "genuine"))
    assert decoded.info.qp == qp


@pytest.mark.parametrize("lcu_size", [32, 64])
@pytest.mark.parametrize("qp", [0, 63])
def test_noise(qp: int, lcu_size: int) -> None:
    check(encode_image(noise(97, 131, 3), qp=qp, effort=3, lcu_size=lcu_size))


def test_options_of_the_full_set() -> None:
    pixels = scene(200, 140)
    plain = encode_image(pixels, qp=30, tools="full")
    for options in ({"chroma_qp_delta": (-6, -6)}, {"slice_rows": 1}, {"perceptual": 0.0}):
        image = encode_image(pixels, qp=30, tools="full", **options)
        check(image)
        assert image.data != plain.data


@pytest.mark.parametrize("value", [(0, 0, 0), (255, 255, 255), (255, 0, 0), (12, 200, 99)])
def test_flat(value: tuple[int, int, int]) -> None:
    image = encode_image(np.full((300, 400, 3), value, np.uint8), quality=50)
    decoded = check(image)
    assert np.abs(decoded.rgb().astype(int) - value).max() <= 4
    assert len(image.data) < 250


@pytest.mark.parametrize("chroma", ["box", "lanczos", "sharp"])
def test_chroma_filters(chroma: ChromaFilter) -> None:
    pixels = scene(161, 99)
    decoded = check(encode_image(pixels, qp=8, chroma=chroma))
    assert psnr(decoded.rgb(), pixels) > 27


@pytest.mark.parametrize("tools", ["full", "genuine"])
@pytest.mark.parametrize("number", range(12))
def test_photos(number: int, tools: ToolSet, shared: Path) -> None:
    paths = sorted((shared / "corpus" / "photos").glob("*.png"))
    assert len(paths) == 12
    with Image.open(paths[number]) as photo:
        whole = np.asarray(photo.convert("RGB"))
    # A part, at an effort and a QP of its own: whole ones at all efforts would take minutes.
    part = whole[37:293, 51:435]
    qp = 10 + 4 * number if tools == "genuine" else 58 - 4 * number
    image = encode_image(part, qp=qp, effort=(number * 3 + (tools == "full")) % 10, tools=tools, threads=2)
    check(image)
    assert psnr(image.rgb(), part) > 43 - 0.45 * qp


def test_a_whole_photo(shared: Path) -> None:
    path = shared / "corpus" / "photos" / "kodim07.png"
    with Image.open(path) as photo:
        image = encode_image(photo, threads=2, effort=3)
        check(image)
        assert len(image.data) < path.stat().st_size / 6
        assert pillow_tpg.Ssimulacra2(photo).score(image.rgb()) > 60


@pytest.mark.parametrize("tools", ["full", "genuine"])
def test_text(tools: ToolSet) -> None:
    picture = Image.new("RGB", (230, 120), (250, 250, 245))
    draw = ImageDraw.Draw(picture)
    for row in range(9):
        draw.text((3, 3 + 13 * row), "The quick brown fox 0123456789", fill=(20 * row, 10, 200 - 20 * row))
    for qp in (12, 30, 48):
        image = encode_image(picture, qp=qp, effort=7, tools=tools)
        check(image)
        # Half of the chroma of coloured text is lost at every QP.
        assert psnr(image.rgb(), np.asarray(picture)) > 27 - 0.15 * qp


@pytest.mark.parametrize("qp", range(0, 64, 3))
def test_alpha_at_every_third_qp(qp: int) -> None:
    y, x = np.mgrid[0:51, 0:70]
    pixels = np.dstack([scene(70, 51), np.clip(x * 6 - y * 3, 0, 255).astype(np.uint8)])
    check(encode_image(pixels, qp=qp, effort=qp % 10, tools="full" if qp % 2 else "genuine"))


@pytest.mark.parametrize("shape", [(80, 70), (80, 70, 1), (80, 70, 2), (80, 70, 3), (80, 70, 4)])
def test_shapes_of_arrays(shape: tuple[int, ...]) -> None:
    pixels = noise(*shape)
    decoded = check(encode_image(pixels, qp=4, effort=1))
    has_alpha = shape[2:] in {(2,), (4,)}
    assert (decoded.alpha is not None) == has_alpha
    if shape[2:] in {(), (1,), (2,)}:
        assert set(np.unique(decoded.cb)) == {128}
        grey = pixels.reshape(80, 70, -1)[:, :, 0]
        if not has_alpha:
            assert psnr(decoded.rgb()[:, :, 1], grey) > 40


def test_views_with_gaps() -> None:
    pixels = noise(60, 90, 4)
    view = pixels[::2, 10:70:3, :3]
    assert encode(view, qp=20) == encode(view.copy(), qp=20)


@pytest.mark.parametrize("tools", ["full", "genuine"])
def test_threads_and_simd_give_the_same_bytes(tools: ToolSet) -> None:
    pixels = np.dstack([scene(300, 260), noise(260, 300) // 2])
    levels: list[tuple[int, SimdLevel]] = [
        (1, "auto"),
        (2, "auto"),
        (5, "auto"),
        (1, "scalar"),
        (3, "scalar"),
    ]
    files = {
        encode(pixels, qp=28, tools=tools, effort=4, threads=threads, simd=simd) for threads, simd in levels
    }
    assert len(files) == 1


def test_attempts_give_the_same_bytes_on_every_machine() -> None:
    pixels = scene(150, 90)
    levels: list[tuple[int, SimdLevel]] = [(1, "auto"), (3, "auto"), (1, "scalar")]
    files = {
        encode(pixels, qp=30, tools="full", effort=9, threads=threads, simd=simd) for threads, simd in levels
    }
    assert len(files) == 1


def test_more_attempts_cost_less(shared: Path) -> None:
    """Squared error + lambda x bits, which is what the search minimises without perception."""
    with Image.open(shared / "corpus" / "photos" / "kodim07.png") as photo:
        grey = np.asarray(photo.convert("L").crop((200, 100, 520, 340)))
    qp = 34
    costs = []
    for effort in (5, 7, 9):
        image = encode_image(grey, qp=qp, effort=effort, tools="full", perceptual=0.0)
        wanted = 16 + grey * (219 / 255)
        error = float(np.sum((image.plane(0).astype(float) - wanted) ** 2))
        costs.append(error + 0.64 * 2 ** ((qp - 11) / 4) * 8 * len(image.data))
    assert costs[1] < 0.993 * costs[0], costs
    assert costs[2] < 0.995 * costs[1], costs


@st.composite
def sizes(draw: st.DrawFn) -> tuple[int, int]:
    """Width and height up to 200, with those around the sizes of coding units more often."""
    edges = st.sampled_from([1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 199, 200])
    side = st.one_of(edges, st.integers(1, 200))
    return draw(side), draw(side)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    size=sizes(),
    kind=st.sampled_from(["scene", "noise", "flat", "steps"]),
    alpha=st.sampled_from([None, "ramp", "noise"]),
    seed=st.integers(0, 999),
    qp=st.integers(0, 63),
    effort=st.integers(0, 6),
    tools=st.sampled_from(["full", "genuine"]),
)
def test_random_sizes(
    size: tuple[int, int], kind: str, alpha: str | None, seed: int, qp: int, effort: int, tools: ToolSet
) -> None:
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    if kind == "scene":
        pixels = scene(width, height)
    elif kind == "noise":
        pixels = noise(height, width, 3, seed=seed)
    elif kind == "flat":
        pixels = np.full((height, width, 3), seed % 256, np.uint8)
    else:
        steps = [(x // 5 * 40 + seed) % 256, y // 3 * 60 % 256, (x ^ y) % 256]
        pixels = np.stack(steps, 2).astype(np.uint8)
    if alpha is not None:
        plane = noise(height, width, seed=seed) if alpha == "noise" else (x * 3 + y) % 256
        pixels = np.dstack([pixels, plane.astype(np.uint8)])
    check(encode_image(pixels, qp=qp, effort=effort, tools=tools))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    pixels=arrays.arrays(
        np.uint8,
        st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 4)),
        elements=st.integers(0, 255),
    ),
    qp=st.integers(0, 63),
    effort=st.integers(0, 9),
    tools=st.sampled_from(["full", "genuine"]),
    chroma=st.sampled_from(["box", "lanczos", "sharp"]),
    threads=st.integers(1, 3),
)
def test_random_pictures(
    pixels: Samples,
    qp: int,
    effort: int,
    tools: ToolSet,
    chroma: ChromaFilter,
    threads: int,
) -> None:
    check(encode_image(pixels, qp=qp, effort=effort, tools=tools, chroma=chroma, threads=threads))
