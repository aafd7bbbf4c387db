"""Keys, places, estimates and the ledger by themselves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from openmogr.bulk.errors import BulkError, ObjectFailed
from openmogr.bulk.estimate import Cutter, Estimate
from openmogr.bulk.feed import Listing, Manifest
from openmogr.bulk.keys import KeyRule, key_problem
from openmogr.bulk.ledger import Ledger
from openmogr.bulk.model import Batch, Item, Outcome, PlaceUrl, Reason, Recipe, Status
from openmogr.bulk.on_ray import _work
from openmogr.bulk.places import check_apart, inner_prefix, place_of, shown
from openmogr.bulk.sources import FolderSource
from openmogr.bulk.survey import take_survey
from openmogr.bulk.targets import FolderTarget, clear_parts
from openmogr.image import ImageSettings, parse_operation

WEBP = parse_operation("imageMogr2/format/webp")
SAME = parse_operation("imageMogr2/thumbnail/10x")


@pytest.mark.parametrize(
    ("pattern", "key", "target"),
    [
        ("{path}{suffix}", "2026/a.jpg", "2026/a.webp"),
        ("{path}{suffix}", "2026/a", "2026/a.webp"),
        ("{path}{suffix}", "x.y/.hidden", "x.y/.hidden.webp"),
        ("{key}{suffix}", "2026/a.jpg", "2026/a.jpg.webp"),
        ("{folder}small/{name}-s{suffix}", "2026/a.b.jpg", "2026/small/a.b-s.webp"),
        ("{folder}{name}", "a.jpg", "a"),
    ],
)
def test_keys(pattern: str, key: str, target: str) -> None:
    assert KeyRule.of(pattern, WEBP).target(key) == target


def test_what_keeps_the_format_keeps_the_suffix() -> None:
    rule = KeyRule.of("{path}{suffix}", SAME)
    assert rule.target("a/B.JPG") == "a/B.JPG"
    assert not rule.may_clash


@pytest.mark.parametrize(
    ("pattern", "may"),
    [("{path}{suffix}", True), ("{key}{suffix}", False), ("x/{key}", False), ("{name}{suffix}", True)],
)
def test_which_keys_may_clash(pattern: str, may: bool) -> None:
    assert KeyRule.of(pattern, WEBP).may_clash is may


@pytest.mark.parametrize(
    "key", ["", "/a", "a//b", "a/../b", "a\nb", "x" * 1025, ".openmogr-bulk/ledger.sqlite3"]
)
def test_keys_that_cannot_be(key: str) -> None:
    assert key_problem(key)


def test_keys_that_can_be() -> None:
    assert not key_problem("图/a b+c%20.webp")


def test_places() -> None:
    assert place_of("file:///data/a%20b") == PlaceUrl("/data/a b")
    photos = place_of("s3://photos/2026", endpoint="http://store/")
    assert shown(photos) == "s3://photos/2026 http://store/"
    assert inner_prefix(photos, place_of("s3://photos/2026/small", endpoint="http://store")) == "2026/small/"
    assert inner_prefix(photos, place_of("s3://photos/2026/small")) is None
    assert inner_prefix(photos, place_of("s3://other/2026", endpoint="http://store")) is None
    # A source below the target: what is made of a.jpg may not lie beside it.
    with pytest.raises(BulkError, match="one place"):
        check_apart(photos, place_of("s3://photos", endpoint="http://store"))
    check_apart(photos, place_of("s3://photos/2025", endpoint="http://store"))


def item(number: int, size: int = 1000) -> Item:
    return Item(f"{number:05}.jpg", size, "v", f"{number:05}.webp")


def test_batches_become_as_long_as_they_are_meant_to_be() -> None:
    estimate = Estimate()
    cutter = Cutter(estimate, seconds=2.0, size=10 << 20)
    first = next(batch for number in range(100) if (batch := cutter.add(item(number))) is not None)
    assert len(first.items) <= 16
    estimate.learn([Outcome(one, Status.done, 100, 0.05) for one in first.items])
    assert estimate.seconds(item(1)) == pytest.approx(0.05, rel=0.01)
    # Of a kind that was not seen yet it is the mean of all.
    assert estimate.seconds(Item("a.png", 1000, "v", "a.webp")) == pytest.approx(0.05, rel=0.01)
    second = next(batch for number in range(100) if (batch := cutter.add(item(number))) is not None)
    assert len(second.items) == pytest.approx(40, abs=2)
    assert second.size == 1000 * len(second.items)
    shorter = next(batch for number in range(100) if (batch := cutter.add(item(number), 0.5)) is not None)
    assert len(shorter.items) == pytest.approx(10, abs=2)


def test_batches_are_bounded_by_bytes() -> None:
    cutter = Cutter(Estimate(), seconds=100.0, size=2500)
    cut = [batch for number in range(5) if (batch := cutter.add(item(number))) is not None]
    rest = cutter.rest()
    assert rest is not None
    assert [len(batch.items) for batch in [*cut, rest]] == [2, 2, 1]
    assert cutter.rest() is None


@pytest.mark.anyio
async def test_a_survey_of_many_keys(tmp_path: Path) -> None:
    for number in range(2500):
        (tmp_path / f"{number:04}.png").write_bytes(b"x")
    (tmp_path / "notes.txt").write_bytes(b"x")
    feed = Listing(FolderSource(tmp_path), None, suffixes=True)
    rule = KeyRule.of("{path}{suffix}", WEBP)
    found = await take_survey(feed, "", rule)
    assert (found.objects, found.size) == (2500, 2500)
    (tmp_path / "1234.jpg").write_bytes(b"x")
    with pytest.raises(BulkError, match=r"1234\.jpg and 1234\.png would both become 1234\.webp"):
        await take_survey(feed, "", rule)


@pytest.mark.anyio
async def test_a_source_that_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    source = FolderSource(tmp_path)
    (page,) = [page async for page in source.pages()]
    (found,) = page
    listed = Item(found.key, found.size, found.version, "a.webp")
    read = await source.read(listed)
    assert read.descriptor is not None
    os.close(read.descriptor)
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    with pytest.raises(ObjectFailed, match="changed") as failed:
        await source.read(listed)
    assert failed.value.reason == Reason.CHANGED
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ObjectFailed):
        await source.read(listed)


@pytest.mark.anyio
async def test_a_folder_of_results(tmp_path: Path) -> None:
    target = FolderTarget(tmp_path)
    await target.put("d/a.webp", b"one", "image/webp", replace=False)
    await target.put("d/a.webp", b"one", "image/webp", replace=False)
    with pytest.raises(ObjectFailed, match="another object") as failed:
        await target.put("d/a.webp", b"two", "image/webp", replace=False)
    assert failed.value.reason == Reason.EXISTS
    await target.put("d/a.webp", b"two", "image/webp", replace=True)
    assert (tmp_path / "d" / "a.webp").read_bytes() == b"two"
    with pytest.raises(ObjectFailed, match="cannot be written") as failed:
        await target.put("d/a.webp/b", b"two", "image/webp", replace=True)
    assert failed.value.reason == Reason.TARGET
    await target.settle()
    parts = tmp_path / ".openmogr-bulk" / "parts"
    assert not list(parts.iterdir())
    (parts / "left").write_bytes(b"half")
    clear_parts(tmp_path)
    assert not list(parts.iterdir())


def test_a_manifest_of_urls(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("s3://photos/a b?c.png\ns3://photos/d.png\n")
    assert Manifest(path, None).place == PlaceUrl("s3://photos")
    path.write_text("s3://photos/a.png\ns3://other/d.png\n")
    with pytest.raises(BulkError, match="line 2 is not of s3://photos"):
        Manifest(path, None)


@pytest.mark.anyio
async def test_the_ledger_on_both_engines(database_url: str) -> None:
    url = database_url.removeprefix("sqlite://") if database_url.startswith("sqlite") else database_url
    one, two = item(1), item(2)
    async with Ledger(url, "source", "target", "recipe") as ledger:
        assert await ledger.look_up([one.key]) == {}
        await ledger.record([Outcome(one, Status.done, 10, 0.5), failed(two)])
        found = await ledger.look_up([one.key, two.key, "other"])
        assert set(found) == {one.key, two.key}
        assert found[one.key].holds(1000, "v")
        assert not found[one.key].holds(1001, "v")
        assert not found[one.key].holds(1000, "w")
        assert (found[two.key].reason, found[two.key].target) == ("InvalidImageFormat", None)
        assert found[two.key].message == "no picture"
        assert await ledger.owners([one.target, two.target]) == {one.target: one.key}
        # What was made stays its own, until it is given up.
        await ledger.record([failed(one)])
        assert await ledger.owners([one.target]) == {one.target: one.key}
        await ledger.release([one.key])
        assert await ledger.owners([one.target]) == {}
    async with Ledger(url, "source", "target", "another recipe") as ledger:
        assert not (await ledger.look_up([two.key]))[two.key].same
    async with Ledger(url, "source", "another target", "recipe") as ledger:
        assert await ledger.look_up([two.key]) == {}


def test_a_node_with_other_codecs_does_nothing(tmp_path: Path) -> None:
    place = PlaceUrl(str(tmp_path))
    recipe = Recipe(place, place, WEBP, ImageSettings(), "key", versions="of another machine")
    with pytest.raises(BulkError, match="other versions of codecs or fonts"):
        _work(recipe, Batch([], 0.0))


def failed(one: Item) -> Outcome:
    return Outcome(one, Status.failed, 0, 0.1, "InvalidImageFormat", "no \0picture")


@pytest.mark.anyio
async def test_one_run_works_on_a_ledger(database_url: str) -> None:
    url = database_url.removeprefix("sqlite://") if database_url.startswith("sqlite") else database_url
    async with Ledger(url, "source", "target", "recipe"):
        with pytest.raises(BulkError, match="another"):
            async with Ledger(url, "source", "target", "recipe"):
                pass


@pytest.mark.anyio
async def test_a_ledger_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no database at all, but something that is long enough")
    with pytest.raises(BulkError, match="the ledger cannot be opened"):
        async with Ledger(str(tmp_path / "file"), "source", "target", "recipe"):
            pass
    with pytest.raises(BulkError, match="--ledger is a file or postgresql"):
        Ledger("mysql://somewhere", "source", "target", "recipe")
