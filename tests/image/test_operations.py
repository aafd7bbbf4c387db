"""What operations do to pixels, against exact small arithmetic or Pillow, with stated bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image, ImageFilter

from openmogr.errors import ImageResolutionExceed, InvalidArgument, InvalidImageFormat
from openmogr.image import ImageSettings, Processor, Source, parse_operation
from openmogr.image.steps.adjust import effective_sigma

from .conftest import Run, decoded, encoded, on_white, photo, pixels, psnr


def numbered(width: int = 6, height: int = 4) -> Image.Image:
    """Every pixel differs from every other."""
    index = np.arange(width * height, dtype=np.uint8).reshape(height, width)
    return Image.fromarray(np.stack([index, index * 5, 255 - index], axis=-1))


@pytest.mark.parametrize(
    ("operation", "rows"),
    [
        ("cut/3x2x1x1", lambda a: a[1:3, 1:4]),
        ("cut/3x2x0x0/gravity/southeast", lambda a: a[2:4, 3:6]),
        ("cut/3x2x1x1/gravity/southeast", lambda a: a[1:3, 2:5]),
        ("crop/4x/gravity/east", lambda a: a[:, 2:6]),
        ("crop/x2", lambda a: a[1:3, :]),
        ("crop/!3x2a1a1", lambda a: a[1:3, 1:4]),
        ("rotate/90", lambda a: np.rot90(a, -1)),
        ("rotate/180", lambda a: np.rot90(a, 2)),
        ("rotate/270", lambda a: np.rot90(a)),
        ("rotate/360", lambda a: a),
        ("rotate/0", lambda a: a),
        ("flip/vertical", lambda a: a[::-1]),
        ("flip/horizontal", lambda a: a[:, ::-1]),
        ("thumbnail/!100p", lambda a: a),
        ("flip/vertical/cut/2x2x0x0", lambda a: a[::-1][:2, :2]),
        ("cut/2x2x0x0/flip/vertical", lambda a: a[:2, :2][::-1]),
    ],
)
def test_exact_operations(operation: str, rows: object, run: Run) -> None:
    assert callable(rows)
    source = numbered()
    result = run(f"imageMogr2/{operation}", source)
    expected = rows(pixels(source))
    assert np.array_equal(pixels(decoded(result)), expected)
    assert (result.width, result.height) == (expected.shape[1], expected.shape[0])


def test_stages_follow_each_other(run: Run) -> None:
    source = numbered()
    one = run("imageMogr2/cut/4x4x1x0|imageMogr2/rotate/90|imageMogr2/flip/vertical", source)
    assert np.array_equal(pixels(decoded(one)), np.rot90(pixels(source)[0:4, 1:5], -1)[::-1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_auto_orient(orientation: int, run: Run, processor: Processor) -> None:
    upright = numbered()
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](pixels(upright))
    exif = Image.Exif()
    exif[0x0112] = orientation
    source = encoded(Image.fromarray(np.ascontiguousarray(stored)), "PNG", exif=exif)
    turned = run("imageMogr2/auto-orient", source)
    assert np.array_equal(pixels(decoded(turned)), pixels(upright))
    assert decoded(turned).getexif()[0x0112] == 1
    kept = run("imageMogr2/flip/horizontal/flip/horizontal/format/png", source)
    assert decoded(kept).getexif()[0x0112] == orientation
    assert processor.image_info(Source(data=source)).orientation == orientation
    # Scaled after turning: the size counts upright.
    assert run("imageMogr2/auto-orient/thumbnail/3x", source).height == 2


@pytest.mark.parametrize("size", [(80, 60), (33, 17), (1, 1), (320, 240), (160, 7)])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA"])
def test_scaling_agrees_with_pillow(size: tuple[int, int], mode: str, run: Run) -> None:
    source = photo(mode=mode)
    grows = size[0] > source.width
    filtered = Image.Resampling.BICUBIC if grows else Image.Resampling.LANCZOS
    expected = source.resize(size, filtered)
    result = decoded(run(f"imageMogr2/thumbnail/{size[0]}x{size[1]}!", source))
    assert result.mode == mode
    # A single pixel is the mean of all, where Pillow's two-pass reduction rounds more often.
    assert psnr(on_white(result), on_white(expected)) > (36 if size == (1, 1) else 42)


def test_view_crops_the_middle(run: Run) -> None:
    source = photo(200, 100)
    expected = source.resize((120, 60), Image.Resampling.LANCZOS).crop((30, 0, 90, 60))
    result = run("imageView2/1/w/60/h/60", source)
    assert (result.width, result.height) == (60, 60)
    assert psnr(pixels(decoded(result)), pixels(expected)) > 42


@pytest.mark.parametrize(("color", "rgb"), [("", (255, 255, 255)), ("/color/IzEwODBGRg", (0x10, 0x80, 0xFF))])
def test_pad_centres_on_the_canvas(color: str, rgb: tuple[int, int, int], run: Run) -> None:
    for mode in ("RGB", "L"):
        source = photo(40, 20, mode)
        result = pixels(decoded(run(f"imageMogr2/thumbnail/40x40/pad/1{color}", source)))
        assert np.array_equal(result[10:30], pixels(source))
        assert np.all(result[:10] == rgb)
        assert np.all(result[30:] == rgb)


@pytest.mark.parametrize("turn", [None, "flip/horizontal", "flip/vertical", "auto-orient"])
@pytest.mark.parametrize(
    ("size", "width"), [((97, 61), 12), ((47, 31), 20), ((401, 267), 190), ((1001, 667), 100)]
)
def test_jpegs_that_decoders_shrink_are_not_stretched(
    size: tuple[int, int], width: int, turn: str | None, run: Run
) -> None:
    """The last pixels of what they give reach beyond the picture."""
    exif = Image.Exif()
    exif[0x0112] = 7
    source = encoded(photo(*size), "JPEG", quality=100, subsampling=0, exif=exif)
    whole = decoded(source).convert("RGB")
    scaled = whole.resize((width, round(size[1] * width / size[0])), Image.Resampling.LANCZOS)
    turns = {
        "flip/horizontal": Image.Transpose.FLIP_LEFT_RIGHT,
        "flip/vertical": Image.Transpose.FLIP_TOP_BOTTOM,
        "auto-orient": Image.Transpose.TRANSVERSE,
    }
    expected = scaled.transpose(turns[turn]) if turn else scaled
    side = f"x{width}" if turn == "auto-orient" else f"{width}x"
    steps = f"{turn}/thumbnail/{side}" if turn else f"thumbnail/{side}"
    result = pixels(decoded(run(f"imageMogr2/{steps}/format/png", source)))
    assert np.abs(result.astype(int) - pixels(expected)).max() <= 7


def test_pad_of_a_transparent_picture_keeps_it_transparent(run: Run) -> None:
    result = decoded(run("imageMogr2/thumbnail/40x40/pad/1", photo(40, 20, "RGBA")))
    assert result.getchannel("A").getpixel((0, 0)) == 255
    assert result.getchannel("A").getpixel((39, 20)) == 0


def test_free_rotation_grows_the_canvas(run: Run) -> None:
    source = Image.new("RGB", (100, 60), (200, 30, 30))
    result = decoded(run("imageMogr2/rotate/45", source)).convert("RGBA")
    side = (100 + 60) / math.sqrt(2)
    assert abs(result.width - side) <= 1
    assert abs(result.height - side) <= 1
    assert result.getchannel("A").getpixel((0, 0)) == 0
    middle = result.getpixel((result.width // 2, result.height // 2))
    assert middle == (200, 30, 30, 255)
    # No dark seam: colour stays while alpha falls.
    samples = np.asarray(result)
    edge = samples[(samples[..., 3] > 40) & (samples[..., 3] < 255)]
    assert np.abs(edge[:, :3].astype(int) - (200, 30, 30)).max() < 12
    flat = decoded(run("imageMogr2/rotate/45/format/bmp", source))
    assert flat.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("degrees", [1, 30, 45, 89, 135, 333, 200.5])
@pytest.mark.parametrize("size", [(150, 101), (51, 50), (40, 40)])
def test_free_rotation_turns_about_the_centre(
    size: tuple[int, int], degrees: float, mode: str, run: Run
) -> None:
    ramp = np.add.outer(np.arange(size[1]), np.arange(size[0])).astype(np.uint8)
    result = decoded(run(f"imageMogr2/rotate/{degrees}", Image.fromarray(ramp).convert(mode)))
    assert result.mode == ("LA" if mode == "L" else result.mode)
    samples = pixels(result, "RGBA").astype(float)
    turn = math.radians(degrees)
    y, x = np.mgrid[: result.height, : result.width] + 0.5
    across, down = x - result.width / 2, y - result.height / 2
    left = math.cos(turn) * across + math.sin(turn) * down + size[0] / 2 - 0.5
    top = -math.sin(turn) * across + math.cos(turn) * down + size[1] / 2 - 0.5
    inside = (left > 3) & (left < size[0] - 4) & (top > 3) & (top < size[1] - 4)
    assert np.abs(samples[..., 0] - (left + top))[inside].max() <= 1


def test_free_rotation_keeps_grey(run: Run) -> None:
    assert decoded(run("imageMogr2/rotate/30", encoded(photo(mode="L"), "JPEG"))).mode == "L"


def test_round_corners_and_circle(run: Run) -> None:
    source = Image.new("RGB", (60, 40), (10, 120, 200))
    rounded = decoded(run("imageMogr2/rradius/10/format/png", source)).convert("RGBA")
    alpha = np.asarray(rounded.getchannel("A")).astype(int)
    assert rounded.size == (60, 40)
    assert alpha[0, 0] == alpha[-1, 0] == alpha[0, -1] == alpha[-1, -1] == 0
    assert alpha[0, 10:-10].min() == 255
    assert alpha[10:-10].min() == 255
    removed = (255 * 60 * 40 - alpha.sum()) / 255
    assert removed == pytest.approx((4 - math.pi) * 100, abs=2)
    circle = decoded(run("imageMogr2/iradius/20/format/png", source)).convert("RGBA")
    assert circle.size == (40, 40)
    covered = np.asarray(circle.getchannel("A")).astype(int).sum() / 255
    assert covered == pytest.approx(math.pi * 400, abs=4)
    flat = decoded(run("imageMogr2/iradius/20/format/jpg", source))
    assert pixels(flat)[0, 0].min() > 245


@pytest.mark.parametrize("operation", ["iradius/21", "rradius/9999"])
def test_radius_outside_the_picture_is_refused(operation: str, run: Run) -> None:
    with pytest.raises(InvalidArgument, match="radius"):
        run(f"imageMogr2/{operation}", Image.new("RGB", (60, 40)))


def test_radius_does_not_take_gif(run: Run) -> None:
    with pytest.raises(InvalidImageFormat, match="GIF"):
        run("imageMogr2/iradius/5/format/png", encoded(photo(40, 40), "GIF"))


def test_tone(run: Run) -> None:
    source = photo()
    samples = pixels(source).astype(float)

    def result(operation: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return pixels(decoded(run(f"imageMogr2/{operation}", source))).astype(np.float64)

    assert np.abs(result("bright/40") - np.clip(samples + 51, 0, 255)).max() <= 1
    assert np.abs(result("bright/-100") - np.clip(samples - 127.5, 0, 255)).max() <= 1
    assert np.abs(result("contrast/50") - np.clip((samples - 127.5) * 1.5 + 127.5, 0, 255)).max() <= 1
    assert np.abs(result("contrast/-100") - 127.5).max() <= 1
    luma = samples @ (0.299, 0.587, 0.114)
    assert np.abs(result("grayscale/1") - luma[..., None]).max() <= 1
    assert np.array_equal(result("grayscale/0/format/png"), samples)
    blurred = np.asarray(source.filter(ImageFilter.GaussianBlur(2)), dtype=float)
    assert np.abs(result("blur/20x2") - blurred).max() <= 1
    sharpened = result("sharpen/300")
    assert np.abs(np.diff(sharpened, axis=1)).sum() > np.abs(np.diff(samples, axis=1)).sum()


@pytest.mark.parametrize("hidden", [0, 255])
def test_sharpening_passes_over_invisible_colours(hidden: int, run: Run) -> None:
    samples = np.full((40, 60, 4), (hidden, hidden, hidden, 0), np.uint8)
    samples[10:30, 20:40] = (200, 90, 40, 255)
    result = np.asarray(decoded(run("imageMogr2/sharpen/150", Image.fromarray(samples))).convert("RGBA"))
    assert np.array_equal(result[..., 3], samples[..., 3])
    shown = result[10:30, 20:40, :3].astype(int)
    assert np.abs(shown - (200, 90, 40)).max() <= 5


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA"])
@pytest.mark.parametrize(("radius", "sigma"), [(1, 1), (1, 0.5), (1, 100), (2, 1), (2, 3), (2, 0)])
@pytest.mark.parametrize("size", [(40, 30), (1, 1), (1, 9), (3, 2)])
def test_small_blurs_are_convolutions(
    size: tuple[int, int], radius: int, sigma: float, mode: str, run: Run
) -> None:
    samples = np.random.default_rng(4).integers(0, 256, (size[1], size[0], 4)).astype(np.uint8)
    if mode in {"L", "LA"}:
        samples[..., 1:3] = samples[..., :1]
    if not mode.endswith("A"):
        samples[..., 3] = 255
    steps = np.arange(-radius, radius + 1)
    weights = np.exp(-(steps**2) / (2 * (sigma or radius / 2) ** 2))
    kernel = np.outer(weights, weights) / weights.sum() ** 2
    shown = samples.astype(float)
    shown[..., :3] *= shown[..., 3:] / 255
    wide = np.pad(shown, ((radius, radius), (radius, radius), (0, 0)), "edge")
    expected = sum(
        kernel[y, x] * wide[y : y + size[1], x : x + size[0]]
        for y in range(len(kernel))
        for x in range(len(kernel))
    )
    result = decoded(run(f"imageMogr2/blur/{radius}x{sigma}/format/tiff", Image.fromarray(samples)))
    found = pixels(result, "RGBA").astype(float)
    found[..., :3] *= found[..., 3:] / 255
    assert np.abs(found - expected).max() <= 2


def test_effective_sigma_of_a_cut_off_kernel() -> None:
    assert effective_sigma(50, 3) == pytest.approx(3, abs=1e-6)
    assert effective_sigma(1, 1000) == pytest.approx(math.sqrt(2 / 3), abs=1e-4)
    assert effective_sigma(10, 0) == effective_sigma(10, 5)


@pytest.mark.parametrize("operation", ["blur/5x3", "sharpen/100", "bright/30", "contrast/30", "grayscale/1"])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_tone_keeps_alpha(operation: str, mode: str, run: Run) -> None:
    source = photo(mode=mode)
    result = decoded(run(f"imageMogr2/{operation}", source))
    difference = np.asarray(result.getchannel("A"), int) - np.asarray(source.getchannel("A"), int)
    bound = 12 if operation.startswith("blur") else 0
    assert np.abs(difference).max() <= bound


def test_results_keep_the_limits() -> None:
    small = Processor(ImageSettings(max_side=100, max_pixels=6000))
    source = Source(data=encoded(photo(50, 50), "PNG"))
    for operation in (
        "thumbnail/101x1!",
        "thumbnail/80x80!",
        "thumbnail/!200p",
        "rotate/45/thumbnail/99x99!",
    ):
        with pytest.raises(ImageResolutionExceed) as caught:
            small.execute(parse_operation(f"imageMogr2/{operation}"), source)
        assert caught.value.number == -442
    clamped = Processor(ImageSettings(max_parameter=20))
    assert clamped.execute(parse_operation("imageMogr2/thumbnail/90x"), source).width == 20


@pytest.mark.parametrize(
    ("operation", "size"),
    [
        ("imageMogr2/thumbnail/!50p", (2000, 1500)),
        ("imageMogr2/thumbnail/640x/format/webp/quality/75", (640, 480)),
        ("imageMogr2/thumbnail/!800x800r", (1067, 800)),
        ("imageMogr2/thumbnail/800x800/pad/1/color/IzAwMDAwMA", (800, 800)),
        ("imageMogr2/thumbnail/300000@", (632, 474)),
        ("imageMogr2/crop/300x400/gravity/center", (300, 400)),
        ("imageMogr2/cut/600x600x100x10", (600, 600)),
        ("imageView2/1/w/500/h/400", (500, 400)),
        ("imageView2/5/w/800/h/400", (800, 400)),
    ],
)
def test_worked_examples(operation: str, size: tuple[int, int], run: Run, large: bytes) -> None:
    """docs/spec/api/image-mogr2.md#13, with a JPEG that is decoded at reduced size where that is possible."""
    result = run(operation, large)
    assert (result.width, result.height) == decoded(result).size == size


@pytest.fixture(scope="module")
def large() -> bytes:
    return encoded(photo(4000, 3000), "JPEG", quality=90)


def test_reduced_decoding_shows_the_same_picture(run: Run, large: bytes) -> None:
    full = decoded(large).resize((300, 225), Image.Resampling.LANCZOS)
    reduced = decoded(run("imageMogr2/thumbnail/300x/format/png", large))
    assert psnr(pixels(reduced), pixels(full)) > 40
