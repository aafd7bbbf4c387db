"""``openmogr bulk`` over buckets of a real S3 server, and over Azure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bulk.conftest import OP, Ran, make_pictures, results
from tests.emulators import azurite, google
from tests.versitygw import VersityGW, keys_in_the_environment, versitygw

__all__ = ["azurite", "google", "keys_in_the_environment", "versitygw"]

Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def gateway(versitygw: VersityGW) -> VersityGW:
    """With buckets ``photos`` and ``small``."""
    pytest.importorskip("obstore")
    for name in ("photos", "small"):
        versitygw.client.create_bucket(Bucket=name)
    return versitygw


def fill(client: Any, pictures: Path, folder: str) -> None:
    for path in sorted(pictures.rglob("p*")):
        key = f"{folder}/{path.relative_to(pictures).as_posix()}"
        client.put_object(Bucket="photos", Key=key, Body=path.read_bytes())


def objects(client: Any, bucket: str, folder: str) -> dict[str, bytes]:
    found = client.list_objects_v2(Bucket=bucket, Prefix=f"{folder}/").get("Contents", [])
    return {
        item["Key"].removeprefix(f"{folder}/"): client.get_object(Bucket=bucket, Key=item["Key"])[
            "Body"
        ].read()
        for item in found
    }


def bulk(run: Run, gateway: VersityGW, source: str, target: str, *more: str) -> Ran:
    place = ("--endpoint", gateway.endpoint, "--region", "us-east-1")
    return run(source, target, "--op", OP, *place, *more)


def test_from_bucket_to_bucket(run: Run, tmp_path: Path, gateway: VersityGW) -> None:
    pictures, client = make_pictures(tmp_path / "in", 9), gateway.client
    fill(client, pictures, "2026")
    client.put_object(Bucket="photos", Key="2026-other/not-meant.png", Body=b"x")
    assert run("in", "whole", "--op", OP).code == 0
    client.put_object(Bucket="small", Key="web/f0/p0000.webp", Body=b"of somebody else")
    first = bulk(run, gateway, "s3://photos/2026/", "s3://small/web")
    assert (first.code, first.summary["reasons"], first.summary["done"]) == (7, {"TargetExists": 1}, 8), (
        first.err
    )
    assert objects(client, "small", "web")["f0/p0000.webp"] == b"of somebody else"
    second = bulk(run, gateway, "s3://photos/2026/", "s3://small/web", "--overwrite")
    assert (second.code, second.summary["done"], second.summary["skipped"]) == (0, 1, 8)
    assert objects(client, "small", "web") == results(tmp_path / "whole")
    head = client.head_object(Bucket="small", Key="web/f0/p0000.webp")
    assert head["ContentType"] == "image/webp"
    # Another object under the same key is done anew, and may replace what was made of the one before.
    body = (pictures / "f0" / "p0000.png").read_bytes()
    client.put_object(Bucket="photos", Key="2026/f1/p0001.jpg", Body=body)
    third = bulk(run, gateway, "s3://photos/2026/", "s3://small/web")
    assert (third.code, third.summary["done"], third.summary["skipped"]) == (0, 1, 8), third.err
    assert objects(client, "small", "web")["f1/p0001.webp"] == results(tmp_path / "whole")["f0/p0000.webp"]


@pytest.mark.parametrize("kind", ["azurite", "google"])
def test_between_buckets_of_others(
    run: Run, tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    obstore = pytest.importorskip("obstore")
    from openmogr.storage.stores.opening import open_store

    server, scheme = request.getfixturevalue(kind), {"azurite": "az", "google": "gs"}[kind]
    names = "photos-of-bulk", "small-of-bulk"
    for name in names:
        (server.create_container if kind == "azurite" else server.create_bucket)(name)
    photos, small = (open_store(f"{scheme}://{name}", endpoint=server.endpoint) for name in names)
    pictures = make_pictures(tmp_path / "in", 9)
    for path in pictures.rglob("p*"):
        obstore.put(photos, f"2026/{path.relative_to(pictures).as_posix()}", path.read_bytes())
    obstore.put(small, "web/f0/p0000.webp", b"of somebody else")
    assert run("in", "whole", "--op", OP).code == 0
    places = f"{scheme}://{names[0]}/2026/", f"{scheme}://{names[1]}/web"
    words = (*places, "--op", OP, "--endpoint", server.endpoint)
    first = run(*words)
    assert (first.code, first.summary["reasons"], first.summary["done"]) == (7, {"TargetExists": 1}, 8)
    second = run(*words, "--overwrite")
    assert (second.code, second.summary["done"], second.summary["skipped"]) == (0, 1, 8), second.err
    found = [item["path"] for page in obstore.list(small) for item in page]
    made = {key.removeprefix("web/"): bytes(obstore.get(small, key).bytes()) for key in found}
    assert made == results(tmp_path / "whole")


def test_a_manifest_of_a_bucket(run: Run, tmp_path: Path, gateway: VersityGW) -> None:
    pictures, client = make_pictures(tmp_path / "in", 4), gateway.client
    fill(client, pictures, "list")
    head = client.head_object(Bucket="photos", Key="list/f1/p0001.jpg")
    known = {
        "url": "s3://photos/list/f1/p0001.jpg",
        "size": head["ContentLength"],
        "etag": head["ETag"].strip('"'),
    }
    lines = ["s3://photos/list/f0/p0000.png", json.dumps(known), '{"url": "s3://photos/list/none.png"}']
    (tmp_path / "list.jsonl").write_text("\n".join(lines))
    done = bulk(run, gateway, "list.jsonl", "out")
    assert (done.code, done.summary["done"], done.summary["reasons"]) == (3, 2, {"SourceUnreadable": 1}), (
        done.err
    )
    assert set(results(tmp_path / "out")) == {"list/f0/p0000.webp", "list/f1/p0001.webp"}
    again = bulk(run, gateway, "list.jsonl", "out")
    assert again.summary["skipped"] == 2


def test_keys_that_are_refused(run: Run, gateway: VersityGW, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wrong")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-of-somebody")
    refused = bulk(run, gateway, "s3://photos/2026/", "out")
    assert refused.code == 3
    assert "s3://photos/2026/ cannot be listed" in refused.err
    assert "wrong-secret" not in refused.err
