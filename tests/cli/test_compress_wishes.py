"""What may be wished of ``openmogr compress`` besides a format and a quality."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from PIL import Image, ImageOps

from openmogr.cli.compress.progress import _clock
from openmogr.cli.exit_codes import ExitCode
from openmogr.image.quality.metric import scorer
from openmogr.image.source.nclx import nclx_profile

Run = Callable[..., Result]


@pytest.fixture
def photo() -> Image.Image:
    """Smooth, with some texture, 192 x 128 pixels."""
    red = Image.linear_gradient("L").resize((192, 128))
    green = Image.radial_gradient("L").resize((192, 128))
    return Image.merge("RGB", (red, green, Image.effect_noise((192, 128), 20)))


@pytest.fixture
def picture(tmp_path: Path, photo: Image.Image) -> Path:
    path = tmp_path / "a.png"
    photo.save(path)
    return path


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


# Sizes and quality


@pytest.mark.parametrize(
    ("wish", "size"),
    [
        (["--resize", "96x96"], (96, 64)),
        (["--resize", "96x"], (96, 64)),
        (["--resize", "x32"], (48, 32)),
        (["--resize", "50%"], (96, 64)),
        (["--resize", "400x400"], (192, 128)),
        (["--resize", "384x384", "--enlarge"], (384, 256)),
        (["--resize", "150%", "--enlarge"], (288, 192)),
        (["--op", "imageMogr2/rotate/90", "--resize", "64x"], (64, 96)),
    ],
)
def test_resize_fits_and_enlarges_only_when_told(
    run: Run, picture: Path, wish: list[str], size: tuple[int, int]
) -> None:
    result = run(picture, "-f", "webp", *wish)
    assert result.exit_code == ExitCode.OK, result.output
    assert size_of(picture.with_suffix(".webp")) == size


def test_a_target_score_is_reached_in_few_bytes(run: Run, picture: Path, photo: Image.Image) -> None:
    pytest.importorskip("pillow_tpg", reason="the metric is part of the TPG codec")
    sizes = []
    for score in (60, 85):
        wish = ["--target-ssimulacra2", str(score), "--overwrite", "always"]
        assert run(picture, "-f", "webp", *wish).exit_code == ExitCode.OK
        made = picture.with_suffix(".webp")
        with Image.open(made) as image:
            assert scorer(photo)(image) >= score - 0.5
        sizes.append(made.stat().st_size)
    assert sizes[0] < 0.8 * sizes[1]


def test_lossless_keeps_every_pixel(run: Run, picture: Path, photo: Image.Image) -> None:
    assert run(picture, "-f", "webp", "--lossless").exit_code == ExitCode.OK
    with Image.open(picture.with_suffix(".webp")) as image:
        assert image.convert("RGB").tobytes() == photo.tobytes()


def test_max_size_is_kept(run: Run, picture: Path) -> None:
    assert run(picture, "-f", "jpg", "-q", "95", "--max-size", "3k").exit_code == ExitCode.OK
    assert picture.with_suffix(".jpg").stat().st_size <= 3 * 1024


def test_effort_makes_files_smaller(run: Run, picture: Path) -> None:
    sizes = []
    for effort in ("0", "9"):
        assert run(picture, "-f", "webp", "--effort", effort, "--overwrite").exit_code == ExitCode.OK
        sizes.append(picture.with_suffix(".webp").stat().st_size)
    assert sizes[1] < sizes[0]


def test_the_smallest_of_several_formats(run: Run, picture: Path, tmp_path: Path) -> None:
    sizes = {}
    for name in ("jpg", "webp"):
        assert run(picture, "-f", name, "--out", tmp_path / "each").exit_code == ExitCode.OK
        sizes[name] = (tmp_path / "each" / f"a.{name}").stat().st_size
    result = run(picture, "-f", "jpg,webp", "--out", tmp_path / "best")
    assert result.exit_code == ExitCode.OK, result.output
    (made,) = (tmp_path / "best").iterdir()
    best = min(sizes, key=lambda name: sizes[name])
    assert (made.name, made.stat().st_size) == (f"a.{best}", sizes[best])


def test_a_format_that_loses_transparency_is_not_the_best(
    run: Run, tmp_path: Path, photo: Image.Image
) -> None:
    photo.putalpha(Image.radial_gradient("L").resize(photo.size))
    photo.save(tmp_path / "clear.png")
    assert run(tmp_path / "clear.png", "-f", "auto", "--out", tmp_path / "out").exit_code == ExitCode.OK
    (made,) = (tmp_path / "out").iterdir()
    assert made.suffix in (".webp", ".avif", ".png")


# Where outputs go


def test_one_output_is_named(run: Run, picture: Path, tmp_path: Path) -> None:
    assert run(picture, "-o", tmp_path / "deep" / "b.avif").exit_code == ExitCode.OK
    with Image.open(tmp_path / "deep" / "b.avif") as image:
        assert image.format == "AVIF"
    assert run(picture, "-q", "30", "-o", tmp_path / "c.jpeg").exit_code == ExitCode.OK
    with Image.open(tmp_path / "c.jpeg") as image:
        assert image.format == "JPEG"


def test_standard_input_and_output(picture: Path, photo: Image.Image) -> None:
    command = [sys.executable, "-m", "openmogr", "compress", "-", "-o", "-", "-f", "png", "--resize", "50%"]
    done = subprocess.run(command, input=picture.read_bytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"\x89PNG")
    assert int.from_bytes(done.stdout[16:20], "big") == photo.width // 2


def test_patterns_keep_the_tree_behind_their_fixed_part(run: Run, tmp_path: Path, photo: Image.Image) -> None:
    for place in ("in/x", "in/y/z"):
        (tmp_path / place).mkdir(parents=True)
        photo.save(tmp_path / place / "p.png")
        photo.save(tmp_path / place / "q.bmp")
    result = run(str(tmp_path / "in" / "**" / "*.png"), "-f", "webp", "--out", tmp_path / "out")
    assert result.exit_code == ExitCode.OK, result.output
    made = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    assert made == {"x/p.webp", "y/z/p.webp"}
    assert run(str(tmp_path / "in" / "*.gif"), "-f", "webp").exit_code == ExitCode.FILES


def test_a_suffix_and_no_folders_below(run: Run, picture: Path, photo: Image.Image) -> None:
    folder = picture.parent
    (folder / "below").mkdir()
    photo.save(folder / "below" / "b.png")
    for _ in range(2):
        result = run(folder, "--resize", "50%", "--suffix", "-small", "--no-recursive", "--overwrite")
        assert result.exit_code == ExitCode.OK, result.output
    assert {path.name for path in folder.rglob("*.png")} == {"a.png", "a-small.png", "b.png"}
    assert size_of(folder / "a-small.png") == (96, 64)


# What is written


def test_only_larger_files_are_replaced(run: Run, picture: Path) -> None:
    made = picture.with_suffix(".webp")
    assert run(picture, "-f", "webp", "-q", "40").exit_code == ExitCode.OK
    small = made.read_bytes()
    result = run(picture, "-f", "webp", "-q", "90", "--overwrite", "smaller")
    assert result.exit_code == ExitCode.OK
    assert made.read_bytes() == small
    assert run(picture, "-f", "webp", "-q", "20", "--overwrite", "smaller").exit_code == ExitCode.OK
    assert made.stat().st_size < len(small)


@pytest.mark.parametrize(("wish", "written"), [("5%", True), ("99.9%", False), ("1k", True), ("1g", False)])
def test_a_source_is_kept_that_would_save_too_little(
    run: Run, picture: Path, wish: str, written: bool
) -> None:
    result = run(picture, "-f", "webp", "--min-savings", wish)
    assert result.exit_code == ExitCode.OK, result.output
    assert picture.with_suffix(".webp").exists() == written
    assert ("would have saved" in result.output) != written


def test_a_dry_run_writes_nothing(run: Run, picture: Path) -> None:
    result = run(picture, "-f", "webp", "--dry-run", "--skip-existing")
    assert result.exit_code == ExitCode.OK
    assert "would be" in result.output
    assert [path.name for path in picture.parent.iterdir()] == ["a.png"]
    assert run(picture, "-f", "webp").exit_code == ExitCode.OK
    assert re.search(rf"{picture.with_suffix('.webp').stat().st_size / 1024:.1f} KiB", result.output)


def test_dates_are_kept_when_told(run: Run, picture: Path) -> None:
    os.utime(picture, ns=(1_000_000_000, 1_234_567_890_123_456_789))
    assert run(picture, "-f", "webp", "--keep-dates").exit_code == ExitCode.OK
    assert picture.with_suffix(".webp").stat().st_mtime_ns == 1_234_567_890_123_456_789


@pytest.mark.parametrize("name", ["jpg", "webp", "png", "avif"])
@pytest.mark.parametrize(
    ("kept", "tags"),
    [("all", {0x010F, 0x013B, 0x8298}), ("copyright", {0x013B, 0x8298}), ("none", set())],
)
def test_metadata_that_outputs_keep(
    run: Run, tmp_path: Path, photo: Image.Image, name: str, kept: str, tags: set[int]
) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x013B], exif[0x8298] = "Maker", "Ansel", "(c) 1942 Ansel"
    photo.save(tmp_path / "a.jpg", exif=exif, quality=95)
    out = tmp_path / "out"
    result = run(
        tmp_path / "a.jpg", "-f", name, "-q", "50", "--metadata", kept, "--out", out, "--write-larger"
    )
    assert result.exit_code == ExitCode.OK, result.output
    assert "lacks" not in result.output
    with Image.open(out / f"a.{name}") as image:
        found = image.getexif()
        assert {tag for tag in found if tag in (0x010F, 0x013B, 0x8298)} == tags
        assert found.get(0x8298) == (None if kept == "none" else "(c) 1942 Ansel")


@pytest.mark.parametrize("name", ["jpg", "webp", "png", "avif", "tiff"])
def test_colours_that_outputs_keep(run: Run, tmp_path: Path, photo: Image.Image, name: str) -> None:
    profile = nclx_profile(12, 13)
    photo.save(tmp_path / "a.jpg", icc_profile=profile, quality=95)
    told = ("-f", name, "-q", "95!", "--resize", "96x96", "--write-larger")
    for icc, wanted in (("keep", profile), ("srgb", None)):
        result = run(tmp_path / "a.jpg", *told, "--icc", icc, "--out", tmp_path / icc)
        assert result.exit_code == ExitCode.OK, result.output
        assert "lacks" not in result.output
        with Image.open(tmp_path / icc / f"a.{name}") as image:
            assert image.info.get("icc_profile") == wanted
    assert run(tmp_path / "a.jpg", *told, "--out", tmp_path / "usual").exit_code == ExitCode.OK
    assert (tmp_path / "usual" / f"a.{name}").read_bytes() == (tmp_path / "srgb" / f"a.{name}").read_bytes()


def test_colours_that_a_format_cannot_keep_are_told(run: Run, tmp_path: Path, photo: Image.Image) -> None:
    photo.save(tmp_path / "a.png", icc_profile=nclx_profile(12, 13))
    result = run(tmp_path / "a.png", "-f", "gif", "--icc", "keep", "--write-larger")
    assert result.exit_code == ExitCode.OK
    assert "the output lacks the colours of its ICC profile" in result.output
    assert "colours" in result.output.splitlines()[-1]


# What is told


def test_lines_of_json(run: Run, picture: Path) -> None:
    (picture.parent / "bad.png").write_bytes(b"no picture")
    result = run(picture.parent, "-f", "webp", "--json")
    assert result.exit_code == ExitCode.NOT_AN_IMAGE
    *lines, total = [json.loads(line) for line in result.stdout.splitlines()]
    by_name = {Path(line["source"]).name: line for line in lines}
    assert by_name["a.png"]["status"] == "written"
    assert by_name["a.png"]["after"] == picture.with_suffix(".webp").stat().st_size
    assert by_name["bad.png"]["status"] == "failed"
    assert by_name["bad.png"]["problem"]
    assert total["summary"]["files"] == 2
    assert total["summary"]["written"] == total["summary"]["failed"] == 1
    assert total["summary"]["before"] == picture.stat().st_size


def test_scores_are_told(run: Run, picture: Path) -> None:
    pytest.importorskip("pillow_tpg", reason="the metric is part of the TPG codec")
    result = run(picture, "-f", "webp", "-q", "80", "--score", "--json")
    line = json.loads(result.stdout.splitlines()[0])
    with Image.open(picture) as source, Image.open(picture.with_suffix(".webp")) as made:
        assert line["score"] == pytest.approx(scorer(source)(made), abs=0.01)
    told = run(picture, "-f", "webp", "-q", "80", "--score", "--overwrite").stdout
    assert told.splitlines()[0].split()[-1] == "score"
    # Each rounds by itself.
    assert float(told.splitlines()[1].split()[-1]) == pytest.approx(line["score"], abs=0.06)
    assert "imageSlim" in run(picture, "--op", "imageSlim", "--score").output


def test_scores_of_several_pictures_are_told(run: Run, picture: Path) -> None:
    pytest.importorskip("pillow_tpg", reason="the metric is part of the TPG codec")
    picture.with_name("b.png").write_bytes(picture.read_bytes())
    result = run(picture.parent, "-f", "webp", "-q", "80", "--score", "--json")
    first, second, _ = [json.loads(line) for line in result.stdout.splitlines()]
    assert first["score"] == second["score"] > 50


def test_a_page_shows_before_and_after(run: Run, picture: Path, tmp_path: Path) -> None:
    pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
    page = tmp_path / "pages" / "page.html"
    out = tmp_path / "out <&>"
    result = run(picture, "-f", "tpg", "--out", out, "--compare", page)
    assert result.exit_code == ExitCode.OK, result.output
    text = page.read_text(encoding="utf-8")
    addresses = re.findall(r'src="([^"]+)"', text)
    assert addresses == ["../a.png", "page-previews/0001.webp"]
    assert size_of(page.parent / addresses[1]) == (192, 128)
    assert "out &lt;&amp;&gt;" in text
    assert ", score" not in text
    # Of what is transparent each side shows its own alone.
    assert "inset(0 calc(100% - var(--cut, 50%)) 0 0)" in text
    wish = ("-f", "tpg", "--out", out, "--overwrite", "--score", "--compare", page)
    assert run(picture, *wish).exit_code == ExitCode.OK
    assert re.search(r"saved [0-9.]+ %, score [0-9.]+<", page.read_text(encoding="utf-8"))
    page.write_text("mine")
    result = run(picture, "-f", "tpg", "--out", out, "--overwrite", "--compare", page)
    assert result.exit_code == ExitCode.USAGE
    assert page.read_text() == "mine"


@pytest.mark.parametrize(("seconds", "text"), [(4.4, "0:04"), (65, "1:05"), (3725, "1:02:05")])
def test_the_time_that_is_left(seconds: float, text: str) -> None:
    assert _clock(seconds) == text


# What contradicts itself


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-f", "webp", "-o", "x.webp", "--out", "y"], "--output names the one output"),
        (["-o", "x.xyz"], "names no format"),
        (["-f", "webp", "--lossless", "-q", "5"], "--lossless leaves nothing"),
        (["-f", "webp", "--target-ssimulacra2", "70", "-q", "5"], "either --quality or"),
        (["-f", "webp", "--enlarge"], "--enlarge is for --resize"),
        (["-f", "webp", "--resize", "150%"], "only with --enlarge"),
        (["-f", "webp", "--resize", "x"], "is not a size"),
        (["-f", "webp", "--resize", "0x5"], "is not a size"),
        (["-f", "webp", "--max-size", "much"], "is not a size"),
        (["-f", "webp", "--max-size", "5"], "at least 1k"),
        (["-f", "webp", "--min-savings", "100%"], "say a percentage"),
        (["-f", "webp,xyz"], "xyz is not one of"),
        (["-f", "webp", "--overwrite", "perhaps"], "perhaps"),
        (["-f", "webp", "-o", "-", "--json"], "cannot hold the picture and a report"),
    ],
)
def test_contradictions_are_told(run: Run, picture: Path, options: list[str], words: str) -> None:
    result = run(picture, *options)
    assert result.exit_code == ExitCode.USAGE
    assert words in result.output
    assert [path.name for path in picture.parent.iterdir()] == ["a.png"]


def test_several_sources_have_no_single_output(run: Run, picture: Path, tmp_path: Path) -> None:
    assert "several sources" in run(picture, picture, "-o", tmp_path / "b.webp").output
    Image.new("L", (8, 8)).save(tmp_path / "c.png")
    assert "2 sources" in run(tmp_path, "-o", tmp_path / "b.webp").output
    assert "Say where the output goes" in run("-", "-f", "webp").output


@pytest.mark.parametrize(
    ("size", "options", "seen"),
    [
        ("40x", (), (40, 60)),
        ("x40", (), (27, 40)),
        ("40x30", (), (20, 30)),
        ("40x40", (), (27, 40)),
        ("50%", (), (32, 48)),
        ("x40", ("--keep-orientation",), (40, 60)),
    ],
)
def test_resize_fits_the_sides_that_are_seen(
    run: Run, tmp_path: Path, size: str, options: tuple[str, ...], seen: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.effect_noise((96, 64), 40).convert("RGB").save(tmp_path / "a.jpg", exif=exif)
    assert run(tmp_path / "a.jpg", "-f", "webp", "--resize", size, *options).exit_code == ExitCode.OK
    with Image.open(tmp_path / "a.webp") as picture:
        assert ImageOps.exif_transpose(picture).size == seen
