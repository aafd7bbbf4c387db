"""``openmogr compress`` on names, files and outputs that are odd."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from PIL import Image

from bench.processes import below
from openmogr.cli._settings import image_settings_or_exit
from openmogr.cli.compress.ledger import LEDGER_NAME
from openmogr.cli.compress.makers import InProcesses
from openmogr.cli.compress.output import write_output
from openmogr.cli.compress.plan import Destination, find_sources
from openmogr.cli.exit_codes import ExitCode

Run = Callable[..., Result]
ODD_NAMES = (
    b"with space.png",
    b"new\nline.png",
    b"esc\x1b[31mred.png",
    b"no-utf\xff\xe9.png",
    "separator\u2028of lines.png".encode(),
    "图片.png".encode(),
    b"[bold]percent%20'\"$(x)`.png",
    b"-dash.png",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "in"
    place.mkdir()
    return place


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def save(path: Path | bytes, size: int = 40) -> None:
    with Path(os.fsdecode(path)).open("wb") as stream:
        Image.linear_gradient("L").resize((size, 30)).convert("RGB").save(stream, "PNG")


def program(
    *arguments: str | Path, encoding: str = "utf-8:strict", stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[bytes]:
    """The program in a process, whose standard streams take text and nothing else, as terminals have them."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    words = [sys.executable, "-m", "openmogr", *map(str, arguments)]
    return subprocess.run(words, env=environment, timeout=60, stdout=stdout, stderr=subprocess.PIPE)


@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii"])
def test_names_of_any_bytes(folder: Path, tmp_path: Path, encoding: str) -> None:
    for name in ODD_NAMES:
        save(os.fsencode(folder) + b"/" + name)
    page = tmp_path / "page.html"
    wish = ("compress", folder, "-f", "webp", "--out", tmp_path / "out", "--skip-existing")
    done = program(*wish, "--compare", page, encoding=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    # A line each, whatever the name; no byte of it reaches the terminal that is no text.
    lines = done.stdout.decode().splitlines()
    assert len([line for line in lines if ".webp" in line]) == len(ODD_NAMES)
    assert b"\x1b[31m" not in done.stdout
    made = {name.removesuffix(b".png") + b".webp" for name in ODD_NAMES}
    assert made | {LEDGER_NAME.encode()} == {os.fsencode(name) for name in names(tmp_path / "out")}
    assert page.read_text(encoding="utf-8").count("<figure>") == len(ODD_NAMES)
    again = program(*wish, "--json", encoding=encoding)
    told = [json.loads(line) for line in again.stdout.decode().split("\n") if line]
    assert told.pop()["summary"]["skipped"] == len(ODD_NAMES)
    assert {os.fsencode(Path(line["output"]).name) for line in told} == made


def test_links_that_lead_nowhere_and_pipes(run: Run, folder: Path, tmp_path: Path) -> None:
    save(folder / "a.png")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "nowhere.png").symlink_to("none.png")
    os.mkfifo(folder / "pipe.png")
    result = run(folder, "-f", "webp", "--out", tmp_path / "out")
    assert result.exit_code == ExitCode.FILES, result.output
    assert "Too many levels of symbolic links" in result.output
    assert f"No such file or directory: {folder / 'nowhere.png'}" in result.output
    assert "pipe.png" not in result.output
    assert names(tmp_path / "out") == ["a.webp"]


def test_a_pipe_that_is_named_is_refused(run: Run, folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    result = run(folder / "pipe.png", "-f", "webp")
    assert result.exit_code == ExitCode.FILES
    assert "no regular file; - reads the standard input" in result.output


@pytest.mark.parametrize("formats", ["webp,avif", "auto", "webp"])
def test_of_several_formats_names_are_apart_too(run: Run, folder: Path, tmp_path: Path, formats: str) -> None:
    for number, name in enumerate(("a.png", "a.tiff", "a.b.png", "A.bmp")):
        Image.linear_gradient("L").resize((40 + number, 30)).convert("RGB").save(folder / name)
    result = run(folder, "-f", formats, "--out", tmp_path / "out")
    assert result.exit_code == ExitCode.OK, result.output
    # Not in their case alone either.
    assert sorted(path.stem for path in (tmp_path / "out").iterdir()) == ["A", "a.b", "a.png", "a.tiff"]
    sizes = {}
    for path in (tmp_path / "out").iterdir():
        with Image.open(path) as image:
            sizes[path.stem] = image.width
    assert sizes == {"A": 43, "a.png": 40, "a.tiff": 41, "a.b": 42}


def test_whose_own_place_it_is_has_its_name(folder: Path) -> None:
    for name in ("a.png", "a.webp", "b.jpg", "b.JPG", "c.bmp"):
        save(folder / name)
    for formats in ((), ("webp", "avif")):
        wish = Destination(format=None if formats else "webp", formats=formats)
        sources, _ = find_sources([folder], wish, recursive=True, overwrite=True)
        stems = {source.path.name: source.stem.name for source in sources}
        expected = {"a.png": "a.png", "a.webp": "a", "b.JPG": "b", "b.jpg": "b.jpg", "c.bmp": "c"}
        assert stems == expected


def test_what_another_run_made_meanwhile_counts(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(folder / "a.png")
    from openmogr.cli.compress import run as module

    wish = (folder / "a.png", "-f", "webp", "--out", tmp_path / "out")

    def late(
        target: Path, content: bytes | Path, *, overwrite: bool, times: tuple[int, int] | None = None
    ) -> None:
        monkeypatch.undo()
        assert run(*wish).exit_code == ExitCode.OK
        write_output(target, content, overwrite=overwrite, times=times)

    monkeypatch.setattr(module, "write_output", late)
    result = run(*wish, "--skip-existing")
    assert result.exit_code == ExitCode.OK, result.output
    assert "done before" in result.output
    (tmp_path / "out" / "a.webp").unlink()
    monkeypatch.setattr(module, "write_output", late)
    result = run(*wish)
    assert result.exit_code == ExitCode.EXISTS
    assert "was made by another program meanwhile" in result.output


def test_what_was_done_before_is_counted_with_its_output(run: Run, folder: Path, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        save(folder / name, 400)
    wish = (folder, "-f", "webp", "--out", tmp_path / "out", "--skip-existing", "--json")
    assert run(*wish).exit_code == ExitCode.OK
    told = [json.loads(line) for line in run(*wish).output.splitlines()]
    size = sum(path.stat().st_size for path in (tmp_path / "out").glob("*.webp"))
    assert told[-1]["summary"]["after"] == size
    assert {line["output"] for line in told[:-1]} == {str(tmp_path / "out" / f"{name}.webp") for name in "ab"}


def test_one_output_is_remembered_beside_it(run: Run, folder: Path, tmp_path: Path) -> None:
    save(folder / "a.png")
    wish = (folder / "a.png", "-o", tmp_path / "o.webp", "--skip-existing")
    assert run(*wish).exit_code == ExitCode.OK
    assert names(folder) == ["a.png"]
    assert "done before" in run(*wish).output


def test_a_place_that_takes_nothing_is_named(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(folder / "a.png")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    result = run(folder / "a.png", "-o", tmp_path / "o.webp")
    assert result.exit_code == ExitCode.FILES
    assert f"No space left on device: {tmp_path / 'o.webp'}" in " ".join(result.output.split())
    assert names(tmp_path) == ["in"]
    monkeypatch.undo()
    page = tmp_path / "page.html"
    from openmogr.cli.compress import comparison

    monkeypatch.setattr(comparison, "write_output", lambda *told, **options: full(0))
    result = run(folder / "a.png", "-o", tmp_path / "o.webp", "--compare", page)
    assert result.exit_code == ExitCode.FILES
    assert "Error: the report cannot be written: No space left on device" in result.output
    assert (tmp_path / "o.webp").is_file()


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_report_that_nobody_takes(
    folder: Path, tmp_path: Path, more: tuple[str, ...], full_device: Path
) -> None:
    for number in range(4):
        save(folder / f"{number}.png")
    wish: tuple[str | Path, ...] = ("compress", folder, "-f", "webp", "--out", tmp_path / "out", *more)
    with full_device.open("wb") as full:
        done = program(*wish, stdout=full.fileno())
    assert done.returncode == ExitCode.FILES
    assert done.stderr == b"Error: the report cannot be written: No space left on device\n"
    # Whoever reads has had enough.
    reading, writing = os.pipe()
    os.close(reading)
    done = program(*wish, "--overwrite", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (ExitCode.UNEXPECTED, b"")


def test_waiting_for_the_standard_input_can_be_interrupted(tmp_path: Path) -> None:
    # It waits for its standard input, which nobody closes.
    words = [sys.executable, "-m", "openmogr", "compress", "-", "-o", str(tmp_path / "o.webp")]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        threading.Timer(2, process.send_signal, (signal.SIGINT,)).start()
        code = process.wait(30)
        assert process.stderr is not None
        assert (code, process.stderr.read()) == (ExitCode.INTERRUPTED, b"\ninterrupted\n")


def _interrupt_at_work(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a command a second after the first of its workers came."""
    until = time.monotonic() + 30
    while time.monotonic() < until and not any(map(below, below(process.pid))):
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGINT)


def test_one_picture_that_is_interrupted(tmp_path: Path) -> None:
    Image.effect_noise((3000, 3000), 90).convert("RGB").save(tmp_path / "a.png")
    words = [
        sys.executable,
        "-m",
        "openmogr",
        "compress",
        str(tmp_path / "a.png"),
        "-f",
        "avif",
        "--effort",
        "9",
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        threading.Thread(target=_interrupt_at_work, args=(process,)).start()
        told, said = process.communicate(timeout=60)
    assert (process.returncode, told, said) == (ExitCode.INTERRUPTED, b"", b"interrupted: 1 not done\n")
    assert names(tmp_path) == ["a.png"]


@pytest.mark.parametrize("name", ["gif", "bmp"])
def test_lossless_is_refused_where_it_cannot_be(run: Run, folder: Path, name: str) -> None:
    Image.merge("RGB", [Image.effect_noise((60, 40), 60) for _ in range(3)]).save(folder / "many.png")
    few = Image.new("RGBA", (60, 40), (10, 20, 30, 255))
    few.paste((200, 0, 0, 255), (5, 5, 20, 20))
    few.save(folder / "few.png")
    few.paste((0, 0, 200, 90), (30, 5, 40, 20))
    few.save(folder / "half.png")
    results = {
        file: run(folder / f"{file}.png", "-f", name, "--lossless", "--write-larger")
        for file in ("many", "few", "half")
    }
    refused = {"half", "many"} if name == "gif" else {"half"}
    assert {file for file, result in results.items() if result.exit_code == ExitCode.NOT_AN_IMAGE} == refused
    assert f"{name} cannot be written without loss" in results["half"].output
    for file in results.keys() - refused:
        with Image.open(folder / f"{file}.png") as old, Image.open(folder / f"{file}.{name}") as new:
            assert old.convert("RGB").tobytes() == new.convert("RGB").tobytes()


def test_what_could_not_be_had_is_told(run: Run, folder: Path) -> None:
    Image.effect_noise((200, 200), 90).convert("RGB").save(folder / "a.png")
    result = run(folder / "a.png", "-f", "webp", "--max-size", "1k")
    size = (folder / "a.webp").stat().st_size
    assert size > 1024
    assert f"the output has {size} bytes at the lowest quality, more than 1024" in result.output
    assert "missed: what was asked for of 1 file" in result.output
    result = run(folder / "a.png", "-f", "webp", "--target-ssimulacra2", "100", "--overwrite", "--json")
    told = json.loads(result.output.splitlines()[0])
    assert told["missed"] == f"has a score of {told['score']:.1f} at the highest quality, less than 100"
    result = run(folder / "a.png", "-f", "webp", "--target-ssimulacra2", "30", "--overwrite", "--json")
    told = json.loads(result.output.splitlines()[0])
    assert (told["missed"], told["score"] >= 30) == ("", True)


def test_an_output_that_is_smaller_is_told_as_such(run: Run, folder: Path) -> None:
    Image.effect_noise((200, 200), 90).convert("RGB").save(folder / "a.png")
    assert run(folder / "a.png", "-f", "webp", "-q", "20").exit_code == ExitCode.OK
    result = run(folder / "a.png", "-f", "webp", "-q", "90", "--overwrite", "smaller")
    assert result.exit_code == ExitCode.OK
    assert "a.webp kept, is no larger than the new one" in " ".join(result.output.split())
    assert "kept: 1 file for which a smaller output was there" in result.output
    assert "too little" not in result.output


@pytest.mark.parametrize("suffix", ["/x", "/../x", "a/"])
def test_a_suffix_is_a_part_of_a_name(run: Run, folder: Path, suffix: str) -> None:
    save(folder / "a.png")
    result = run(folder, "-f", "webp", "--suffix", suffix)
    assert result.exit_code == ExitCode.USAGE
    assert "--suffix is a part of names" in result.output
    assert names(folder) == ["a.png"]


def test_two_stars_go_through_no_links(run: Run, folder: Path, tmp_path: Path) -> None:
    (folder / "deep" / "er").mkdir(parents=True)
    save(folder / "deep" / "er" / "a.png")
    (tmp_path / "elsewhere").mkdir()
    save(tmp_path / "elsewhere" / "b.png")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    out = tmp_path / "out"
    assert run(folder / "**" / "*.png", "-f", "webp", "--out", out).exit_code == ExitCode.OK
    assert [path.relative_to(out).as_posix() for path in out.rglob("*.webp")] == ["deep/er/a.webp"]
    # One that is named is followed.
    assert run(folder / "link" / "*.png", "-f", "webp", "--out", out).exit_code == ExitCode.OK
    assert (out / "b.webp").is_file()


def test_the_folder_of_the_sources_named_as_that_of_the_outputs(run: Run, folder: Path) -> None:
    (folder / "sub").mkdir()
    save(folder / "a.png")
    Image.linear_gradient("L").save(folder / "sub" / "b.webp")
    for _ in range(2):
        result = run(folder, "-f", "webp", "--out", folder, "--skip-existing")
        assert result.exit_code == ExitCode.OK, result.output
    assert "2 files have the format already, left alone" in result.output
    assert names(folder) == [LEDGER_NAME, "a.png", "a.webp", "sub"]


def test_a_link_that_is_replaced_by_its_result_stays_a_link(run: Run, folder: Path) -> None:
    Image.effect_noise((90, 90), 60).convert("RGB").save(folder / "a.png")
    before = (folder / "a.png").stat().st_size
    (folder / "link.png").symlink_to("a.png")
    assert run(folder / "link.png", "--resize", "50%", "--overwrite").exit_code == ExitCode.OK
    assert (folder / "link.png").is_symlink()
    assert (folder / "a.png").stat().st_size < before
    assert names(folder) == ["a.png", "link.png"]


@pytest.mark.parametrize(("told", "nice"), [(None, 0), ("5", 5)])
def test_workers_have_the_priority_of_the_command(
    monkeypatch: pytest.MonkeyPatch, told: str | None, nice: int
) -> None:
    if told is not None:
        monkeypatch.setenv("OPENMOGR_IMAGE_WORKER_NICE", told)
    makers = InProcesses(image_settings_or_exit(), 2, None)
    assert makers._pool.settings.worker_nice == nice
