"""``python -m pillow_tpg``."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pillow_tpg
import pytest
from PIL import Image
from pillow_tpg.__main__ import main


def test_info(malformed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(malformed / "base_animation.tpg")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {"width: 70", "height: 51", "mode: animation", "frame_count: 4", "damage: -"} <= set(lines)


def test_info_as_json(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json", str(corpus / "tpg.jpg")]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "format": "TPG",
        "width": 960,
        "height": 540,
        "mode": "still",
        "flags": 0x14,
        "has_alpha": False,
        "is_animated": False,
        "frame_count": 1,
        "declared_frame_count": None,
        "delays": [],
        "coded_width": 960,
        "coded_height": 544,
        "qp": 21,
        "exif_bytes": 80,
        "user_data_bytes": [],
        "damage": None,
        "trailing_bytes": 0,
    }


@pytest.mark.parametrize("name", ["base_still.tpg", "base_alpha.tpg"])
def test_decode(name: str, malformed: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.png"
    assert main(["decode", str(malformed / name), str(output), "--threads", "2"]) == 0
    image = pillow_tpg.decode((malformed / name).read_bytes())
    with Image.open(output) as picture:
        assert (np.asarray(picture) == (image.rgb() if image.alpha is None else image.rgba())).all()


def test_yuv(malformed: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.yuv"
    source = malformed / "base_alpha.tpg"
    image = pillow_tpg.decode(source.read_bytes())
    assert image.alpha is not None
    planes = image.y.tobytes() + image.cb.tobytes() + image.cr.tobytes()
    assert main(["yuv", str(source), "-o", str(output)]) == 0
    assert output.read_bytes() == planes
    assert main(["yuv", str(source), "-o", str(output), "--alpha"]) == 0
    assert output.read_bytes() == planes + image.alpha.tobytes()


def test_checksums_of_a_file(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["yuv", str(corpus / "tpg.jpg"), "--md5"]) == 0
    assert capsys.readouterr().out == "9452ed1442c788e69dadbc0ffe65595a\n"


def test_checksums_of_a_bare_stream(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # 19x21 samples: chroma is rounded up.
    stream = shared / "vectors/avs2/intra/i195_mini_odd_19x21.avs"
    assert main(["yuv", str(stream), "--md5"]) == 0
    printed = capsys.readouterr().out.split()
    output = tmp_path / "out.yuv"
    assert main(["yuv", str(stream), "-o", str(output)]) == 0
    planes = output.read_bytes()
    assert len(planes) == len(printed) * (19 * 21 + 2 * 10 * 11)
    assert printed[0] == hashlib.md5(planes[: 19 * 21 + 2 * 10 * 11], usedforsecurity=False).hexdigest()


def test_planes_on_the_standard_output(malformed: Path) -> None:
    command = [sys.executable, "-m", "pillow_tpg", "yuv", str(malformed / "base_still.tpg"), "-o", "-"]
    result = subprocess.run(command, capture_output=True, check=True)
    assert len(result.stdout) == 70 * 51 + 2 * 35 * 26
    assert result.stderr == b""


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["explode"],
        ["info"],
        ["yuv", "in.tpg"],
        ["yuv", "in.tpg", "--md5", "-o", "out.yuv"],
        ["decode", "in.tpg", "out.png", "--threads", "0"],
    ],
)
def test_wrong_calls(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m pillow_tpg" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "missing.tpg"], "missing.tpg: No such file or directory"),
        (["info", "."], "Is a directory"),
        (["info", "text.txt"], "not a TPG file"),
        (["decode", "text.txt", "out.png"], "not a TPG file"),
        (["decode", "still.tpg", "out.xyz"], "no known picture format has the extension '.xyz'"),
        (["decode", "still.tpg", "nowhere/out.png"], "No such file or directory"),
        (["yuv", "still.tpg", "--alpha", "--md5"], "frame 0 has no alpha plane"),
        (["yuv", "text.txt", "--md5"], "not a TPG file"),
        (["yuv", "cut.tpg", "--md5"], "truncated TPG file"),
    ],
)
def test_bad_input(
    arguments: list[str],
    message: str,
    still: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("not a picture")
    Path("still.tpg").write_bytes(still)
    Path("cut.tpg").write_bytes(still[:100])
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("pillow_tpg: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not Path("out.png").exists()
