"""Multipart uploads of a real S3 server that are ended by their key."""

from __future__ import annotations

import asyncio
import logging

import pytest

from openmogr.auth import Credential
from openmogr.storage.stores.settings import StoreBucket
from openmogr.transfer.signing import s3_signer
from openmogr.transfer.unfinished import UnfinishedUploads, unfinished_uploads
from tests.versitygw import KEY, VersityGW, keys_in_the_environment, versitygw

__all__ = ["keys_in_the_environment", "versitygw"]

BUCKET = "unfinished"


@pytest.fixture(scope="module")
def place(versitygw: VersityGW) -> StoreBucket:
    versitygw.client.create_bucket(Bucket=BUCKET)
    return StoreBucket(url=f"s3://{BUCKET}/x", endpoint=versitygw.endpoint, region="us-east-1")


def test_all_of_a_key_are_ended_and_no_other(versitygw: VersityGW, place: StoreBucket) -> None:
    client = versitygw.client
    for key in ("a/图 1+%~", "a/图 1+%~", "a/图 1+%~2", "a/图 1+%~/b", "a/图"):
        client.create_multipart_upload(Bucket=BUCKET, Key=key)
    uploads = unfinished_uploads(place)
    assert uploads is not None
    for _ in range(2):
        asyncio.run(uploads.end("a/图 1+%~"))
        found = client.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
        assert sorted(item["Key"] for item in found) == ["a/图", "a/图 1+%~/b", "a/图 1+%~2"]


def test_what_the_store_refuses_is_left_to_it(
    versitygw: VersityGW, place: StoreBucket, caplog: pytest.LogCaptureFixture
) -> None:
    versitygw.client.create_multipart_upload(Bucket=BUCKET, Key="kept")
    wrong = UnfinishedUploads(
        f"{versitygw.endpoint}/{BUCKET}", s3_signer(Credential(KEY, "not-the-secret"), "us-east-1")
    )
    with caplog.at_level(logging.WARNING, "openmogr.storage"):
        asyncio.run(wrong.end("kept"))
    assert "left to it: 403" in caplog.text
    assert "not-the-secret" not in caplog.text
    found = versitygw.client.list_multipart_uploads(Bucket=BUCKET, Prefix="kept")["Uploads"]
    assert [item["Key"] for item in found] == ["kept"]


def test_a_store_that_is_down_is_told() -> None:
    down = UnfinishedUploads("http://127.0.0.1:1/b", s3_signer(Credential("a", "b"), "r"))
    with pytest.raises(OSError, match="refused"):
        asyncio.run(down.end("a"))


def test_other_stores_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("file:///tmp", "az://b", "gs://b"):
        assert unfinished_uploads(StoreBucket(url=url)) is None
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert unfinished_uploads(StoreBucket(url="s3://b")) is None
