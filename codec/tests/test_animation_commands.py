"""Animations on the command line: into TPG, out of it, and there and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pillow_tpg
import pytest
from PIL import Image
from pillow_tpg import encode_animation
from pillow_tpg.__main__ import main
from pillow_tpg.image import Samples
from pillow_tpg.sequence import Delays

DURATIONS = [80, 30, 500, 20]


def picture(n: int, transparent: bool) -> Image.Image:
    y, x = np.mgrid[0:40, 0:52]
    alpha = np.where(np.hypot(x - 16 - 5 * n, y - 20) < 13, 255, 0) if transparent else np.full_like(x, 255)
    pixels = np.stack([x * 4, y * 6, np.full_like(x, 40 * n), alpha], 2).astype(np.uint8)
    return Image.fromarray(pixels if transparent else np.ascontiguousarray(pixels[:, :, :3]))


def write(path: Path, transparent: bool = False, durations: Sequence[int] = DURATIONS) -> Path:
    first, *others = [picture(n, transparent) for n in range(len(durations))]
    options = {"disposal": 2} if path.suffix == ".gif" else {"lossless": True}
    first.save(path, save_all=True, append_images=others, duration=list(durations), loop=0, **options)
    return path


def durations_of(path: Path) -> list[float]:
    found = []
    with Image.open(path) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            image.load()
            found.append(image.info["duration"])
    return found


@pytest.mark.parametrize("name", ["in.gif", "in.apng", "in.webp"])
@pytest.mark.parametrize("transparent", [False, True])
def test_encode_keeps_frames_and_delays(
    name: str, transparent: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = write(tmp_path / name, transparent), tmp_path / "out.tpg"
    assert main(["encode", str(source), str(output), "--effort", "1"]) == 0
    info = pillow_tpg.info(output.read_bytes())
    assert (info.delays, info.mode) == ([8, 3, 50, 2], "animation")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert ("--alpha keep" in printed.err) == transparent
    assert main(["encode", str(source), str(output), "--effort", "1", "--alpha", "keep"]) == 0
    info = pillow_tpg.info(output.read_bytes())
    assert (info.delays, info.has_alpha) == ([8, 3, 50, 2], transparent)
    assert main(["encode", str(source), str(output), "--still", "--qp", "30"]) == 0
    assert not pillow_tpg.info(output.read_bytes()).is_animated
    assert main(["encode", str(source), str(output), "--still", "--qp", "30.5"]) == 1
    assert "only animations have fractions of QPs" in capsys.readouterr().err
    files = []
    for qp in ("30", "30.5", "31"):
        assert main(["encode", str(source), str(output), "--alpha", "white", "--qp", qp]) == 0
        files.append(output.read_bytes())
    assert len(set(files)) == len(files)
    assert main(["encode", str(source), str(output), "--alpha", "white", "--target-size", "900"]) == 0
    assert len(output.read_bytes()) <= 900
    assert pillow_tpg.info(output.read_bytes()).frame_count == 4
    assert capsys.readouterr().err == ""


def test_pages_are_not_frames(tmp_path: Path) -> None:
    pages = [picture(n, False) for n in range(3)]
    pages[0].save(tmp_path / "in.tiff", save_all=True, append_images=pages[1:])
    assert main(["encode", str(tmp_path / "in.tiff"), str(tmp_path / "out.tpg")]) == 0
    assert pillow_tpg.info((tmp_path / "out.tpg").read_bytes()).mode == "still"


def test_a_picture_for_viewers_without_animation_is_no_frame(tmp_path: Path) -> None:
    first, *others = [picture(n, False) for n in range(4)]
    first.save(tmp_path / "in.png", save_all=True, append_images=others, duration=70, default_image=True)
    assert main(["encode", str(tmp_path / "in.png"), str(tmp_path / "out.tpg"), "--effort", "0"]) == 0
    assert pillow_tpg.info((tmp_path / "out.tpg").read_bytes()).delays == [7, 7, 7]


@pytest.fixture
def tpg(tmp_path: Path) -> Path:
    return animated(tmp_path, transparent=False)


def animated(folder: Path, transparent: bool) -> Path:
    frames = [picture(n, transparent) for n in range(4)]
    data = encode_animation(frames, [8, 3, 50, 0], qp=16, effort=1, alpha="keep")
    (folder / "in.tpg").write_bytes(data)
    return folder / "in.tpg"


def shown(path: Path, index: int) -> Samples:
    with Image.open(path) as image:
        image.seek(index)
        return np.asarray(image.convert("RGBA")).astype(np.uint8)


@pytest.mark.parametrize("name", ["out.gif", "out.apng", "out.webp"])
@pytest.mark.parametrize("transparent", [False, True])
def test_decode_writes_animations(name: str, transparent: bool, tmp_path: Path) -> None:
    source, output = animated(tmp_path, transparent), tmp_path / name
    assert main(["decode", str(source), str(output)]) == 0
    assert durations_of(output) == [80, 30, 500, 100]
    for frame in pillow_tpg.decode_frames(source.read_bytes()):
        expected, found = frame.rgba(), shown(output, frame.index)
        clear = expected[:, :, 3] < 60
        # Nothing of the frame before shines through; GIF has few colours.
        assert (found[clear][:, 3] < 128).all()
        assert np.abs(found.astype(int) - expected)[~clear].mean() < 8


def test_decode_writes_numbered_pictures(tpg: Path, tmp_path: Path) -> None:
    assert main(["decode", str(tpg), str(tmp_path / "frame-%03d.png")]) == 0
    assert main(["decode", str(tpg), str(tmp_path / "plain%d.png")]) == 0
    for frame in pillow_tpg.decode_frames(tpg.read_bytes()):
        for path in (tmp_path / f"frame-{frame.index:03}.png", tmp_path / f"plain{frame.index}.png"):
            with Image.open(path) as image:
                assert (np.asarray(image) == frame.rgb()).all()
    assert len(list(tmp_path.glob("frame-*.png"))) == 4


def test_decode_takes_one_frame(tpg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [frame.rgb() for frame in pillow_tpg.decode_frames(tpg.read_bytes())]
    for arguments, index in (([], 0), (["--frame", "2"], 2)):
        assert main(["decode", str(tpg), str(tmp_path / "out.png"), *arguments]) == 0
        with Image.open(tmp_path / "out.png") as image:
            assert getattr(image, "n_frames", 1) == 1
            assert (np.asarray(image) == frames[index]).all()
    assert main(["decode", str(tpg), str(tmp_path / "out.gif"), "--frame", "1"]) == 0
    assert main(["decode", str(tpg), str(tmp_path / "none.png"), "--frame", "4"]) == 1
    assert "there is no frame 4, only 0 to 3" in capsys.readouterr().err
    assert not (tmp_path / "none.png").exists()


def test_decode_of_a_cut_animation_says_so(
    malformed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = str(malformed / "t116_anim_truncated_frame3.tpg")
    for name in ("out.gif", "out%d.png"):
        assert main(["decode", cut, str(tmp_path / name)]) == 1
        message = capsys.readouterr().err
        assert "truncated TPG file" in message
        assert "--frame takes one of the 3 whole frames" in message
    assert list(tmp_path.iterdir()) == []
    assert main(["decode", cut, str(tmp_path / "out.png"), "--frame", "2"]) == 0


def test_there_and_back(tpg: Path, tmp_path: Path) -> None:
    gif, back = tmp_path / "out.gif", tmp_path / "back.tpg"
    assert main(["decode", str(tpg), str(gif)]) == 0
    assert main(["encode", str(gif), str(back), "--effort", "0"]) == 0
    # Delays that browsers show for 100 ms come back as such.
    assert pillow_tpg.info(back.read_bytes()).delays == [8, 3, 50, 10]


def test_genuine_animations_there_and_back(corpus: Path, tmp_path: Path) -> None:
    gif, back = tmp_path / "out.gif", tmp_path / "back.tpg"
    genuine = corpus / "dingdang_tpg.gif"
    assert main(["decode", str(genuine), str(gif)]) == 0
    assert main(["encode", str(gif), str(back), "--effort", "0"]) == 0
    assert (
        pillow_tpg.info(back.read_bytes()).delays == pillow_tpg.info(genuine.read_bytes()).delays == [8] * 9
    )


def test_a_large_genuine_animation_there_and_back(corpus: Path, tmp_path: Path) -> None:
    data = (corpus / "test1_gif.tpg").read_bytes()
    # Its frames at a tenth of their size: 7.6 million pixels each would take too long.
    frames = [Image.fromarray(frame.rgb()[::10, ::10]) for frame in pillow_tpg.decode_frames(data)]
    (tmp_path / "in.tpg").write_bytes(encode_animation(frames, pillow_tpg.info(data).delays, effort=0))
    assert main(["decode", str(tmp_path / "in.tpg"), str(tmp_path / "out.gif")]) == 0
    assert main(["encode", str(tmp_path / "out.gif"), str(tmp_path / "back.tpg"), "--effort", "0"]) == 0
    delays = pillow_tpg.info((tmp_path / "back.tpg").read_bytes()).delays
    assert delays == pillow_tpg.info((tmp_path / "in.tpg").read_bytes()).delays
    assert sum(delays) == 6 * 500


def test_rounding_of_durations_does_not_add_up() -> None:
    delays = Delays()
    assert [delays.add(100 / 6) for _ in range(6)] == [2] * 5 + [2]
    delays = Delays()
    thirds = [delays.add(33.3) for _ in range(30)]
    assert set(thirds) == {3, 4}
    assert sum(thirds) == 100
    # What is too short to be seen is shown for 100 ms.
    assert [Delays().add(duration) for duration in (0, 1, 10, 11, 14, 20, 655_360)] == [
        10,
        10,
        10,
        2,
        2,
        2,
        65_536,
    ]
    for wrong in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="a frame cannot be shown for"):
            Delays().add(wrong)
