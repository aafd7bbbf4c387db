"""``openmogr compress`` keeps what would only grow, and tells what outputs lack."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from openmogr.cli.exit_codes import ExitCode

Run = Callable[..., Result]


@pytest.fixture
def noisy() -> Image.Image:
    noise = [Image.effect_noise((96, 64), 60) for _ in range(3)]
    return Image.merge("RGB", noise)


@pytest.fixture
def poor(tmp_path: Path, noisy: Image.Image) -> Path:
    """A JPEG that is longer in every other coding."""
    path = tmp_path / "poor.jpg"
    noisy.save(path, quality=10, optimize=True)
    return path


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("options", [["--format", "png"], ["--op", "imageMogr2/format/png"]])
def test_a_result_that_grew_is_not_written(run: Run, poor: Path, tmp_path: Path, options: list[str]) -> None:
    out = tmp_path / "out"
    for more in ([], ["--overwrite"], ["--out", out]):
        result = run(poor, *options, *more)
        assert result.exit_code == ExitCode.OK, result.output
        assert _names(tmp_path) == {"poor.jpg"}
        row = next(line for line in result.output.splitlines() if "poor.jpg" in line)
        assert "kept, would have grown by" in row
        assert row.endswith("0.0 %")
        assert "--write-larger" in result.output
    result = run(poor, *options, "--write-larger")
    assert result.exit_code == ExitCode.OK
    assert (tmp_path / "poor.png").stat().st_size > poor.stat().st_size
    assert "kept" not in result.output


def test_the_growth_is_told(run: Run, poor: Path, tmp_path: Path) -> None:
    told = run(poor, "--format", "bmp").output
    assert run(poor, "--format", "bmp", "--write-larger").exit_code == ExitCode.OK
    before, after = poor.stat().st_size, (tmp_path / "poor.bmp").stat().st_size
    assert f"would have grown by {100 * (after - before) / before:.0f} %" in told


def test_a_kept_file_does_not_change_the_sum(
    run: Run, poor: Path, tmp_path: Path, noisy: Image.Image
) -> None:
    Image.linear_gradient("L").save(tmp_path / "big.bmp")
    result = run(tmp_path, "--format", "png")
    assert _names(tmp_path) == {"poor.jpg", "big.bmp", "big.png"}
    assert "2 of 2 files" in result.output
    assert "kept: 1 file that would have grown" in result.output
    after = poor.stat().st_size + (tmp_path / "big.png").stat().st_size
    assert f"{after / 1024:.1f} KiB" in result.output.splitlines()[-2]


def test_an_animation_that_grew_is_kept(run: Run, tmp_path: Path) -> None:
    frames = [Image.effect_noise((64, 64), 99).point([0] * 128 + [255] * 128).convert("1") for _ in range(5)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=100)
    result = run(tmp_path / "a.gif", "--format", "webp", "--quality", "95")
    assert result.exit_code == ExitCode.OK
    assert "kept, would have grown by" in result.output
    assert _names(tmp_path) == {"a.gif"}


def test_what_changes_the_picture_is_written(run: Run, poor: Path, tmp_path: Path) -> None:
    result = run(poor, "--op", "imageMogr2/rotate/90", "--format", "png")
    assert result.exit_code == ExitCode.OK
    assert (tmp_path / "poor.png").stat().st_size > poor.stat().st_size


def test_a_thumbnail_that_changes_nothing_is_none(run: Run, poor: Path, tmp_path: Path) -> None:
    operations = ["thumbnail/1600x1600>", "thumbnail/96x", "thumbnail/!100p", "auto-orient"]
    for operation in operations:
        run(poor, "--op", f"imageMogr2/{operation}", "--format", "png")
        assert _names(tmp_path) == {"poor.jpg"}, operation
    run(poor, "--op", "imageMogr2/thumbnail/95x", "--format", "png")
    assert _names(tmp_path) == {"poor.jpg", "poor.png"}


def test_a_png_is_not_rewritten_longer(
    run: Run, tmp_path: Path, noisy: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is optimised may be shorter.
    monkeypatch.setenv("OPENMOGR_IMAGE_PNG_EFFORT", "0")
    source = tmp_path / "a.png"
    noisy.quantize(16).save(source, optimize=True)
    content, time = source.read_bytes(), source.stat().st_mtime_ns
    out = tmp_path / "out"
    for options in (
        ["--format", "png"],
        ["--op", "imageMogr2/thumbnail/1600x>"],
        ["--format", "png", "--quality", "50"],
    ):
        result = run(source, *options, "--out", out, "--overwrite")
        assert result.exit_code == ExitCode.OK
        assert (out / "a.png").read_bytes() == content
        assert "a.png (kept, would have grown by" in result.output
        result = run(source, *options, "--overwrite")
        assert result.exit_code == ExitCode.OK
        assert (source.read_bytes(), source.stat().st_mtime_ns) == (content, time)
        assert "kept, would have grown by" in result.output
    run(source, "--format", "png", "--out", out, "--overwrite", "--write-larger")
    assert len((out / "a.png").read_bytes()) > len(content)


def test_what_outputs_lack_is_told_per_file_and_in_sum(run: Run, tmp_path: Path, noisy: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x010F] = "OpenMogr"
    noisy.save(tmp_path / "photo.png", exif=exif)
    noisy.save(tmp_path / "moving.png", save_all=True, append_images=[noisy.rotate(90), noisy.rotate(180)])
    noisy.save(tmp_path / "pages.tiff", save_all=True, append_images=[noisy])
    clear = noisy.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    clear.save(tmp_path / "clear.png", exif=exif)
    noisy.save(tmp_path / "plain.png")
    result = run(tmp_path, "--op", "imageMogr2/format/bmp", "--out", tmp_path / "out", "--write-larger")
    assert result.exit_code == ExitCode.OK
    notes = {Path(line.split(": ")[0]).name: line.split(": ")[1] for line in result.stderr.splitlines()}
    assert notes == {
        "photo.png": "the output lacks EXIF",
        "moving.png": "the output lacks all frames but the first",
        "pages.tiff": "the output lacks all pages but the first",
        "clear.png": "the output lacks transparency, EXIF",
    }
    assert (
        "lost: frames of 1 file, pages of 1 file, transparency of 1 file, metadata of 2 files"
        in result.stdout
    )


def test_nothing_is_said_where_nothing_is_lost(run: Run, tmp_path: Path, noisy: Image.Image) -> None:
    noisy.save(tmp_path / "plain.png")
    result = run(tmp_path / "plain.png", "--format", "webp")
    assert result.stderr == ""
    assert "lost" not in result.stdout


def test_tpg_outputs_are_upright_unless_told(run: Run, tmp_path: Path, noisy: Image.Image) -> None:
    pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
    exif = Image.Exif()
    exif[0x0112] = 6
    noisy.save(tmp_path / "a.png", exif=exif)
    for options, size, orientation in (([], (64, 96), 1), (["--keep-orientation"], (96, 64), 6)):
        result = run(tmp_path / "a.png", "--format", "tpg", "--overwrite", *options)
        assert result.exit_code == ExitCode.OK, result.output
        with Image.open(tmp_path / "a.tpg") as picture:
            assert picture.size == size
            assert picture.getexif()[0x0112] == orientation
    result = run(tmp_path / "a.png", "--op", "imageMogr2/format/tpg", "--overwrite", "--keep-orientation")
    with Image.open(tmp_path / "a.tpg") as picture:
        assert picture.size == (96, 64)


@pytest.mark.parametrize(
    ("name", "options", "turned"),
    [
        ("a.gif", (), True),
        ("a.bmp", (), True),
        ("a.tiff", ("--metadata", "none"), True),
        ("a.webp", (), False),
        ("a.webp", ("--metadata", "copyright"), False),
        ("a.webp", ("--metadata", "none"), True),
        ("a.jpg", ("--metadata", "none", "--resize", "50%"), True),
        ("a.webp", ("--op", "imageMogr2/strip"), True),
        ("a.webp", ("--metadata", "none", "--keep-orientation"), False),
        ("a.gif", ("--keep-orientation",), False),
    ],
)
def test_outputs_that_do_not_tell_how_they_lie_are_upright(
    run: Run, tmp_path: Path, noisy: Image.Image, name: str, options: tuple[str, ...], turned: bool
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    noisy.save(tmp_path / "in.png", exif=exif)
    output = tmp_path / name
    result = run(tmp_path / "in.png", "-o", output, "--write-larger", *options)
    assert result.exit_code == ExitCode.OK, result.output
    with Image.open(output) as picture:
        assert (picture.width < picture.height) is turned
        told = picture.getexif().get(0x0112, 1)
    assert told == (6 if name == "a.webp" and not turned and "none" not in options else 1)


def test_a_tiff_that_stays_one_tells_how_it_lies(run: Run, tmp_path: Path, noisy: Image.Image) -> None:
    noisy.save(tmp_path / "in.tif", tiffinfo={274: 6})
    for options, told in (((), 6), (("--metadata", "none"), 1)):
        result = run(
            tmp_path / "in.tif", "-f", "tiff", "--out", tmp_path / str(told), "--write-larger", *options
        )
        assert result.exit_code == ExitCode.OK, result.output
        with Image.open(tmp_path / str(told) / "in.tif") as picture:
            assert isinstance(picture, TiffImageFile)
            assert picture.tag_v2.get(274, 1) == told
            assert (dict(picture.tag_v2)[256] < dict(picture.tag_v2)[257]) is (told == 1)
