"""Ranges and conditions (RFC 9110), without a server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openmogr.api.conditions import parse_range
from openmogr.api.errors import InvalidRange


@pytest.mark.parametrize(
    ("text", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=2-4", 2, 5),
        ("bytes=2-", 2, 10),
        ("bytes=-3", 7, 10),
        ("bytes=-30", 0, 10),
        ("bytes=9-99", 9, 10),
        ("Bytes = 1 - 2", 1, 3),
        ("bytes=2-99999999999999999999999999", 2, 10),
        ("bytes=-99999999999999999999999999", 0, 10),
        ("bytes=00000000000000000000000002-3", 2, 4),
    ],
)
def test_ranges(text: str, start: int, stop: int) -> None:
    found = parse_range(text, 10)
    assert found is not None
    assert (found.start, found.stop) == (start, stop)
    assert found.content_range == b"bytes %d-%d/10" % (start, stop - 1)


@pytest.mark.parametrize(
    "text", ["bytes=-", "bytes=4-2", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "bytes=", ""]
)
def test_what_is_no_single_range_is_ignored(text: str) -> None:
    assert parse_range(text, 10) is None


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("bytes=10-", 10),
        ("bytes=10-20", 10),
        ("bytes=-0", 10),
        ("bytes=0-", 0),
        ("bytes=9" + "0" * 40 + "-", 10),
    ],
)
def test_what_lies_outside_is_refused(text: str, size: int) -> None:
    with pytest.raises(InvalidRange) as caught:
        parse_range(text, size)
    assert caught.value.headers["Content-Range"] == f"bytes */{size}"


@given(first=st.integers(0, 200), last=st.integers(0, 200), data=st.binary(max_size=100))
def test_a_range_is_the_slice_it_names(first: int, last: int, data: bytes) -> None:
    try:
        found = parse_range(f"bytes={first}-{last}", len(data))
    except InvalidRange:
        assert first >= len(data)
        return
    if found is None:
        assert last < first
        return
    assert data[found.start : found.stop] == data[first : last + 1]
    assert 0 <= found.start < found.stop <= found.total == len(data)


@given(st.text(max_size=30), st.integers(0, 1000))
def test_any_text_is_a_range_or_none(text: str, size: int) -> None:
    try:
        found = parse_range(text, size)
    except InvalidRange:
        return
    assert found is None or 0 <= found.start < found.stop <= size
