"""Whole pipelines over small pictures: sizes follow the geometry, and failures are always the client's."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openmogr.errors import CosError, ImageResolutionExceed
from openmogr.image import ImageSettings, Processor, Source, parse_operation

from .conftest import decoded, encoded, photo

LIMITS = ImageSettings(max_side=400, max_pixels=90_000, max_parameter=300)
PROCESSOR = Processor(LIMITS)
SOURCES = {
    "png": encoded(photo(60, 40), "PNG"),
    "alpha": encoded(photo(41, 67, "RGBA"), "PNG"),
    "jpeg": encoded(photo(90, 70), "JPEG", exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00"
                    b"\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"),
    "grey": encoded(photo(33, 1, "L"), "PNG"),
    "dot": encoded(photo(1, 1), "BMP"),
    "gif": encoded(photo(50, 30), "GIF", save_all=True, append_images=[photo(50, 30).rotate(180)], duration=50),
}  # fmt: skip

_number = st.one_of(st.integers(1, 80), st.integers(1, 500))
_steps = st.one_of(
    st.builds("thumbnail/{}x{}".format, _number, _number),
    st.builds("thumbnail/{}x".format, _number),
    st.builds("thumbnail/!{}x{}r".format, _number, _number),
    st.builds("thumbnail/!{}p".format, _number),
    st.builds("thumbnail/{}x{}/pad/1".format, _number, _number),
    st.builds("thumbnail/{}@".format, st.integers(1, 9999)),
    st.builds(
        "crop/{}x{}/gravity/{}".format, _number, _number, st.sampled_from(["north", "southwest", "east"])
    ),
    st.builds("cut/{}x{}x{}x{}".format, _number, _number, st.integers(0, 60), st.integers(0, 60)),
    st.builds("rotate/{}".format, st.integers(0, 360)),
    st.builds("iradius/{}".format, st.integers(1, 30)),
    st.builds("rradius/{}".format, st.integers(1, 30)),
    st.builds("blur/{}x{}".format, st.integers(1, 50), st.integers(0, 40)),
    st.builds("sharpen/{}".format, st.integers(10, 300)),
    st.builds("bright/{}".format, st.integers(-100, 100)),
    st.sampled_from(["auto-orient", "flip/vertical", "flip/horizontal", "grayscale/1", "contrast/-50"]),
)
_view = st.builds("imageView2/{}/w/{}/h/{}".format, st.integers(0, 5), _number, _number)
_stage = st.one_of(_view, st.lists(_steps, min_size=1, max_size=3).map(lambda s: "imageMogr2/" + "/".join(s)))
_format = st.sampled_from(["png", "jpg", "webp", "gif", "bmp", "tiff", "apng"])
_operation = st.builds(
    "{}|imageMogr2/format/{}/quality/{}".format,
    st.lists(_stage, min_size=1, max_size=3).map("|".join),
    _format,
    st.integers(0, 100),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_operation, st.sampled_from(sorted(SOURCES)))
def test_any_pipeline_gives_a_picture_or_a_clear_refusal(operation: str, name: str) -> None:
    try:
        result = PROCESSOR.execute(parse_operation(operation), Source(data=SOURCES[name]))
    except CosError as error:
        refusal = error
    else:
        seen = decoded(result).size
        # Pillow turns a TIFF by its orientation.
        assert (result.width, result.height) in ({seen, seen[::-1]} if "/tiff/" in operation else {seen})
        assert 1 <= result.width <= LIMITS.max_side
        assert 1 <= result.height <= LIMITS.max_side
        assert result.width * result.height <= LIMITS.max_pixels
        assert 1 <= result.quality <= 100
        return
    assert refusal.status == 400, refusal.detail
    assert refusal.number in {-442, -443}
    if isinstance(refusal, ImageResolutionExceed):
        assert any(word in operation for word in ("thumbnail", "rotate", "imageView2"))


@settings(max_examples=60, deadline=None)
@given(_operation, st.sampled_from(sorted(SOURCES)))
def test_canonical_text_gives_the_same_bytes(operation: str, name: str) -> None:
    pipeline = parse_operation(operation + "/ignore-error/1")
    again = parse_operation(pipeline.normalised)
    source = Source(data=SOURCES[name])
    assert PROCESSOR.execute(pipeline, source).data == PROCESSOR.execute(again, source).data
