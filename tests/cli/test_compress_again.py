"""``openmogr compress`` that is interrupted, run again, or loses a worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from PIL import Image

from openmogr.cli.compress.ledger import LEDGER_NAME
from openmogr.cli.exit_codes import ExitCode

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four pictures that differ, in a folder of their own."""
    place = tmp_path / "pictures"
    place.mkdir()
    for number in range(4):
        Image.effect_noise((60 + number, 40), 30).save(place / f"{number}.png")
    return place


def _states(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != LEDGER_NAME}


def test_a_second_run_does_only_the_rest(run: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    wish = ("-f", "webp", "-q", "50", "--out", out, "--skip-existing")
    assert run(folder, *wish).exit_code == ExitCode.OK
    before = _states(out)
    (out / "1.webp").unlink()
    Image.effect_noise((70, 40), 30).save(folder / "2.png")
    result = run(folder, *wish)
    assert result.exit_code == ExitCode.OK, result.output
    after = _states(out)
    assert after["0.webp"] == before["0.webp"]
    assert after["3.webp"] == before["3.webp"]
    assert after["1.webp"] != before["1.webp"]
    assert after["2.webp"] != before["2.webp"]
    with Image.open(out / "2.webp") as image:
        assert image.width == 70
    assert "2 files done before" in result.output


def test_contents_count_and_not_dates(run: Run, folder: Path) -> None:
    wish = ("-f", "webp", "-q", "50", "--skip-existing")
    noise = folder / "noise.bmp"
    Image.effect_noise((60, 40), 30).save(noise)
    assert run(folder, *wish).exit_code == ExitCode.OK
    before = _states(folder)
    os.utime(noise)
    assert "5 files done before" in run(folder, *wish).output
    changed = noise.read_bytes()
    noise.write_bytes(changed[:-1] + bytes([changed[-1] ^ 1]))
    assert "4 files done before" in run(folder, *wish).output
    assert _states(folder)["noise.webp"] != before["noise.webp"]


def test_other_settings_make_all_anew_but_not_what_somebody_changed(run: Run, folder: Path) -> None:
    assert run(folder, "-f", "webp", "-q", "50", "--skip-existing").exit_code == ExitCode.OK
    (folder / "3.webp").write_text("mine")
    before = _states(folder)
    result = run(folder, "-f", "webp", "-q", "20", "--skip-existing")
    assert result.exit_code == ExitCode.EXISTS
    after = _states(folder)
    assert {name for name in after if after[name] != before[name]} == {"0.webp", "1.webp", "2.webp"}
    assert (folder / "3.webp").read_text() == "mine"


def test_what_was_kept_is_not_tried_again(run: Run, tmp_path: Path) -> None:
    Image.effect_noise((96, 64), 60).save(tmp_path / "poor.jpg", quality=5, optimize=True)
    wish = (tmp_path / "poor.jpg", "-f", "png", "--skip-existing")
    assert "would have grown" in run(*wish).output
    assert "1 file done before" in run(*wish).output


def test_outputs_without_a_record_count_by_their_dates(run: Run, folder: Path) -> None:
    assert run(folder, "-f", "webp", "-q", "50").exit_code == ExitCode.OK
    later = time.time() + 10
    os.utime(folder / "0.png", (later, later))
    result = run(folder, "-f", "webp", "-q", "50", "--skip-existing")
    assert result.exit_code == ExitCode.EXISTS
    assert "3 files done before" in result.output


def test_a_source_that_was_replaced_is_not_compressed_twice(run: Run, tmp_path: Path) -> None:
    Image.effect_noise((96, 64), 60).save(tmp_path / "a.jpg", quality=95)
    wish = (tmp_path, "-f", "jpg", "-q", "40", "--overwrite", "--skip-existing")
    assert run(*wish).exit_code == ExitCode.OK
    once = (tmp_path / "a.jpg").read_bytes()
    assert "1 file done before" in run(*wish).output
    assert (tmp_path / "a.jpg").read_bytes() == once


def test_half_a_line_of_a_killed_run_is_passed_over(run: Run, folder: Path) -> None:
    wish = ("-f", "webp", "-q", "50", "--skip-existing")
    assert run(folder, *wish).exit_code == ExitCode.OK
    ledger = folder / LEDGER_NAME
    ledger.write_text(ledger.read_text()[:-20])
    result = run(folder, *wish)
    assert result.exit_code == ExitCode.OK, result.output
    assert "4 files done before" in result.output


def test_an_interrupted_run_ends_at_once_and_goes_on(tmp_path: Path) -> None:
    place = tmp_path / "pictures"
    place.mkdir()
    for number in range(30):
        Image.effect_noise((900, 600), 60).save(place / f"{number:02}.bmp")
    command = [sys.executable, "-m", "openmogr", "compress", str(place), "-f", "avif", "--effort", "4"]
    command += ["--skip-existing", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "out").glob("*.avif")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    since = time.monotonic()
    process.send_signal(signal.SIGINT)
    told, problems = process.communicate(timeout=30)
    # A second where the machine has nothing else to do; how few are done is told below.
    assert time.monotonic() - since < 20
    assert process.returncode == ExitCode.INTERRUPTED
    done = sorted((tmp_path / "out").glob("*.avif"))
    assert 0 < len(done) < 30
    assert told.count(b".avif") == len(done)
    assert f"interrupted: {30 - len(done)} not done".encode() in problems
    assert not list((tmp_path / "out").glob(".*.part"))
    for path in place.iterdir():
        if path.stem not in {output.stem for output in done} and path.stem > "03":
            path.unlink()
    again = subprocess.run(command, capture_output=True, check=False)
    assert again.returncode == 0, again.stderr
    assert f"{len(done)} file{'s' if len(done) > 1 else ''} done before".encode() in again.stdout


_KILLED_AT_ITS_END = """
import os, signal, sys
from pathlib import Path
from openmogr.cli.compress.output import write_output
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
write_output(Path(sys.argv[1]), b"most of it", overwrite=True)
"""


def test_nothing_is_left_of_a_run_that_is_killed(tmp_path: Path) -> None:
    target = tmp_path / "a.webp"
    target.write_bytes(b"as it was")
    done = subprocess.run([sys.executable, "-c", _KILLED_AT_ITS_END, str(target)], check=False)
    assert done.returncode == -signal.SIGKILL
    # Elsewhere what was written lies there under a hidden name.
    left = [path for path in tmp_path.iterdir() if path != target]
    assert len(left) == (0 if _has_nameless_files(tmp_path) else 1)
    assert target.read_bytes() == b"as it was"


def _has_nameless_files(folder: Path) -> bool:
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY))
    except (AttributeError, OSError):
        return False
    return True


def test_file_systems_without_nameless_files(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "O_TMPFILE", 0, raising=False)
    assert run(folder, "-f", "webp").exit_code == ExitCode.OK
    assert {path.suffix for path in folder.iterdir()} == {".png", ".webp"}


def test_a_picture_that_needs_too_much_costs_no_other(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The picture alone needs more than all may have together.
    Image.new("L", (6000, 4000)).save(folder / "large.png")
    monkeypatch.setenv("OPENMOGR_IMAGE_MEMORY", "60000000")
    result = run(folder, "--op", "imageMogr2/rotate/45", "--suffix", "-r")
    assert result.exit_code == ExitCode.LIMIT, result.output
    assert len(list(folder.glob("*-r.png"))) == 4
