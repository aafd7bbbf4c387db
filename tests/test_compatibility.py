"""``docs/compatibility.md`` is made of what is there, and of calls that were recorded."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from openmogr.image.language.names import PARAMETERS
from openmogr.testing import ServerProcess
from tools.api_calls import HEADERS, TABLES, Call
from tools.compatibility import Features, features, page
from tools.recorded import TABLE, read, update

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "compatibility.md"


def shown() -> Features:
    """The features as the page has them; that marks say the same, ``make lint`` checks."""
    names = dict(
        re.findall(r"^\| ([^|]+) \| ([^|]+) \| \d+ \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    )
    states = r"(?:\*\*verified\*\*|from documentation|not yet)"
    rows = re.findall(rf"^\| (.+) \| {states} \| (.*) \|$", _features(), re.MULTILINE)
    found: dict[str, set[str]] = {}
    for name, clients in rows:
        if clients:
            found[name] = {names[short] for short in clients.split(", ")}
    return features(found)


def _features() -> str:
    return PAGE.read_text(encoding="utf-8").partition("## Features")[2].partition("\n## ")[0]


def test_the_page_is_up_to_date() -> None:
    """With the tables of routing, the names of operations, and what was recorded."""
    assert PAGE.read_text(encoding="utf-8") == page(shown()), "run `make docs`"


def test_what_was_recorded_is_still_there() -> None:
    recorded = read(TABLE)
    assert len(recorded) > 200
    known = {name for name, *_ in PARAMETERS.items()}
    known |= {f"{operation}/{name}" for operation, names in PARAMETERS.items() for name in names}
    for (face, target, method, subresource, kind, name), clients in recorded.items():
        route = Call(face, target, method, subresource).route
        assert clients <= set(shown().clients), clients
        if kind == "parameter":
            assert name in {*route.parameters, "response-*"}
        elif kind == "header":
            assert name in HEADERS[face]
        elif kind == "operation":
            assert name in known
        else:
            assert (kind, name) == ("call", "")


def test_every_call_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for (face, target), table in TABLES.items():
        section = text.partition(f"## {face}: {target}\n")[2].partition("\n## ")[0]
        if target != "CI bucket":
            for subresource in table:
                assert f" ?{subresource}`" in section or not subresource, (face, target, subresource)


def test_calls_are_recorded(tmp_path: Path) -> None:
    """By a real server, for clients that say who they are, and for those that only their tests name."""
    lines, table = tmp_path / "calls.jsonl", tmp_path / "table.tsv"
    lines.write_text(json.dumps({"clients": ["boto3 1.44"]}) + "\n")
    recorder = (sys.executable, str(ROOT / "tests" / "clients" / "recorder.py"), str(lines))
    boto = {"User-Agent": "Boto3/1.44"}
    with ServerProcess(tmp_path / "data", launcher=recorder) as server:
        server.request("PUT", "/b-1250000000", b"", boto)
        server.request("GET", "/b-1250000000?prefix=a&list-type=2&v=3", headers=boto)
        server.request("GET", "/b-1250000000?replication", headers=boto)
        server.request("GET", "/b-1250000000/none", headers=boto)
        server.request("PUT", "/b-1250000000?replication", b"<x/>", boto)
        with lines.open("a") as stream:
            stream.write(json.dumps({"clients": ["s3cmd 2.4"]}) + "\n")
        server.request(
            "PUT", "/b-1250000000/a", b"1", {"User-Agent": "", "x-cos-meta-a": "1", "X-Other": "2"}
        )
        server.request("PUT", "/b-1250000000/b", b"1")
    update(table, lines)
    bucket, thing = ("COS", "bucket"), ("COS", "object", "PUT", "")
    assert read(table) == {
        (*bucket, "PUT", "", "call", ""): {"boto3"},
        (*bucket, "GET", "", "call", ""): {"boto3"},
        (*bucket, "GET", "", "parameter", "prefix"): {"boto3"},
        (*bucket, "GET", "", "parameter", "list-type"): {"boto3"},
        (*bucket, "GET", "replication", "call", ""): {"boto3"},
        (*thing, "call", ""): {"s3cmd"},
        (*thing, "header", "x-cos-meta-*"): {"s3cmd"},
    }
    # A run without a client keeps what it called before.
    again = tmp_path / "again.jsonl"
    again.write_text(
        json.dumps({"agent": "Boto3/2", "call": ["COS", "bucket", "GET", ""], "things": []}) + "\n"
    )
    update(table, again)
    assert read(table) == {
        (*bucket, "GET", "", "call", ""): {"boto3"},
        (*thing, "call", ""): {"s3cmd"},
        (*thing, "header", "x-cos-meta-*"): {"s3cmd"},
    }


def test_a_table_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table.tsv").write_text("a\tb\n")
    with pytest.raises(ValueError, match="does not begin"):
        read(tmp_path / "table.tsv")
