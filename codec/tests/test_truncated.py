"""``PIL.ImageFile.LOAD_TRUNCATED_IMAGES``: what there is of a file that is cut short, in Pillow."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pillow_tpg
import pillow_tpg.TpgImagePlugin
import pytest
from PIL import Image, ImageFile, ImageSequence

TESTDATA = Path(__file__).resolve().parents[1] / "testdata"
# Magic number and header chunk of an animation.
HEADER = 26
GREY = 130


@pytest.fixture(autouse=True)
def opener() -> Iterator[None]:
    yield
    pillow_tpg.register_tpg_opener()


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)


def pixels(data: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def same_rows(cut: npt.NDArray[np.uint8], whole: npt.NDArray[np.uint8]) -> int:
    """How many rows from the top are the same."""
    differ = (cut != whole).reshape(len(whole), -1).any(1)
    return int(differ.argmax()) if differ.any() else len(whole)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.usefixtures("lenient")
def test_a_still_has_the_rows_that_are_there(threads: int) -> None:
    data = (TESTDATA / "tpg" / "tpg.jpg").read_bytes()
    pillow_tpg.register_tpg_opener(threads=threads)
    whole = pixels(data)
    counts = []
    for length in np.linspace(30, len(data), 9, dtype=int):
        cut = pixels(data[:length])
        counts.append(same_rows(cut, whole))
        below = cut[counts[-1] + 2 :]
        assert (below == GREY).all()
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[4] > 150
    assert counts[-1] == 540


@pytest.mark.usefixtures("lenient")
def test_alpha_that_is_not_there_is_opaque() -> None:
    gradient = Image.linear_gradient("L").resize((128, 256))
    picture = io.BytesIO()
    Image.merge("RGBA", (gradient, gradient, gradient, gradient)).save(picture, "TPG")
    data = picture.getvalue()
    whole = pixels(data)
    info = pillow_tpg.info(data)
    assert info.has_alpha
    end = data.index(b"\0\0\x01\xbc")
    cut = pixels(data[: end + 60])
    assert cut.shape == whole.shape == (256, 128, 4)
    assert (cut[:, :, :3] == whole[:, :, :3]).all()
    assert (cut[-1, :, 3] == 255).all()
    assert (whole[0, :, 3] < 10).all()


@pytest.mark.usefixtures("lenient")
def test_an_animation_has_its_whole_frames(animation: bytes) -> None:
    with Image.open(io.BytesIO(animation)) as image:
        whole = [np.asarray(frame) for frame in ImageSequence.Iterator(image)]
    counts = set()
    for length in [*range(HEADER, len(animation), 5), len(animation)]:
        with Image.open(io.BytesIO(animation[:length])) as image:
            frames = [np.asarray(frame) for frame in ImageSequence.Iterator(image)]
        counts.add(len(frames))
        # The first one alone may be there in part, or not at all.
        assert all((frame == same).all() for frame, same in zip(frames[1:], whole[1:], strict=False))
        assert frames[0].shape == whole[0].shape
    assert counts == {1, 2, 3, 4}


@pytest.mark.parametrize("length", [24, 60, 138, 270])
def test_without_it_the_error_says_what_is_missing(length: int, still: bytes) -> None:
    with pytest.raises(OSError, match=r"^(truncated TPG file: .* \d+ are there|incomplete TPG file: .*)$"):
        Image.open(io.BytesIO(still[:length]))


def test_it_counts_when_pixels_are_loaded(still: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with Image.open(io.BytesIO(still[:200])) as image:
        assert image.size == (70, 51)
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)
        with pytest.raises(OSError, match="truncated TPG file"):
            image.load()
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        image.load()


@pytest.mark.usefixtures("lenient")
def test_no_size_no_picture(still: bytes) -> None:
    with pytest.raises(OSError, match="truncated TPG file: the header chunk"):
        Image.open(io.BytesIO(still[:20]))


@pytest.mark.usefixtures("lenient")
def test_other_errors_stay(malformed: Path, still: bytes) -> None:
    """Budgets, and features that are not there, are no matter of what is missing."""
    with pytest.raises(Image.DecompressionBombError):
        Image.open(malformed / "t048_hdr_dim_16383x16383.tpg")
    pillow_tpg.register_tpg_opener(limits=pillow_tpg.Limits(max_memory=1000))
    with Image.open(io.BytesIO(still[:100])) as image, pytest.raises(Image.DecompressionBombError):
        image.load()


@pytest.mark.usefixtures("lenient")
def test_small_files_at_every_length() -> None:
    """A picture or an OSError, whatever is cut; whole files are as they are without it."""
    opened = 0
    for path in sorted([*TESTDATA.glob("tpg/base_*.tpg"), *TESTDATA.glob("malformed/*.tpg")]):
        data = path.read_bytes()
        for length in range(0, len(data) + 1, 3):
            try:
                with Image.open(io.BytesIO(data[:length])) as image:
                    image.load()
                opened += 1
            except (OSError, Image.DecompressionBombError):
                continue
    assert opened > 500
    for path in TESTDATA.glob("tpg/base_*.tpg"):
        data = path.read_bytes()
        decoded = pillow_tpg.decode(data)
        assert (pixels(data) == (decoded.rgba() if decoded.info.has_alpha else decoded.rgb())).all()
