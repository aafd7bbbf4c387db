"""The ``Pic-Operations`` header without a server (``docs/spec/api/persistent-processing.md#2``)."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openmogr.api.pic_operations import parse_pic_operations, resolve_fileid
from openmogr.errors import InvalidArgument, InvalidPicOperations
from openmogr.image import ImageSettings
from openmogr.storage.errors import KeyTooLong

SETTINGS = ImageSettings()
BUCKET = "examplebucket-1250000000"


@pytest.mark.parametrize(
    ("fileid", "key"),
    [
        ("/p2/test2.jpg", "p2/test2.jpg"),
        ("p2/test2.jpg", "p1/p2/test2.jpg"),
        ("test2.jpg", "p1/test2.jpg"),
        ("test1.jpg", "p1/test1.jpg"),
        ("//a", "/a"),
        ("a..b", "p1/a..b"),
        ("%E5%9B%BE%25.jpg", "p1/图%.jpg"),
        ("图.jpg", "p1/图.jpg"),
        ("a b+c", "p1/a b+c"),
    ],
)
def test_fileids(fileid: str, key: str) -> None:
    assert resolve_fileid(fileid, "p1/test1.jpg") == key


def test_fileid_beside_a_source_without_folder() -> None:
    assert resolve_fileid("b", "a") == "b"


@pytest.mark.parametrize(
    "fileid", ["/", "a/", "../a", "a/../b", "/..", "a\nb", "a%00", "a%7Fb", "\ud800", "%C3", "%ED%A0%80"]
)
def test_fileids_that_are_refused(fileid: str) -> None:
    with pytest.raises(InvalidPicOperations):
        resolve_fileid(fileid, "p1/test1.jpg")


@given(st.text(), st.text(min_size=1))
def test_any_fileid_is_a_key_that_can_be_listed_or_refused(fileid: str, key: str) -> None:
    try:
        resolved = resolve_fileid(fileid, key)
    except (InvalidPicOperations, KeyTooLong):
        return
    assert resolved
    assert resolved.isprintable() or all(ord(char) > 31 for char in resolved)
    assert len(resolved.encode()) <= 850


@pytest.mark.parametrize(
    ("flag", "value"),
    [(1, True), (0, False), ("1", True), ("0", False), (True, True), (False, False), (None, False)],
)
def test_is_pic_info(flag: object, value: bool) -> None:
    raw = json.dumps({"is_pic_info": flag, "unknown": [], "rules": None}).encode()
    assert parse_pic_operations(raw, BUCKET, "a", SETTINGS).is_pic_info is value


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"Rules": []}, "the member Rules is spelled rules"),
        ({"is_Pic_Info": 1}, "is spelled is_pic_info"),
        (
            {"rules": [{"FileId": "a", "rule": "imageMogr2/strip"}]},
            "rule 1: the member FileId is spelled fileid",
        ),
    ],
)
def test_members_in_another_case_are_not_passed_over(document: object, told: str) -> None:
    with pytest.raises(InvalidPicOperations, match=told):
        parse_pic_operations(json.dumps(document).encode(), BUCKET, "k", SETTINGS)


def test_what_encoders_do_to_a_rule() -> None:
    raw = (
        rb'{"rules":[{"fileid":"a","rule":"imageMogr2/thumbnail/100x100\u003e"},'
        rb'{"fileid":"b","rule":"imageMogr2%2Fthumbnail%2F100x100%3E","bucket":"other-1250000000"}]}'
    )
    first, second = parse_pic_operations(raw, BUCKET, "k", SETTINGS).rules
    assert first.pipeline.normalised == second.pipeline.normalised
    assert (first.bucket, second.bucket) == (BUCKET, "other-1250000000")


@pytest.mark.parametrize("bucket", [7, [], "\ud800", "图"])
def test_buckets_that_are_no_names(bucket: object) -> None:
    rule = {"bucket": bucket, "fileid": "a", "rule": "imageMogr2/strip"}
    with pytest.raises(InvalidPicOperations, match="rule 1: bucket"):
        parse_pic_operations(json.dumps({"rules": [rule]}).encode(), BUCKET, "k", SETTINGS)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_header_or_refused(raw: bytes) -> None:
    with contextlib.suppress(InvalidPicOperations, InvalidArgument):
        parse_pic_operations(raw, BUCKET, "k", SETTINGS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["rule", "rules", "fileid", "bucket"]), inner)
    ),
)


@given(JSON)
def test_any_json_is_a_header_or_refused(document: object) -> None:
    with contextlib.suppress(InvalidPicOperations, InvalidArgument, KeyTooLong):
        parse_pic_operations(json.dumps({"rules": document}).encode(), BUCKET, "k", SETTINGS)
