"""Every mode of Pillow, ICC profiles, ``Image.save`` and the command line."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pillow_tpg
import pytest
from PIL import Image, ImageCms
from pillow_tpg import encode
from pillow_tpg.__main__ import main

pillow_tpg.register_tpg_opener()


def base(size: int = 48) -> Image.Image:
    y, x = np.mgrid[0:size, 0:size]
    return Image.fromarray(np.stack([x * 4, y * 4, 200 - x * 2 - y * 2], 2).astype(np.uint8))


def open_tpg(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def distance(a: Image.Image, b: Image.Image) -> float:
    return float(np.abs(np.asarray(a).astype(float) - np.asarray(b).astype(float)).mean())


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV"])
def test_modes_without_alpha(mode: str) -> None:
    image = base().convert(mode)
    decoded = open_tpg(encode(image, qp=4, effort=1))
    assert decoded.mode == "RGB"
    # Dithering of P and 1 does not survive in chroma, its mean does.
    means = [picture.convert("RGB").resize((6, 6), Image.Resampling.BOX) for picture in (decoded, image)]
    assert distance(*means) < 3


@pytest.mark.parametrize("mode", ["LA", "PA", "RGBA", "La", "RGBa"])
def test_modes_with_alpha(mode: str) -> None:
    image = base().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size).point(lambda value: max(value, 40)))
    steps = {"PA": ["P", "PA"], "LA": ["LA"], "La": ["LA", "La"]}.get(mode, [mode])
    for step in steps:
        image = image.convert(step)
    plain = image.convert("LA" if mode == "La" else "RGBA").convert("RGBA")
    decoded = open_tpg(encode(image, qp=4, effort=1))
    if mode == "PA":
        # Pillow drops alpha on the way to P.
        assert distance(decoded.convert("RGB"), plain.convert("RGB")) < 3
    else:
        assert decoded.mode == "RGBA"
        assert distance(decoded, plain) < 3


def test_transparent_palette_entry_and_colour() -> None:
    palette = Image.new("P", (32, 32), 1)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.paste(0, (0, 0, 16, 32))
    palette.info["transparency"] = 0
    colour = palette.convert("RGB")
    colour.info["transparency"] = (255, 0, 0)
    for image in (palette, colour):
        decoded = open_tpg(encode(image, qp=8))
        assert decoded.mode == "RGBA"
        assert decoded.getpixel((2, 2))[3] == 0  # type: ignore[index]
        assert decoded.getpixel((28, 2))[3] == 255  # type: ignore[index]


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_wide_grey(mode: str) -> None:
    values = np.linspace(0, 65535, 64 * 64).reshape(64, 64)
    dtypes = {"I;16": np.uint16, "I": np.int32, "F": np.float32}
    image = Image.fromarray(values.astype(dtypes[mode]))
    assert image.mode == mode
    decoded = np.asarray(open_tpg(encode(image, qp=4)))
    assert np.abs(decoded[:, :, 0] - values / 257).max() < 6


def profile(space: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()  # type: ignore[arg-type]


def test_srgb_profile_changes_nothing() -> None:
    image = base()
    tagged = image.copy()
    tagged.info["icc_profile"] = profile("sRGB")
    assert distance(open_tpg(encode(tagged, qp=4)), open_tpg(encode(image, qp=4))) < 1


def test_profile_is_applied(shared: Path) -> None:
    lab = ImageCms.profileToProfile(base(), profile_of("sRGB"), profile_of("LAB"), outputMode="LAB")
    assert lab is not None
    lab.info["icc_profile"] = profile("LAB")
    decoded = open_tpg(encode(lab, qp=4))
    assert distance(decoded, base()) < 4


def profile_of(space: str) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(space))  # type: ignore[arg-type]


def test_broken_profile_gives_a_warning() -> None:
    image = base()
    image.info["icc_profile"] = b"no profile at all"
    with pytest.warns(UserWarning, match="the ICC profile cannot be used"):
        data = encode(image)
    assert data == encode(base())


def test_save(tmp_path: Path) -> None:
    image = base()
    exif = Image.Exif()
    exif[0x010E] = "a picture"
    image.info["exif"] = exif.tobytes()
    image.save(tmp_path / "a.tpg", quality=60, effort=1, dpi=(72, 72))
    assert (tmp_path / "a.tpg").read_bytes() == encode(image, quality=60, effort=1, exif=exif)
    with Image.open(tmp_path / "a.tpg") as saved:
        assert saved.format == "TPG"
        assert saved.getexif()[0x010E] == "a picture"
        saved.save(tmp_path / "b.tpg", exif=b"")
    assert pillow_tpg.info((tmp_path / "b.tpg").read_bytes()).exif is None
    assert Image.MIME["TPG"] == "image/tpg"
    out = io.BytesIO()
    image.save(out, "TPG", target_size=700)
    assert len(out.getvalue()) <= 700


@pytest.fixture
def png(tmp_path: Path) -> Path:
    path = tmp_path / "in.png"
    image = base(120)
    exif = Image.Exif()
    exif[0x010E] = "a picture"
    image.save(path, exif=exif)
    return path


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], {}),
        (["--quality", "40"], {"quality": 40}),
        (["--qp", "50", "--effort", "2"], {"qp": 50, "effort": 2}),
        (["--tools", "compatible"], {"tools": "genuine"}),
        (["--tools", "full", "--threads", "2", "--chroma", "box"], {"tools": "full", "chroma": "box"}),
        (["--target-size", "1500"], {"target_size": 1500}),
        (["--target-ssimulacra2", "60"], {"target_ssimulacra2": 60}),
    ],
)
def test_command(arguments: list[str], options: dict[str, object], png: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.tpg"
    assert main(["encode", str(png), str(output), *arguments]) == 0
    with Image.open(png) as image:
        exif = image.info["exif"]
        assert output.read_bytes() == encode(image, exif=exif, **options)  # type: ignore[arg-type]
        assert main(["encode", str(png), str(output), *arguments, "--no-exif"]) == 0
        if "target_size" not in options:
            assert output.read_bytes() == encode(image, **options)  # type: ignore[arg-type]


def test_command_reencodes_tpg(still: bytes, tmp_path: Path) -> None:
    (tmp_path / "in.tpg").write_bytes(still)
    assert main(["encode", str(tmp_path / "in.tpg"), str(tmp_path / "out.tpg"), "--qp", "40"]) == 0
    assert pillow_tpg.info((tmp_path / "out.tpg").read_bytes()).qp == 40


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in.png", "out.tpg", "--qp", "64"], "qp is 64, allowed are 0 to 63"),
        (["in.png", "out.tpg", "--quality", "0"], "quality is 0.0, allowed are 1 to 100"),
        (["in.png", "out.tpg", "--effort", "10"], "effort is 10, allowed are 0 to 9"),
        (["in.png", "out.tpg", "--target-size", "20"], "target_size is 20 bytes, but even QP 63 takes"),
        (["in.png", "out.tpg", "--target-ssimulacra2", "99.9"], "even QP 0 reaches only"),
        (["missing.png", "out.tpg"], "No such file"),
        (["text.txt", "out.tpg"], "cannot identify image file"),
        (["in.png", "nowhere/out.tpg"], "No such file"),
    ],
)
def test_bad_commands(
    arguments: list[str],
    message: str,
    png: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(png.parent)
    Path("text.txt").write_text("not a picture")
    assert main(["encode", *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not Path("out.tpg").exists()


def test_goals_exclude_each_other_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["encode", "a", "b", "--qp", "3", "--quality", "4"])
    assert caught.value.code == 2
    assert "not allowed with" in capsys.readouterr().err
