"""``openmogr compress``: the places of outputs, and places that cannot be read or written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import Result
from PIL import Image

from openmogr.cli.compress.output import write_output
from openmogr.cli.exit_codes import ExitCode

Run = Callable[..., Result]


def picture(side: int = 64) -> Image.Image:
    grey = Image.effect_noise((side, side), 40)
    return Image.merge("RGB", (grey, grey.rotate(90), grey.rotate(180)))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "in"
    place.mkdir()
    return place


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("A.JPG", ("--resize", "50%")),
        ("a.jpeg", ("--resize", "50%")),
        ("A.JPG", ("-f", "jpg", "-q", "20")),
        ("a.jpeg", ("-f", "jpeg", "-q", "20")),
        ("A.TIF", ("--resize", "50%")),
        ("A.TIF", ("-f", "tiff", "--resize", "50%")),
    ],
)
def test_what_keeps_its_format_keeps_its_suffix(
    run: Run, folder: Path, tmp_path: Path, name: str, options: Sequence[str]
) -> None:
    """Else a camera's ``IMG_1.JPG`` would not be replaced by ``--overwrite``, but have a second file beside it."""
    picture().save(folder / name)
    assert run(folder / name, *options, "--out", tmp_path / "out").exit_code == ExitCode.OK
    assert names(tmp_path / "out") == [name]
    assert run(folder / name, *options, "--overwrite", "always").exit_code == ExitCode.OK
    assert names(folder) == [name]
    assert (folder / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_an_animation_of_that_suffix_stays_in_its_place(run: Run, folder: Path) -> None:
    first = picture()
    first.save(folder / "a.png", save_all=True, append_images=[first.rotate(90)], duration=100)
    assert run(folder, "--resize", "50%", "--overwrite", "always").exit_code == ExitCode.OK
    assert names(folder) == ["a.png"]
    with Image.open(folder / "a.png") as image:
        assert image.size == (32, 32)
        assert getattr(image, "n_frames", 1) == 2


def test_a_format_that_is_named_has_its_own_suffix(run: Run, folder: Path, tmp_path: Path) -> None:
    picture().save(folder / "a.jpeg")
    assert run(folder / "a.jpeg", "-f", "jpg", "-q", "20", "--out", tmp_path / "out").exit_code == ExitCode.OK
    assert names(tmp_path / "out") == ["a.jpg"]


LONG = "a" * 300


def test_a_name_too_long_costs_no_other(run: Run, folder: Path, tmp_path: Path) -> None:
    picture().save(folder / "a.png")
    result = run(folder / "a.png", LONG, "-f", "webp", "--out", tmp_path / "out")
    assert result.exit_code == ExitCode.FILES
    assert f"File name too long: {LONG}" in result.output
    assert names(tmp_path / "out") == ["a.webp"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--suffix", LONG), "File name too long"),
        (("--out", LONG), "File name too long"),
        (("--compare", LONG), f"{LONG} cannot be read: File name too long"),
        (("--op", "watermark/1/image/l", "--image", f"l={LONG}"), "is not a name and a file that exists"),
        (("--max-size", "9" * 400), "that many bytes nothing has"),
        (("--min-savings", "9" * 400), "that many bytes nothing has"),
    ],
)
def test_too_much_is_said_in_words(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    picture().save(folder / "a.png")
    result = run(folder / "a.png", "-f", "webp", *options)
    assert result.exit_code in (ExitCode.FILES, ExitCode.USAGE)
    assert words in result.output
    assert names(folder) == ["a.png"]


def test_folders_and_files_that_are_closed_are_told(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were passed over without a word, or ended the run before its first picture."""
    (folder / "closed").mkdir()
    picture().save(folder / "a.png")
    real = os.scandir

    def scandir(path: str | Path | int) -> object:
        if not isinstance(path, int) and Path(path).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    result = run(folder, "-f", "webp", "--out", tmp_path / "out")
    assert result.exit_code == ExitCode.FILES
    assert f"Permission denied: {folder / 'closed'}" in result.output
    assert run(folder / "closed", "-f", "webp").exit_code == ExitCode.FILES
    assert names(tmp_path / "out") == ["a.webp"]


def test_new_outputs_have_the_mode_that_the_umask_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The umask is never taken away, for a moment in which other threads make files and folders."""
    before = os.umask(0o027)
    try:
        monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("the umask was changed"))
        for nameless in (getattr(os, "O_TMPFILE", 0), 0):
            monkeypatch.setattr(os, "O_TMPFILE", nameless, raising=False)
            write_output(tmp_path / f"{nameless}", b"a", overwrite=False)
            assert (tmp_path / f"{nameless}").stat().st_mode & 0o7777 == 0o640
            (tmp_path / f"{nameless}").chmod(0o604)
            write_output(tmp_path / f"{nameless}", b"b", overwrite=True)
            assert (tmp_path / f"{nameless}").stat().st_mode & 0o7777 == 0o604
    finally:
        monkeypatch.undo()
        os.umask(before)


@pytest.mark.parametrize(
    "damage", [b"\xff\xfe\n", b'{"source": []}\n', b"[" * 100_000, b'{"source": "a', b"\0" * 50]
)
def test_a_record_that_is_damaged_is_gone_on_with(
    run: Run, folder: Path, tmp_path: Path, damage: bytes
) -> None:
    picture().save(folder / "a.png")
    out = tmp_path / "out"
    out.mkdir()
    record = out / ".openmogr-compress.jsonl"
    record.write_bytes(damage)
    options = (folder, "-f", "webp", "--out", out, "--skip-existing")
    assert run(*options).exit_code == ExitCode.OK
    (out / "a.webp").touch()  # as if it had been made before: only the record knows better
    os.utime(folder / "a.png")
    result = run(*options)
    assert result.exit_code == ExitCode.OK
    assert "done before" in result.output


STREAMS = {">&-": "Bad file descriptor", ">/dev/full": "No space left on device"}


@pytest.mark.usefixtures("full_device")
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(
    "command", ["--version", "compress {} -f webp --dry-run", "compress {} -o - -f webp"]
)
def test_an_output_that_takes_nothing(folder: Path, command: str, stream: str) -> None:
    picture().save(folder / "a.png")
    words = command.format(folder / "a.png")
    done = subprocess.run(
        f"{sys.executable} -m openmogr {words} {stream}",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ExitCode.FILES
    assert STREAMS[stream] in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_an_input_that_is_closed(tmp_path: Path) -> None:
    words = f"{sys.executable} -m openmogr compress - -o {tmp_path / 'a.webp'} <&-"
    done = subprocess.run(words, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.FILES
    assert "standard input" in done.stdout
    assert "Bad file descriptor" in done.stdout


def test_errors_that_nobody_can_be_told(folder: Path, tmp_path: Path) -> None:
    picture().save(folder / "a.png")
    words = f"{sys.executable} -m openmogr compress {folder / 'a.png'} -o {tmp_path / 'a.webp'} >&- 2>&-"
    subprocess.run(words, shell=True, check=False)
    with Image.open(tmp_path / "a.webp") as image:
        image.load()


@pytest.mark.parametrize(
    "words",
    [
        ("compress", "", "-f", "webp", "--overwrite", "always"),
        ("compress", "a.png", "", "-f", "webp"),
        ("compress", "a.png", "-f", "webp", "--out", ""),
        ("compress", "a.png", "-f", "webp", "--output", ""),
        ("compress", "a.png", "-f", "webp", "--compare", ""),
        ("bulk", "", "out", "--op", "imageMogr2/format/webp"),
        ("bulk", ".", "", "--op", "imageMogr2/format/webp"),
        ("import", "", "bucket-1250000000"),
        ("backup", ""),
    ],
)
def test_an_empty_name_is_not_this_folder(
    openmogr: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, words: Sequence[str]
) -> None:
    """It comes of variables that are not set, and all pictures of the folder would have been replaced."""
    picture().save(folder / "a.png")
    monkeypatch.chdir(folder)
    result = openmogr(*words)
    assert result.exit_code == ExitCode.USAGE
    assert "it is empty" in result.output
    assert names(folder) == ["a.png"]


def test_what_libraries_say_of_pictures_is_not_told(folder: Path, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        picture().save(folder / name, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    for source in (folder / "a.jpg", folder):
        words = ["compress", str(source), "-f", "webp", "--quiet", "--write-larger", "--out", str(tmp_path)]
        done = subprocess.run(
            [sys.executable, "-m", "openmogr", *words, "--overwrite", "always"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("overwrite", ["never", "smaller", "always"])
def test_pipes_and_devices_are_never_replaced(run: Run, folder: Path, tmp_path: Path, overwrite: str) -> None:
    """As root, ``-o /dev/null --overwrite`` made a file of the device."""
    picture().save(folder / "a.png")
    pipe = tmp_path / "a.webp"
    os.mkfifo(pipe)
    for options in (("-o", pipe), ("--out", tmp_path), ("-o", pipe, "--dry-run")):
        result = run(folder / "a.png", "-f", "webp", "--overwrite", overwrite, *options)
        assert result.exit_code == ExitCode.EXISTS
        assert f"{pipe} is no regular file" in result.output
        assert pipe.is_fifo()
    result = run(folder / "a.png", "-f", "webp", "--compare", pipe)
    assert result.exit_code == ExitCode.USAGE
    assert "is not a page of --compare" in result.output


def test_a_ledger_is_no_device(openmogr: Run, folder: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "ledger"
    os.mkfifo(pipe)
    result = openmogr("bulk", folder, tmp_path / "out", "--op", "imageMogr2/format/webp", "--ledger", pipe)
    assert result.exit_code == ExitCode.FILES
    assert "is no regular file" in result.output
    assert names(tmp_path) == ["in", "ledger", "out"]


@pytest.mark.parametrize("option", ["--output", "--compare"])
def test_a_folder_is_no_file_even_if_it_is_missing(
    run: Run, folder: Path, tmp_path: Path, option: str
) -> None:
    picture().save(folder / "a.png")
    result = run(folder / "a.png", "-f", "webp", option, f"{tmp_path}/new/")
    assert result.exit_code == ExitCode.USAGE
    assert "names a folder" in result.output
    assert names(tmp_path) == ["in"]
