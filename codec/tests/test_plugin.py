"""TPG in Pillow."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pillow_tpg
import pytest
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError


@pytest.fixture(autouse=True)
def opener() -> Iterator[None]:
    pillow_tpg.register_tpg_opener()
    yield
    pillow_tpg.register_tpg_opener()


def open_tpg(source: Path | bytes) -> pillow_tpg.TpgImageFile:
    image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
    assert isinstance(image, pillow_tpg.TpgImageFile)
    return image


def test_formats_are_registered() -> None:
    assert Image.MIME["TPG"] == "image/tpg"
    assert Image.registered_extensions()[".tpg"] == "TPG"


def test_files_are_recognised_by_content(corpus: Path) -> None:
    with open_tpg(corpus / "tpg.jpg") as image:
        assert (image.format, image.size, image.mode) == ("TPG", (960, 540), "RGB")
        assert image.get_format_mimetype() == "image/tpg"
        assert (image.n_frames, image.is_animated) == (1, False)
        assert not {"duration", "loop"} & set(image.info)
        assert image.getpixel((680, 154)) is not None
        pixels = np.asarray(image)
    assert (pixels == pillow_tpg.decode((corpus / "tpg.jpg").read_bytes()).rgb()).all()


def test_alpha_is_a_channel(corpus: Path) -> None:
    with open_tpg(corpus / "test1.tpg") as image:
        assert image.mode == "RGBA"
        pixels = np.asarray(image)
    assert (pixels == pillow_tpg.decode((corpus / "test1.tpg").read_bytes()).rgba()).all()


def test_exif(corpus: Path) -> None:
    with open_tpg(corpus / "tpg.jpg") as image:
        assert image.info["exif"].startswith(b"Exif\0\0MM\0*")
        assert image.getexif()[ExifTags.Base.Orientation] == 1
        saved = io.BytesIO()
        image.save(saved, "JPEG", exif=image.info["exif"])
    with Image.open(saved) as image:
        assert image.getexif()[ExifTags.Base.Orientation] == 1


@pytest.mark.parametrize(
    "name",
    [
        "t093_exif_empty.tpg",
        "t094_exif_garbage.tpg",
        "t095_exif_ifd_offset_huge.tpg",
        "t096_exif_loop_orientation_99.tpg",
    ],
)
def test_bad_exif_does_not_stop_the_picture(name: str, malformed: Path) -> None:
    with warnings.catch_warnings(), open_tpg(malformed / name) as image:
        warnings.simplefilter("ignore")
        image.load()
        dict(image.getexif())
        assert image.size == (70, 51)


def test_animation(animation: bytes) -> None:
    with open_tpg(animation) as image:
        assert (image.n_frames, image.is_animated) == (4, True)
        assert image.info["loop"] == 0
        delays = pillow_tpg.info(animation).delays
        for index, delay in enumerate(delays):
            image.seek(index)
            assert image.tell() == index
            assert image.info["duration"] == delay * 10
            assert image.info["timestamp"] == sum(delays[:index]) * 10
        with pytest.raises(EOFError):
            image.seek(4)
        assert image.tell() == 3


def test_frames_in_any_order(corpus: Path) -> None:
    data = (corpus / "dingdang_tpg.gif").read_bytes()
    frames = [frame.rgb() for frame in pillow_tpg.decode_frames(data)]
    with open_tpg(data) as image:
        for index in (0, 2, 5, 5, 1, 8, 0):
            image.seek(index)
            assert (np.asarray(image) == frames[index]).all(), index


def test_animation_can_be_saved_by_pillow(corpus: Path) -> None:
    saved = io.BytesIO()
    with open_tpg(corpus / "dingdang_tpg.gif") as image:
        image.save(saved, "WEBP", save_all=True, lossless=True, duration=image.info["duration"])
        image.seek(8)
        last = np.asarray(image)
    with Image.open(saved) as image:
        assert getattr(image, "n_frames", 1) == 9
        image.seek(8)
        assert (np.asarray(image.convert("RGB")) == last).all()


def test_delays_of_zero_are_shown_as_browsers_do(malformed: Path) -> None:
    with open_tpg(malformed / "t117_anim_delay_zero.tpg") as image:
        assert image.info["duration"] == 100
    with open_tpg(malformed / "t118_anim_delay_ffff.tpg") as image:
        assert image.info["duration"] == 655350


def test_whole_frames_of_a_cut_animation(malformed: Path) -> None:
    with open_tpg(malformed / "t116_anim_truncated_frame3.tpg") as image:
        assert image.n_frames == 3
        image.seek(2)
        image.load()


def test_other_formats_are_left_alone() -> None:
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(b"TPG AVS3B and something else"))
    picture = io.BytesIO()
    Image.new("RGB", (3, 2)).save(picture, "PNG")
    with Image.open(picture) as image:
        assert image.format == "PNG"


def test_broken_files_are_os_errors(malformed: Path) -> None:
    with pytest.raises(OSError, match="truncated TPG file"):
        open_tpg(malformed / "t024_trunc_half.tpg")
    with (
        open_tpg(malformed / "t087_picture_random.tpg") as image,
        pytest.raises(OSError, match="frame 0") as caught,
    ):
        image.load()
    assert isinstance(caught.value.__cause__, pillow_tpg.TpgError)


def test_budgets_are_bombs(malformed: Path, still: bytes) -> None:
    with pytest.raises(Image.DecompressionBombError, match="number of pixels is 268402689"):
        open_tpg(malformed / "t048_hdr_dim_16383x16383.tpg")
    pillow_tpg.register_tpg_opener(limits=pillow_tpg.Limits(max_pixels=3569))
    with pytest.raises(Image.DecompressionBombError, match="is 3570, allowed are 3569"):
        open_tpg(still)


def test_images_can_be_copied_and_pickled(still: bytes) -> None:
    with open_tpg(still) as image:
        pixels = np.asarray(image)
        copies = [image.copy(), copy.deepcopy(image), pickle.loads(pickle.dumps(image))]
    for other in copies:
        assert (np.asarray(other) == pixels).all()


def test_files_are_closed(tmp_path: Path, still: bytes) -> None:
    path = tmp_path / "still.tpg"
    path.write_bytes(still)
    image = Image.open(path)
    path.unlink()
    image.load()
    image.putpixel((0, 0), (1, 2, 3))
    assert image.getpixel((0, 0)) == (1, 2, 3)
    image.close()


def pixels_of(stream: io.BytesIO) -> bytes:
    with Image.open(stream) as image:
        return image.convert("RGB").tobytes()


def test_importing_the_plugin_registers_it_and_importing_the_package_does_not() -> None:
    lines = (
        "import pillow_tpg",
        "from PIL import Image",
        "Image.init()",
        "before = 'TPG' in Image.OPEN",
        "import pillow_tpg.TpgImagePlugin",
        "print(before, Image.ID[-1], 'TPG' in Image.SAVE, 'TPG' in Image.SAVE_ALL)",
    )
    command = [sys.executable, "-c", "\n".join(lines)]
    assert (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False TPG True True\n"
    )


@pytest.mark.parametrize("save_all", [False, True])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lossless": True}, "TPG is lossy; quality=100 comes nearest"),
        ({"icc_profile": b"another"}, "TPG has no place for one: pixels are stored as sRGB"),
        ({"xmp": b"<x:xmpmeta/>"}, "TPG has no place for XMP"),
    ],
)
def test_what_tpg_cannot_hold_is_refused(options: dict[str, object], words: str, save_all: bool) -> None:
    stream = io.BytesIO()
    with pytest.raises(ValueError, match=words):
        Image.new("RGB", (16, 16)).save(stream, "TPG", save_all=save_all, **options)
    assert stream.getvalue() == b""
    # Said explicitly that it is not wanted, it is not.
    Image.new("RGB", (16, 16)).save(stream, "TPG", save_all=save_all, **dict.fromkeys(options))
    assert stream.getvalue().startswith(b"TPG AVS2B")


def test_a_count_of_loops_is_refused_and_endless_ones_are_not() -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    stream = io.BytesIO()
    with pytest.raises(ValueError, match="loop is 3, but TPG has no loop count"):
        frames[0].save(stream, "TPG", save_all=True, append_images=frames[1:], loop=3)
    frames[0].save(stream, "TPG", save_all=True, append_images=frames[1:], loop=0)
    assert pillow_tpg.info(stream.getvalue()).frame_count == 2


def test_the_images_own_profile_is_applied() -> None:
    """``icc_profile=image.info["icc_profile"]`` is how Pillow's users ask for the right colours, and they get them."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.linear_gradient("L").convert("RGB")
    plain, tagged = io.BytesIO(), io.BytesIO()
    image.save(plain, "TPG")
    image.info["icc_profile"] = srgb
    image.save(tagged, "TPG", icc_profile=srgb)
    assert pixels_of(tagged) == pixels_of(plain)
    with pytest.raises(ValueError, match="not the image's own"):
        image.save(tagged, "TPG", icc_profile=profile)


def test_one_default_quality_everywhere() -> None:
    default = pillow_tpg.DEFAULT_QUALITY
    assert default == 75
    image = Image.effect_mandelbrot((64, 48), (-2, -1, 1, 1), 50).convert("RGB")
    implied, said = io.BytesIO(), io.BytesIO()
    image.save(implied, "TPG")
    image.save(said, "TPG", quality=default)
    assert implied.getvalue() == said.getvalue() == pillow_tpg.encode(image)
    assert pillow_tpg.encode_animation([image], 10) == pillow_tpg.encode_animation(
        [image], 10, quality=default
    )
    codec = Path(__file__).resolve().parents[1]
    for place, words in {
        "wasm/npm/index.js": f"quality ?? {default},",
        "wasm/npm/index.d.ts": f"; {default} by default.",
        "python/pillow_tpg/encode.py": f"quality is {default}.",
        "python/pillow_tpg/animation.py": f"the quality is {default}.",
    }.items():
        assert words in (codec / place).read_text(encoding="utf-8"), place
    help_text = subprocess.run(
        [sys.executable, "-m", "pillow_tpg", "encode", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert f"default {default}" in " ".join(help_text.split())
