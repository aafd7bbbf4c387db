"""``openmogr compress`` on generated pictures and on real ones."""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from PIL import Image

from openmogr.cli.exit_codes import ExitCode

Run = Callable[..., Result]


@pytest.fixture
def photo() -> Image.Image:
    """A smooth picture with some texture, 96 x 64 pixels."""
    red = Image.linear_gradient("L").resize((96, 64))
    green = Image.radial_gradient("L").resize((96, 64))
    return Image.merge("RGB", (red, green, Image.effect_noise((96, 64), 20)))


@pytest.fixture
def folder(tmp_path: Path, photo: Image.Image) -> Path:
    """``a.png``, ``b.jpg``, ``deep/c.png`` and things that are no pictures."""
    place = tmp_path / "pictures"
    (place / "deep" / "er").mkdir(parents=True)
    (place / ".hidden").mkdir()
    photo.save(place / "a.png")
    photo.save(place / "b.jpg", quality=90)
    photo.save(place / "deep" / "er" / "c.PNG", "PNG")
    photo.save(place / ".hidden" / "d.png")
    photo.save(place / ".e.png")
    (place / "notes.txt").write_text("no picture")
    return place


def tree(place: Path) -> dict[str, str]:
    """All files below a folder with the hashes of their contents."""
    return {
        path.relative_to(place).as_posix(): hashlib.md5(path.read_bytes()).hexdigest()
        for path in place.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("name", "suffix", "pillow"),
    [
        ("webp", "webp", "WEBP"),
        ("avif", "avif", "AVIF"),
        ("jpg", "jpg", "JPEG"),
        ("jpeg", "jpg", "JPEG"),
        ("JPG", "jpg", "JPEG"),
        (".webp", "webp", "WEBP"),
        ("gif", "gif", "GIF"),
        ("tiff", "tiff", "TIFF"),
    ],
)
def test_a_file_becomes_one_of_another_format(
    run: Run, folder: Path, name: str, suffix: str, pillow: str
) -> None:
    before = tree(folder)
    result = run(folder / "a.png", "--format", name, "--write-larger")
    assert result.exit_code == ExitCode.OK, result.output
    after = tree(folder)
    assert after.keys() - before.keys() == {f"a.{suffix}"}
    assert {key: after[key] for key in before} == before
    with Image.open(folder / f"a.{suffix}") as picture:
        assert (picture.format, picture.size) == (pillow, (96, 64))


@pytest.mark.parametrize("name", ["heif", "heic"])
def test_heif(run: Run, folder: Path, name: str) -> None:
    pytest.importorskip("pillow_heif", reason="the extra [heif] is not installed")
    assert run(folder / "a.png", "--format", name).exit_code == ExitCode.OK
    assert (folder / f"a.{name}").read_bytes()[4:12] == b"ftypheic"


def test_tpg_works_or_says_what_is_missing(run: Run, folder: Path) -> None:
    result = run(folder / "a.png", "--format", "tpg")
    if result.exit_code == ExitCode.OK:
        assert (folder / "a.tpg").stat().st_size > 0
    else:
        assert result.exit_code == ExitCode.CODEC_MISSING
        assert "TPG" in result.output
        assert not (folder / "a.tpg").exists()


def test_a_missing_codec_has_its_own_status(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    result = run(folder / "a.png", "--format", "heif")
    assert result.exit_code == ExitCode.CODEC_MISSING
    assert "openmogr[heif]" in result.output


def test_a_folder_with_all_below_it(run: Run, folder: Path) -> None:
    result = run(folder, "--format", "webp")
    assert result.exit_code == ExitCode.OK, result.output
    made = {name for name in tree(folder) if name.endswith(".webp")}
    assert made == {"a.webp", "b.webp", "deep/er/c.webp"}
    assert "3 of 3 files" in result.output


def test_out_repeats_the_shape_of_the_folder(run: Run, folder: Path, tmp_path: Path) -> None:
    before = tree(folder)
    out = tmp_path / "new" / "out"
    assert run(folder, "--format", "webp", "--out", out).exit_code == ExitCode.OK
    assert tree(folder) == before
    assert set(tree(out)) == {"a.webp", "b.webp", "deep/er/c.webp"}


def test_outputs_inside_the_folder_are_no_sources(run: Run, folder: Path) -> None:
    out = folder / "out"
    for _ in range(2):
        result = run(folder, "--format", "webp", "--out", out, "--overwrite")
        assert result.exit_code == ExitCode.OK, result.output
        assert set(tree(out)) == {"a.webp", "b.webp", "deep/er/c.webp"}


def test_a_file_named_twice_is_done_once(run: Run, folder: Path) -> None:
    result = run(folder, folder / "a.png", folder / "deep" / ".." / "a.png", "--format", "webp")
    assert result.exit_code == ExitCode.OK
    assert "3 of 3 files" in result.output


def test_the_table_tells_sizes_and_savings(run: Run, folder: Path) -> None:
    result = run(folder / "a.png", "--format", "webp", "--quality", "50")
    before, after = (folder / "a.png").stat().st_size, (folder / "a.webp").stat().st_size
    assert after < before
    line = next(line for line in result.output.splitlines() if "a.webp" in line)
    assert f"{before / 1024:.1f} KiB" in line
    assert (f"{after} B" if after < 1024 else f"{after / 1024:.1f} KiB") in line
    assert f"{100 * (before - after) / before:.1f} %" in line


def test_quality_decides_the_size(run: Run, folder: Path) -> None:
    sizes = []
    for quality in ("10", "50", "95"):
        assert run(folder / "a.png", "--format", "webp", "--quality", quality, "--overwrite").exit_code == 0
        sizes.append((folder / "a.webp").stat().st_size)
    assert sizes == sorted(set(sizes))


def test_quality_of_a_jpeg_rises_only_when_forced(run: Run, folder: Path, photo: Image.Image) -> None:
    photo.save(folder / "poor.jpg", quality=30)
    out = folder / "out"
    run(folder / "poor.jpg", "--format", "jpg", "--quality", "95", "--out", out)
    kept = (out / "poor.jpg").stat().st_size
    run(folder / "poor.jpg", "--format", "jpg", "--quality", "95!", "--out", out, "--overwrite")
    assert (out / "poor.jpg").stat().st_size > 1.5 * kept


def test_an_operation_comes_first(run: Run, folder: Path) -> None:
    result = run(folder / "a.png", "--op", "imageMogr2/thumbnail/48x", "--format", "webp")
    assert result.exit_code == ExitCode.OK, result.output
    with Image.open(folder / "a.webp") as picture:
        assert (picture.format, picture.size) == ("WEBP", (48, 32))


def test_an_operation_alone_keeps_the_format(run: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(folder, "--op", "imageMogr2/rotate/90", "--out", out)
    assert result.exit_code == ExitCode.OK, result.output
    assert set(tree(out)) == {"a.png", "b.jpg", "deep/er/c.PNG"}
    with Image.open(out / "b.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (64, 96))


def test_an_operation_may_name_the_format(run: Run, folder: Path) -> None:
    assert run(folder / "a.png", "--op", "imageMogr2/format/webp").exit_code == ExitCode.OK
    assert (folder / "a.webp").exists()


def test_ignored_errors_give_the_original(run: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (folder / "bad.jpg").write_bytes(b"no picture")
    result = run(folder / "bad.jpg", "--op", "imageMogr2/format/webp/ignore-error/1", "--out", out)
    assert result.exit_code == ExitCode.OK, result.output
    assert (out / "bad.jpg").read_bytes() == b"no picture"


def test_an_original_over_the_limit_is_copied_whole(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    source = (folder / "a.png").read_bytes()
    monkeypatch.setenv("OPENMOGR_IMAGE_MAX_INPUT_BYTES", str(len(source) - 1))
    result = run(folder / "a.png", "--op", "imageMogr2/format/webp/ignore-error/1", "--out", out)
    assert result.exit_code == ExitCode.OK, result.output
    assert (out / "a.png").read_bytes() == source


# What is there stays there


def test_an_existing_output_is_kept(run: Run, folder: Path) -> None:
    (folder / "a.webp").write_text("precious")
    result = run(folder / "a.png", "--format", "webp")
    assert result.exit_code == ExitCode.EXISTS
    assert "--overwrite" in result.output
    assert (folder / "a.webp").read_text() == "precious"
    assert run(folder / "a.png", "--format", "webp", "--overwrite").exit_code == ExitCode.OK
    with Image.open(folder / "a.webp") as picture:
        assert picture.format == "WEBP"


def test_a_dangling_link_is_an_existing_output(run: Run, folder: Path) -> None:
    (folder / "a.webp").symlink_to(folder / "nowhere")
    assert run(folder / "a.png", "--format", "webp").exit_code == ExitCode.EXISTS
    assert not (folder / "nowhere").exists()


def test_a_source_is_replaced_only_when_told(run: Run, folder: Path) -> None:
    before = tree(folder)
    result = run(folder / "b.jpg", "--format", "jpg", "--quality", "20")
    assert result.exit_code == ExitCode.EXISTS
    assert "source itself" in result.output
    assert tree(folder) == before
    (folder / "b.jpg").chmod(0o640)
    assert run(folder / "b.jpg", "--format", "jpg", "--quality", "20", "--overwrite").exit_code == ExitCode.OK
    after = tree(folder)
    assert after.pop("b.jpg") != before.pop("b.jpg")
    assert after == before
    assert (folder / "b.jpg").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("options", [[], ["--overwrite"]])
def test_two_sources_never_share_an_output(
    run: Run, folder: Path, photo: Image.Image, options: list[str]
) -> None:
    photo.rotate(180).save(folder / "a.bmp")
    result = run(folder / "a.png", folder / "a.bmp", "--format", "webp", "--quality", "90", *options)
    assert result.exit_code == ExitCode.OK, result.output
    alone = folder / "alone"
    for source, made in (("a.png", "a.webp"), ("a.bmp", "a.bmp.webp")):
        run(folder / source, "--format", "webp", "--quality", "90", "--out", alone, "--overwrite", "always")
        assert (folder / made).read_bytes() == (alone / "a.webp").read_bytes()


def test_files_of_one_name_in_several_folders_get_numbers(run: Run, folder: Path, photo: Image.Image) -> None:
    sources = []
    for number in range(3):
        place = folder / f"{number}"
        place.mkdir()
        photo.rotate(90 * number).save(place / "same.png")
        sources.append(place / "same.png")
    out = folder / "out"
    result = run(*sources, "--format", "webp", "--out", out)
    assert result.exit_code == ExitCode.OK, result.output
    assert set(tree(out)) == {"same.webp", "same.png.webp", "same.png-2.webp"}
    assert len(set(tree(out).values())) == 3


def test_outputs_that_only_contents_name_are_not_shared_either(
    run: Run, folder: Path, photo: Image.Image, tmp_path: Path
) -> None:
    """What the suffix says is wrong, so that all outputs of a number want one name; whoever is first has it."""
    place, out = tmp_path / "mixed", tmp_path / "out"
    place.mkdir()
    for number in range(6):
        for suffix in ("png", "jpg", "bmp"):
            photo.rotate(number).save(place / f"{number}.{suffix}", "PNG")
    result = run(place, "--op", "imageMogr2/rotate/180", "--out", out, "--overwrite", "--workers", "4")
    assert result.exit_code == ExitCode.EXISTS, result.output
    assert result.output.count("is the output for") == 12
    assert set(tree(out)) == {f"{number}.png" for number in range(6)}


def test_an_output_never_replaces_another_source(run: Run, folder: Path, photo: Image.Image) -> None:
    photo.save(folder / "a.webp")
    before = (folder / "a.webp").read_bytes()
    result = run(folder / "a.png", folder / "a.webp", "--op", "imageMogr2/format/webp")
    assert result.exit_code == ExitCode.EXISTS
    assert "the output would be the source itself" in result.output
    assert (folder / "a.webp").read_bytes() == before
    assert (folder / "a.png.webp").exists()
    (folder / "wrong.jpg").write_bytes((folder / "a.png").read_bytes())
    photo.save(folder / "wrong.png")
    options = ["--op", "imageMogr2/rotate/180", "--overwrite"]
    result = run(folder / "wrong.jpg", folder / "wrong.png", *options)
    assert result.exit_code == ExitCode.EXISTS
    assert "a source of this run" in result.output


def test_files_of_the_format_are_left_alone_in_folders(run: Run, folder: Path) -> None:
    assert run(folder, "--format", "webp").exit_code == ExitCode.OK
    for name in ("a.png", "b.jpg", "deep/er/c.PNG"):
        (folder / name).unlink()
    before = tree(folder)
    result = run(folder, "--format", "webp")
    assert result.exit_code == ExitCode.OK
    assert "3 files have the format already" in result.output
    assert tree(folder) == before


@pytest.mark.parametrize("existing", [False, True])
def test_a_full_disk_leaves_what_was_there(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    if existing:
        (folder / "a.webp").write_text("precious")
    before = tree(folder)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    result = run(folder / "a.png", "--format", "webp", "--overwrite")
    assert result.exit_code == ExitCode.FILES
    assert "No space left" in result.output
    assert tree(folder) == before


def test_without_links_nothing_is_overwritten_either(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert run(folder / "a.png", "--format", "webp").exit_code == ExitCode.OK
    with Image.open(folder / "a.webp") as picture:
        assert picture.format == "WEBP"
    assert not list(folder.glob("*.part"))


# Exit statuses


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "Say what to do"),
        (["--format", "xyz"], "xyz is not one of"),
        (["--format", "webp", "--quality", "0"], "from 1 to 100"),
        (["--format", "webp", "--quality", "101"], "from 1 to 100"),
        (["--format", "webp", "--quality", "high"], "from 1 to 100"),
        (["--format", "webp", "--workers", "0"], "--workers"),
        (["--op", "imageMogr2/thumbnail/abc"], "abc"),
        (["--op", "nonsense/1"], "nonsense"),
    ],
)
def test_wrong_options(run: Run, folder: Path, options: list[str], words: str) -> None:
    before = tree(folder)
    result = run(folder / "a.png", *options)
    assert result.exit_code == ExitCode.USAGE
    assert words in result.output
    assert tree(folder) == before


def test_no_files_named(run: Run) -> None:
    assert run("--format", "webp").exit_code == ExitCode.USAGE


def test_an_empty_folder(run: Run, tmp_path: Path) -> None:
    result = run(tmp_path, "--format", "webp")
    assert result.exit_code == ExitCode.OK
    assert "no pictures found" in result.output


def test_a_missing_file(run: Run, folder: Path) -> None:
    result = run(folder / "none.png", folder / "a.png", "--format", "webp")
    assert result.exit_code == ExitCode.FILES
    assert "No such file or directory" in result.output
    assert (folder / "a.webp").exists()


def test_a_place_where_no_output_can_be(run: Run, folder: Path) -> None:
    result = run(folder / "a.png", "--format", "webp", "--out", folder / "notes.txt" / "out")
    assert result.exit_code == ExitCode.FILES


@pytest.mark.parametrize("body", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(50), b"\xff\xd8\xff\xe0"])
def test_a_file_that_is_no_picture(run: Run, folder: Path, body: bytes) -> None:
    (folder / "bad.png").write_bytes(body)
    result = run(folder / "bad.png", "--format", "webp")
    assert result.exit_code == ExitCode.NOT_AN_IMAGE, result.output
    assert not (folder / "bad.webp").exists()


def test_a_limit_set_by_the_environment(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENMOGR_IMAGE_MAX_PIXELS", "1000")
    assert run(folder / "a.png", "--format", "webp").exit_code == ExitCode.LIMIT
    monkeypatch.setenv("OPENMOGR_IMAGE_MAX_PIXELS", "none")
    monkeypatch.setenv("OPENMOGR_IMAGE_MAX_SIDE", "-1")
    result = run(folder / "a.png", "--format", "webp")
    assert result.exit_code == ExitCode.USAGE
    assert "OPENMOGR_IMAGE_MAX_PIXELS" in result.output
    assert "OPENMOGR_IMAGE_MAX_SIDE" in result.output


def test_an_operation_that_does_not_fit_the_picture(run: Run, folder: Path) -> None:
    result = run(folder / "a.png", "--op", "imageMogr2/cut/10x10x5000x5000")
    assert result.exit_code == ExitCode.OPERATION


def test_several_kinds_of_failure(run: Run, folder: Path) -> None:
    (folder / "bad.png").write_bytes(b"no picture")
    (folder / "a.webp").write_text("precious")
    result = run(folder, "--format", "webp")
    assert result.exit_code == ExitCode.SEVERAL
    assert {"b.webp", "deep/er/c.webp"} <= set(tree(folder))


def test_quiet_says_only_what_failed(run: Run, folder: Path) -> None:
    (folder / "bad.png").write_bytes(b"no picture")
    result = run(folder, "--format", "webp", "--quiet")
    assert result.exit_code == ExitCode.NOT_AN_IMAGE
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "bad.png" in result.stderr


def test_many_workers_keep_the_order(run: Run, tmp_path: Path, photo: Image.Image) -> None:
    place = tmp_path / "many"
    place.mkdir()
    for number in range(40):
        photo.resize((20 + number * 5, 20)).save(place / f"{number:02}.png")
    result = run(place, "--format", "webp", "--workers", "4")
    assert result.exit_code == ExitCode.OK
    names = [Path(line.split()[0]).name for line in result.output.splitlines() if ".png" in line]
    assert names == [f"{number:02}.png" for number in range(40)]
    for number in range(40):
        with Image.open(place / f"{number:02}.webp") as picture:
            assert picture.width == 20 + number * 5


# Real pictures


def test_real_photos_shrink(run: Run, shared: Path, tmp_path: Path) -> None:
    photos = shared / "corpus" / "photos"
    if not photos.is_dir():
        pytest.skip(f"photos not found in {photos}")
    sources = sorted(photos.glob("*.png"))[:4]
    names = ["webp", "avif"] + (["heif"] if importlib.util.find_spec("pillow_heif") else [])
    for name in names:
        result = run(*sources, "--format", name, "--quality", "75", "--out", tmp_path / name)
        assert result.exit_code == ExitCode.OK, result.output
        for source in sources:
            made = tmp_path / name / f"{source.stem}.{name}"
            assert made.stat().st_size < source.stat().st_size / 4


def test_real_inputs_work_or_fail_in_words(run: Run, shared: Path, tmp_path: Path) -> None:
    inputs = shared / "corpus" / "inputs"
    if not inputs.is_dir():
        pytest.skip(f"inputs not found in {inputs}")
    sources = [path for path in sorted(inputs.iterdir()) if path.stat().st_size < 300_000]
    sources = [path for path in sources if path.suffix != ".md"]
    result = run(*sources, "--op", "imageMogr2/thumbnail/64x64>", "--format", "webp", "--out", tmp_path)
    assert "unexpected" not in result.output
    assert "internal error" not in result.output
    assert result.exit_code in (ExitCode.SEVERAL, ExitCode.NOT_AN_IMAGE, ExitCode.EXISTS)
    assert len(list(tmp_path.iterdir())) > len(sources) / 2


def test_animated_transparency_stays_in_tpg(run: Run, tmp_path: Path) -> None:
    codec = pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
    clear, red = Image.new("RGBA", (32, 24)), Image.new("RGBA", (32, 24), "red")
    clear.save(tmp_path / "a.webp", save_all=True, append_images=[red], duration=100, lossless=True)
    result = run(tmp_path / "a.webp", "--format", "tpg", "--write-larger")
    assert result.exit_code == ExitCode.OK
    assert "transparency" not in result.stderr
    assert codec.info((tmp_path / "a.tpg").read_bytes()).has_alpha
