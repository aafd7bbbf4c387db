"""``openmogr bulk`` over folders, on this machine: what is made, what is passed over, what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import openmogr.bulk.ledger
from openmogr.bulk.executors import LocalExecutor
from openmogr.image import ImageSettings, Processor, Source, parse_operation
from tests.bulk.conftest import OP, Ran, command, environment, make_pictures, picture, results
from tests.databases import PASSWORD, PostgreSQLServer

Run = Callable[..., Ran]


def expected(source: Path, operation: str = OP) -> bytes:
    """What the processor makes of a file, here."""
    processor = Processor(ImageSettings())
    return processor.execute(parse_operation(operation), Source(path=source)).data


def test_a_folder_and_again(run: Run, tmp_path: Path) -> None:
    source = make_pictures(tmp_path / "in", 12)
    (source / "f0" / "bad.jpg").write_bytes(b"no picture")
    (source / "notes.txt").write_text("no picture either, and not named like one")
    target, report = tmp_path / "out", tmp_path / "report.jsonl"
    first = run("in", "out", "--op", OP, "-j2", "--report", report, "--price-per-cpu-hour", "0.04")
    assert first.code == 4, first.err
    told = first.summary
    assert (told["done"], told["skipped"], told["reasons"]) == (12, 0, {"InvalidImageFormat": 1})
    assert told["bytes_before"] == sum(path.stat().st_size for path in source.rglob("p*"))
    found = results(target)
    assert told["bytes_after"] == sum(map(len, found.values()))
    assert 0 < told["picture_cpu_seconds"] <= told["cpu_seconds"]
    assert told["cost"] == pytest.approx(told["cpu_seconds"] / 3600 * 0.04, abs=1e-5)
    assert found == {
        path.relative_to(source).with_suffix(".webp").as_posix(): expected(path)
        for path in source.rglob("p*")
    }
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert [line.get("key") for line in lines] == ["f0/bad.jpg", None]
    assert lines[1]["summary"]["failed"] == 1
    # Again: nothing is done, and what is no picture is still told.
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*.webp")}
    again = run("in", "out", "--op", OP)
    assert (again.code, again.summary["done"], again.summary["skipped"]) == (4, 0, 12)
    assert again.summary["failed_before"] == 1
    assert {path: path.stat().st_mtime_ns for path in target.rglob("*.webp")} == before
    retried = run("in", "out", "--op", OP, "--retry-failed")
    assert (retried.summary["failed"], retried.summary["failed_before"]) == (1, 0)


def test_what_changed_is_done_anew(run: Run, tmp_path: Path) -> None:
    source = make_pictures(tmp_path / "in", 4)
    assert run("in", "out", "--op", OP).summary["done"] == 4
    changed = source / "f0" / "p0000.png"
    changed.write_bytes(picture(1000))
    again = run("in", "out", "--op", OP)
    assert (again.code, again.summary["done"], again.summary["skipped"]) == (0, 1, 3)
    assert results(tmp_path / "out")["f0/p0000.webp"] == expected(changed)
    other = OP.replace("40x", "30x")
    assert run("in", "out", "--op", other).summary["done"] == 4
    assert results(tmp_path / "out")["f0/p0000.webp"] == expected(changed, other)
    # Settings that results depend on count like the operation.
    assert run("in", "out", "--op", other, env={"OPENMOGR_IMAGE_MAX_PARAMETER": "20"}).summary["done"] == 4


def test_objects_of_others_are_not_replaced(run: Run, tmp_path: Path) -> None:
    source = make_pictures(tmp_path / "in", 3)
    foreign = tmp_path / "out" / "f0" / "p0000.webp"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"of somebody else")
    # What a killed run has written, and not written down, is the same once more.
    known = tmp_path / "out" / "f1" / "p0001.webp"
    known.parent.mkdir()
    known.write_bytes(expected(source / "f1" / "p0001.jpg"))
    first = run("in", "out", "--op", OP)
    assert (first.code, first.summary["done"], first.summary["reasons"]) == (7, 2, {"TargetExists": 1})
    assert foreign.read_bytes() == b"of somebody else"
    second = run("in", "out", "--op", OP, "--overwrite")
    assert (second.code, second.summary["done"], second.summary["skipped"]) == (0, 1, 2)
    assert foreign.read_bytes() == expected(source / "f0" / "p0000.png")


def test_names_that_clash(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for name in ("a.png", "a.jpg", "b.png"):
        (source / name).write_bytes(picture(len(name), "PNG"))
    refused = run("in", "out", "--op", OP)
    assert refused.code == 3
    assert "a.jpg and a.png would both become a.webp" in refused.err
    assert results(tmp_path / "out") == {}
    # Found on the way, one is done and the other told; never is one's result replaced by the other's.
    late = run("in", "out", "--op", OP, "--no-survey")
    assert (late.code, late.summary["done"], late.summary["reasons"]) == (7, 2, {"KeyClash": 1})
    once_more = run("in", "out", "--op", OP, "--no-survey")
    assert (once_more.summary["skipped"], once_more.summary["reasons"]) == (2, {"KeyClash": 1})
    kept = run("in", "all", "--op", OP, "--keys", "small/{key}{suffix}")
    assert kept.code == 0, kept.err
    assert set(results(tmp_path / "all")) == {f"small/{name}.webp" for name in ("a.png", "a.jpg", "b.png")}
    # What was made of a source that is gone is taken over.
    owner = "a.jpg" if results(tmp_path / "out")["a.webp"] == expected(source / "a.jpg") else "a.png"
    other = "a.png" if owner == "a.jpg" else "a.jpg"
    (source / other).write_bytes(picture(77))
    (source / owner).unlink()
    taken = run("in", "out", "--op", OP)
    assert (taken.code, taken.summary["done"], taken.summary["skipped"]) == (0, 1, 1), taken.err
    assert results(tmp_path / "out")["a.webp"] == expected(source / other)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("in", "in"), "one place"),
        (("in", "in/../in"), "one place"),
        (("nowhere", "out"), "is no folder"),
        (("in", "out", "--keys", "all.webp"), "one key"),
        (("in", "out", "--keys", "{title}"), "knows no {title}"),
        (("in", "out", "--keys", "{key"), "brace"),
        (("in", "out", "--op", "imageMogr2/thumbnail/x/format/"), "--op: stage 1"),
        (("in", "out", "--op", "imageMogr2/format/auto"), "no suffix beforehand"),
        (("in", "out", "--op", "watermark/1/image/bG9nbw=="), "--image logo=FILE"),
        (("in", "out", "--root", "in"), "--root is for a manifest"),
        (("in", "s3://key@bucket/x"), "keys come from the environment"),
        (("in", "s3:///x"), "names no bucket"),
        (("in", "out", "--in-flight", "much"), "is not a size"),
    ],
)
def test_what_is_refused(run: Run, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    (tmp_path / "in").mkdir()
    options = arguments if "--op" in arguments else (*arguments, "--op", OP)
    refused = run(*options)
    assert (refused.code in (2, 3), told in refused.err) == (True, True), refused.err
    assert not (tmp_path / "out").exists()


def test_a_target_inside_the_source(run: Run, tmp_path: Path) -> None:
    make_pictures(tmp_path / "in", 3)
    assert run("in", "in/small", "--op", OP).summary["done"] == 3
    again = run("in", "in/small", "--op", OP)
    assert (again.summary["objects"], again.summary["skipped"]) == (3, 3)


def test_a_manifest(run: Run, tmp_path: Path) -> None:
    make_pictures(tmp_path / "in", 6)
    manifest = tmp_path / "some.jsonl"
    manifest.write_text('f0/p0000.png\n\n{"key": "f1/p0001.jpg"}\nf2/missing.png\n')
    done = run(manifest, "out", "--op", OP, "--root", "in")
    assert (done.code, done.summary["done"], done.summary["reasons"]) == (3, 2, {"SourceUnreadable": 1})
    assert set(results(tmp_path / "out")) == {"f0/p0000.webp", "f1/p0001.webp"}
    # Both know what the other has done: they are one source and one target.
    assert run("in", "out", "--op", OP).summary["skipped"] == 2
    for line, told in [
        ("../elsewhere.png", "line 1 is not in"),
        ("{not json", "line 1 is no JSON"),
        ('{"size": 1}', "line 1 has neither key nor url"),
        ('{"key": "a", "size": "b"}', "line 1 has a size that is no number"),
    ]:
        manifest.write_text(line + "\n")
        refused = run(manifest, "out", "--op", OP, "--root", "in")
        assert (refused.code, told in refused.err) == (2, True), refused.err
    manifest.write_text("a.png\n")
    assert "--root" in run(manifest, "out", "--op", OP).err


def test_info_and_watermarks(run: Run, tmp_path: Path) -> None:
    source = make_pictures(tmp_path / "in", 2)
    assert run("in", "info", "--op", "imageInfo").code == 0
    told = json.loads(results(tmp_path / "info")["f0/p0000.json"])
    assert told["format"] == "png"
    marked = run("in", "marked", "--op", "watermark/1/image/mark", "--image", f"mark={source}/f1/p0001.jpg")
    assert marked.code == 0, marked.err
    assert set(results(tmp_path / "marked")) == {"f0/p0000.png", "f1/p0001.jpg"}


def test_too_large_a_source_is_not_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with (tmp_path / "in" / "huge.png").open("wb") as stream:
        stream.truncate(10 << 30)
    done = run("in", "out", "--op", OP)
    assert (done.code, done.summary["reasons"]) == (5, {"ImageTooLarge": 1})


def test_what_a_picture_may_take(run: Run, tmp_path: Path) -> None:
    source = make_pictures(tmp_path / "in", 1)
    Image.new("RGB", (6000, 4000), "#246").save(source / "large.png")
    done = run("in", "out", "--op", OP, "-j1", "--memory", "48m")
    assert (done.code, done.summary["done"], done.summary["reasons"]) == (5, 1, {"MemoryExceeded": 1}), (
        done.err
    )
    # That is this machine's fault, and tried again.
    assert run("in", "out", "--op", OP, "-j1").summary["done"] == 1
    slow = "imageMogr2/format/avif/effort/9"
    late = run("in", "slow", "--op", slow, env={"OPENMOGR_IMAGE_DEADLINE": "0.05"})
    assert late.code == 5, late.err
    assert late.summary["reasons"]["DeadlineExceeded"] >= 1


def test_one_run_at_a_time(run: Run, tmp_path: Path) -> None:
    make_pictures(tmp_path / "in", 400)
    first = subprocess.Popen(
        command("in", "out", "--op", OP, "-j1"), cwd=tmp_path, stderr=subprocess.DEVNULL, env=environment()
    )
    try:
        await_results(tmp_path / "out", 5)
        # So that it is not over before the second has begun.
        first.send_signal(signal.SIGSTOP)
        second = run("in", "out", "--op", OP)
        assert (second.code, "in use by another" in second.err) == (3, True), second.err
    finally:
        first.kill()
        first.wait()


def await_results(target: Path, count: int) -> None:
    """Until there are so many."""
    until = time.monotonic() + 120
    while sum(1 for _ in target.glob("f*/*.webp")) < count:
        assert time.monotonic() < until, "no results come"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption(run: Run, tmp_path: Path, number: signal.Signals) -> None:
    make_pictures(tmp_path / "in", 600)
    process = subprocess.Popen(
        command("in", "out", "--op", OP, "-j1", "--json", "--batch-seconds", "0.3"),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    await_results(tmp_path / "out", 40)
    process.send_signal(number)
    since = time.monotonic()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - since < 20
    told = json.loads(out)["summary"]
    assert told["interrupted"]
    assert 0 < told["done"] < 600
    # What it tells is what there is, and what the ledger knows.
    assert len(results(tmp_path / "out")) == told["done"]
    rest = run("in", "out", "--op", OP)
    assert (rest.code, rest.summary["skipped"], rest.summary["done"]) == (0, told["done"], 600 - told["done"])


def test_without_ray(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pictures(tmp_path / "in", 1)
    monkeypatch.setitem(sys.modules, "ray", None)
    refused = run("in", "out", "--op", OP, "--ray", "auto")
    assert (refused.code, "openmogr[ray]" in refused.err) == (3, True), refused.err
    assert results(tmp_path / "out") == {}


def test_metrics(tmp_path: Path) -> None:
    make_pictures(tmp_path / "in", 600)
    process = subprocess.Popen(
        command("in", "out", "--op", OP, "-j1", "--metrics", "127.0.0.1:0"),
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        address = next(line for line in process.stderr if "metrics" in line).split()[-1]
        await_results(tmp_path / "out", 20)
        with urllib.request.urlopen(address, timeout=30) as answer:
            text = answer.read().decode()
        assert "openmogr_bulk_objects_expected 600.0" in text
        assert 'openmogr_bulk_objects_total{outcome="failed"} 0.0' in text
        assert "openmogr_bulk_bytes_in_flight" in text
    finally:
        process.kill()
        process.communicate()


def test_the_driver_is_killed(run: Run, tmp_path: Path) -> None:
    """Again and again, at whatever it was doing; in the end it is as if nothing had happened."""
    make_pictures(tmp_path / "in", 120)
    assert run("in", "whole", "--op", OP).code == 0
    for count in (1, 30, 70):
        process = subprocess.Popen(
            command("in", "out", "--op", OP, "-j2", "--batch-seconds", "0.1"),
            cwd=tmp_path,
            env=environment(),
            stderr=subprocess.DEVNULL,
        )
        await_results(tmp_path / "out", count)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    last = run("in", "out", "--op", OP)
    assert last.code == 0, last.err
    assert last.summary["skipped"] > 0
    found, whole = results(tmp_path / "out"), results(tmp_path / "whole")
    assert {key: hashlib.sha256(data).hexdigest() for key, data in found.items()} == {
        key: hashlib.sha256(data).hexdigest() for key, data in whole.items()
    }


def test_a_ledger_in_postgresql(
    run: Run, tmp_path: Path, postgresql: PostgreSQLServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed anywhere, the run goes on where its ledger is, and does nothing again that stands there."""
    monkeypatch.setattr(openmogr.bulk.ledger, "_PATIENCE", 0.2)
    count = 300
    make_pictures(tmp_path / "in", count)
    assert run("in", "whole", "--op", OP).code == 0
    with postgresql.fresh() as name:
        ledger = ("--ledger", postgresql.url(name))
        process = subprocess.Popen(
            command("in", "out", "--op", OP, "-j2", "--batch-seconds", "0.1", *ledger),
            cwd=tmp_path,
            env=environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        await_results(tmp_path / "out", random.randint(1, count - 100))
        process.send_signal(signal.SIGSTOP)
        second = run("in", "out", "--op", OP, *ledger)
        assert (second.code, "another run is at work" in second.err) == (3, True), second.err
        process.kill()
        _, told = process.communicate()
        written = sum(1 for _ in (tmp_path / "out").rglob("*.webp"))
        known = int(postgresql.sql("SELECT count(*) FROM bulk_objects WHERE state = 'done'", name))
        assert 0 <= known <= written < count, "what is put down is there, and the run was not over"
        last = run("in", "out", "--op", OP, *ledger)
        assert (last.code, last.summary["failed"]) == (0, 0), last.err
        assert (last.summary["skipped"], last.summary["done"]) == (known, count - known)
        assert results(tmp_path / "out") == results(tmp_path / "whole")
        again = run("in", "out", "--op", OP, *ledger)
        assert (again.code, again.summary["skipped"], again.summary["done"]) == (0, count, 0)
        assert not list((tmp_path / "out").rglob("*.sqlite3*"))
        assert PASSWORD not in told + last.out + last.err


def test_odd_files_end_in_the_report_and_not_in_a_stop(tmp_path: Path) -> None:
    source = make_pictures(tmp_path / "in", 3)
    (source / "loop.png").symlink_to("loop.png")
    os.mkfifo(source / "pipe.png")
    for name in (b"no-utf\xff.png", b"esc\x1b[31m.png"):
        Path(os.fsdecode(os.fsencode(source) + b"/" + name)).write_bytes(picture(1))
    words = [*command("in", "out", "--op", OP, "--report", "report.jsonl")]
    strict = {**environment(), "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run(words, cwd=tmp_path, env=strict, capture_output=True, timeout=120)
    assert done.returncode == 3, done.stderr
    assert b"no-utf\\udcff.png: InvalidKey: the key is no UTF-8" in done.stderr
    assert b"esc\\x1b[31m.png: InvalidKey: the key has control characters" in done.stderr
    lines = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text("utf-8").splitlines()]
    assert {line.get("key") for line in lines} == {None, "no-utf\udcff.png", "esc\x1b[31m.png"}
    assert (lines[-1]["summary"]["done"], lines[-1]["summary"]["failed"]) == (3, 2)


@pytest.mark.parametrize("more", [("--report", "/dev/full"), ("--json",), ()])
def test_a_report_that_nobody_takes(tmp_path: Path, more: tuple[str, ...], full_device: Path) -> None:
    source = make_pictures(tmp_path / "in", 3)
    (source / "bad.jpg").write_bytes(b"no picture")
    with full_device.open("wb") as full:
        words = command("in", "out", "--op", OP, *more)
        done = subprocess.run(
            words, cwd=tmp_path, env=environment(), stdout=full, stderr=subprocess.PIPE, timeout=120
        )
    assert (done.returncode, b"Traceback" in done.stderr) == (3, False), done.stderr
    assert b"Error: the report cannot be written: No space left on device" in done.stderr


def test_what_a_library_prints_does_not_come_between(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = LocalExecutor.start

    async def talkative(self: LocalExecutor) -> None:
        print("a node is late")
        await start(self)

    monkeypatch.setattr(LocalExecutor, "start", talkative)
    make_pictures(tmp_path / "in", 2)
    done = run("in", "out", "--op", OP, "--json")
    assert done.code == 0
    [line] = done.out.splitlines()
    assert json.loads(line)["summary"]["done"] == 2
    assert "a node is late" in done.err
