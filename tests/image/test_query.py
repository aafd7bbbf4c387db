"""``find_operation`` against the forms of docs/spec/api/overview.md#4 and #10."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openmogr.errors import InvalidArgument
from openmogr.image import Query, find_operation, parse_operation


@pytest.mark.parametrize(
    ("raw", "op"),
    [
        ("imageMogr2/thumbnail/300x/format/webp", "imageMogr2/thumbnail/300x/format/webp"),
        ("imageMogr2%2Fformat%2Ftpg=", "imageMogr2/format/tpg"),
        ("imageMogr2%2Fformat%2Ftpg", "imageMogr2/format/tpg"),
        ("imageMogr2/format/tpg=", "imageMogr2/format/tpg"),
        ("versionId=123&imageMogr2%2Fformat%2Ftpg", "imageMogr2/format/tpg"),
        (
            "q-sign-algorithm=sha1&q-ak=AK&imageMogr2/thumbnail/300x/interlace/1",
            "imageMogr2/thumbnail/300x/interlace/1",
        ),
        (
            "imageMogr2/ignore-error/1/thumbnail/160x%3E?v=1753684343060",
            "imageMogr2/ignore-error/1/thumbnail/160x>",
        ),
        ("imageMogr2/thumbnail/160x>?v=17", "imageMogr2/thumbnail/160x>"),
        (
            "imageMogr2/auto-orient/strip%7CimageView2/2/w/1240",
            "imageMogr2/auto-orient/strip|imageView2/2/w/1240",
        ),
        ("watermark/2/text/dGVzdA==/gravity/north", "watermark/2/text/dGVzdA==/gravity/north"),
        ("watermark%2F2%2Ftext%2FdGVzdA%3D%3D=", "watermark/2/text/dGVzdA=="),
        ("watermark/2/text/dGVzdA==", "watermark/2/text/dGVzdA="),
        ("imageMogr2/a+b", "imageMogr2/a+b"),
        ("imageInfo", "imageInfo"),
        ("imageInfo=", "imageInfo"),
        ("imageAve", "imageAve"),
        ("exif", "exif"),
        ("imageSlim", "imageSlim"),
        ("style/small", "style/small"),
        ("imageMogr2", "imageMogr2"),
        ("imageMogr2|imageInfo", "imageMogr2|imageInfo"),
        (
            "1440X1080&imageView2/1/w/750/h/562|watermark/1/image/aHR0",
            "imageView2/1/w/750/h/562|watermark/1/image/aHR0",
        ),
        ("imageView2/2/w/1&imageMogr2/strip", "imageView2/2/w/1"),
    ],
)
def test_operation_is_found(raw: str, op: str) -> None:
    assert find_operation(raw).image_operation == op


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "uploads",
        "style",
        "style&style-name=a",
        "watermark",
        "imageMogr",
        "exif=1",
        "next=/a/b",
        "url=http://example.com/a/b",
        "http://example.com/a/b",
        "/a/b",
        "2024/11/29",
        "a-b/c",
        "a%2Fb=1",
        "prefix=imageMogr/&delimiter=/",
        "x-oss-process=video/snapshot",
        "x-oss-security-token=image/a",
    ],
)
def test_ordinary_parameters_are_no_operation(raw: str) -> None:
    assert find_operation(raw).image_operation is None


@pytest.mark.parametrize(
    ("raw", "op"),
    [
        ("imagemogr2/thumbnail/300x", "imagemogr2/thumbnail/300x"),
        ("IMAGEVIEW2%2F2%2Fw%2F1=", "IMAGEVIEW2/2/w/1"),
        ("ImageInfo", "ImageInfo"),
        ("/imageMogr2/strip", "imageMogr2/strip"),
        ("?imageMogr2/strip", "imageMogr2/strip"),
        ("?imageMogr2/strip?v=1", "imageMogr2/strip"),
        ("%2FimageMogr2%2Fstrip=", "imageMogr2/strip"),
        ("EXIF", "EXIF"),
    ],
)
def test_names_in_another_case_and_behind_slashes_are_the_operation(raw: str, op: str) -> None:
    query = find_operation(raw)
    assert query == Query(op, ())
    parse_operation(op)


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ("imageMogr/thumbnail/300x", "'imageMogr'; did you mean imageMogr2?"),
        ("imageView/2/w/300", "'imageView'; did you mean imageView2?"),
        ("imageMogr2x/y", "'imageMogr2x'"),
        ("roundPic/radius/20", "'roundPic'"),
        ("QRcode/cover/1", "'QRcode'"),
        ("QRcode%2Fcover%2F1=", "'QRcode'"),
        ("QRcode%2Fcover%2F1", "'QRcode'"),
        ("x/imageMogr2/strip", "'x'"),
        ("imageMogr/strip?v=1", "'imageMogr'"),
        ("imageMogr/text/dGVzdA==", "'imageMogr'"),
        ("v=1&imageMogr2/thumbnail/300x&roundPic/radius/20", "'roundPic'"),
        ("x-oss-process=image/resize,w_300", "'x-oss-process=image'"),
        ("x-image-process=image%2Fresize,w_300", "'x-image-process=image'"),
    ],
)
def test_what_only_looks_like_an_operation_is_named(raw: str, named: str) -> None:
    op = find_operation(raw).image_operation
    assert op is not None
    with pytest.raises(InvalidArgument) as caught:
        parse_operation(op)
    assert named in caught.value.message


def test_what_only_looks_like_an_operation_stays_a_parameter_too() -> None:
    assert find_operation("a/b&c=1").params == (("a/b", None), ("c", "1"))


def test_parameters_keep_order_and_values() -> None:
    query = find_operation("a=1&b&c=&imageMogr2/strip&d=x%2Fy+z&a=2")
    assert query == Query(
        "imageMogr2/strip", (("a", "1"), ("b", None), ("c", ""), ("d", "x/y z"), ("a", "2"))
    )


@given(st.text())
def test_any_text_is_taken_apart(raw: str) -> None:
    find_operation(raw)
