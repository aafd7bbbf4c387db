"""Listings of an S3 server are the same through the gateway, also where a folder is longer than a page of the store."""

from __future__ import annotations

import asyncio
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from openmogr.storage import Storage, StorageSettings, open_storage
from openmogr.storage.stores import GatewaySettings
from tests.gateway.conftest import BUCKET, FOLDER, VersityGW

NAME = "long-listings"
KEYS = [
    *(f"many/{number:04}.txt" for number in range(2100)),
    *(f"more/{name}/{number}.txt" for name in ("a", "b-c", "图") for number in range(400)),
    *("a.txt", "many-1.txt", "many.txt", "mo re.txt", "zz.txt"),
]


@pytest.fixture(scope="module")
def place(versitygw: VersityGW) -> dict[str, object]:
    """Put there as files, which is faster; beside the folder that is served lies more."""
    for key in [*(f"{FOLDER}/{key}" for key in KEYS), f"{FOLDER}-not.txt", "zzz.txt"]:
        path = versitygw.root / NAME / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return {"url": f"s3://{NAME}/{FOLDER}", "endpoint": versitygw.endpoint, "region": "us-east-1"}


def told(client: Any, prefix: str, delimiter: str, marker: str, limit: int) -> tuple[list[str], list[str]]:
    """What the store itself says."""
    asked = {"Prefix": f"{FOLDER}/{prefix}", "Delimiter": delimiter, "MaxKeys": limit}
    if marker:
        asked["StartAfter"] = f"{FOLDER}/{marker}"
    answer = client.list_objects_v2(
        Bucket=NAME, **{name: value for name, value in asked.items() if value != ""}
    )
    cut = len(FOLDER) + 1
    keys = [item["Key"][cut:] for item in answer.get("Contents", ())]
    prefixes = [item["Prefix"][cut:] for item in answer.get("CommonPrefixes", ())]
    # Not whether there is more: it says so behind a last common prefix, too.
    return keys, prefixes


async def everything(storage: Storage, **asked: Any) -> list[str]:
    found, marker = [], ""
    while True:
        page = await storage.list_objects(BUCKET, marker=marker, **asked)
        found += [*(info.key for info in page.objects), *page.common_prefixes]
        if not page.truncated:
            return sorted(found)
        marker = page.next_marker or ""


def test_listings_are_those_of_the_store(
    versitygw: VersityGW, place: dict[str, object], tmp_path: Path
) -> None:
    gateway = GatewaySettings.model_validate({"buckets": {BUCKET: place}, "timeout": 60})

    async def scenario() -> None:
        async with open_storage(StorageSettings(data=tmp_path / "data"), gateway) as storage:
            prefixes, markers = (
                ["", "m", "many", "more/", "more/b", "none"],
                ["", "many-1.txt", "many/1000.txt"],
            )
            for prefix, delimiter, marker, limit in product(prefixes, ["", "/"], markers, [2, 1000]):
                if delimiter and "/" in marker:
                    continue  # whether the rest of a folder is rolled up once more, servers do not agree on
                page = await storage.list_objects(
                    BUCKET, prefix=prefix, delimiter=delimiter, marker=marker, max_keys=limit
                )
                shown = [info.key for info in page.objects], list(page.common_prefixes)
                expected = await asyncio.to_thread(told, versitygw.client, prefix, delimiter, marker, limit)
                assert shown == expected, (prefix, delimiter, marker, limit)
            assert await everything(storage) == sorted(KEYS)
            assert await everything(storage, delimiter="/", max_keys=3) == sorted(
                ["many/", "more/", *(key for key in KEYS if "/" not in key)]
            )

    asyncio.run(scenario())
