"""The table of calls that real clients made against a server: ``docs/compatibility.tsv``.

Its lines are face, target, method, subresource, kind (``call``, ``parameter``, ``header`` or ``operation``), name and
the short names of clients (``docs/compatibility.toml``), with tabs between. ``pytest tests/clients -n0 --record-calls
docs/compatibility.tsv`` brings it up; clients that made no call in that run keep what was recorded before.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

__all__ = ["TABLE", "Recorded", "read", "update"]

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "compatibility.tsv"
# What tests ask by themselves.
_HELPERS = ("openmogr-testing", "Python-urllib", "python-httpx", "curl")
_HEAD = "face\ttarget\tmethod\tsubresource\tkind\tname\tclients"
# Face, target, method, subresource, kind and name, to the clients.
Key: TypeAlias = tuple[str, str, str, str, str, str]
Recorded: TypeAlias = dict[Key, set[str]]


def read(path: Path = TABLE) -> Recorded:
    """The table; empty where there is no file. Raises ``ValueError`` for a line that is not one."""
    if not path.exists():
        return {}
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    if head != _HEAD:
        raise ValueError(f"{path} does not begin with {_HEAD!r}")
    found: Recorded = {}
    for line in lines:
        *key, clients = line.split("\t")
        face, target, method, subresource, kind, name = key
        found[face, target, method, subresource, kind, name] = set(clients.split(", "))
    return found


def update(path: Path, lines: Path) -> None:
    """Bring a table up to what a run recorded."""
    seen: Recorded = defaultdict(set)
    for key, client in _recorded(lines):
        seen[key].add(client)
    ran = set().union(*seen.values())
    for key, clients in read(path).items():
        seen[key] |= clients - ran
    order = list(_tables()["clients"])
    rows = [
        "\t".join((*key, ", ".join(sorted(clients, key=order.index))))
        for key, clients in sorted(seen.items())
        if clients
    ]
    path.write_text("\n".join((_HEAD, *rows)) + "\n", encoding="utf-8")


def _tables() -> dict[str, dict[str, str]]:
    """Names of clients by short names, and patterns of what they say they are."""
    return tomllib.loads((ROOT / "docs" / "compatibility.toml").read_text(encoding="utf-8"))


def _recorded(lines: Path) -> Iterator[tuple[Key, str]]:
    tables = _tables()
    patterns = [(name, re.compile(text)) for name, text in tables["agents"].items()]
    # Those that do not say who they are, by their names in the marks of tests.
    silent = {full: name for name, full in tables["clients"].items() if name not in tables["agents"]}
    tested: str | None = None
    for line in lines.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        if "clients" in item:
            named = [silent[full] for full in item["clients"] if full in silent]
            tested = named[0] if len(named) == 1 else None
            continue
        agent = item["agent"]
        if agent.startswith(_HELPERS):
            continue
        # Who does not say who it is may be built on one that does.
        client = tested or next((name for name, pattern in patterns if pattern.search(agent)), None)
        if client is None:
            continue
        face, target, method, subresource = item["call"]
        yield (face, target, method, subresource, "call", ""), client
        for kind, name in item["things"]:
            yield (face, target, method, subresource, kind, name), client
