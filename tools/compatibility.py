"""What of the API is shown with which client: ``docs/compatibility.md`` and README's short table.

The rows are those of routing and of the language of operations; what clients called is in
``docs/compatibility.tsv``, which a run of their tests brings up (``tools/recorded.py``); features are those that marks
of tests name.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from openmogr.image.language.names import PARAMETERS
from tools.api_calls import HEADERS, TABLES, Call
from tools.recorded import Recorded, read

__all__ = ["Features", "features", "page", "summary"]

ROOT = Path(__file__).resolve().parent.parent
# Handlers that answer that nothing is set, and refuse to set it.
_UNSET = frozenset({"bucket_configuration", "s3_configuration"})
# Operations that are known and not done.
_REFUSED = ("watermark/3", "watermark/4")
_REFUSING = frozenset({"not_supported", "object_lock"})
_INTRODUCTION = """\
# Compatibility

Made by `tools/generate_docs.py` from the tables of routing, from the marks of the tests, and from the calls that
clients made in the tests (`docs/compatibility.tsv`, brought up by
`COSCMD_PATH=.venv/bin pytest tests/clients -n0 --record-calls docs/compatibility.tsv`).

- **verified**: an unmodified client made this call against a real server process, and got what it asked for.
- from documentation: built and tested against the documents only.
- refused: answered with a clear 4xx, at the face of S3 with 501 `NotImplemented`.
- not set: told to be not set, and never set.

[The API](use/api.md) and [the S3 face](use/s3.md) say what each does."""


@dataclass(frozen=True)
class Features:
    """What the tests show: features with their area, state otherwise and clients, and the names of clients."""

    rows: Sequence[tuple[str, str, str, Sequence[str]]]
    clients: Mapping[str, str]


def features(shown: Mapping[str, set[str]]) -> Features:
    """The features of ``docs/compatibility.toml``.

    Args:
        shown: names of clients by features, from the marks.

    Raises:
        SystemExit: a mark names what is not listed.
    """
    tables = tomllib.loads((ROOT / "docs" / "compatibility.toml").read_text(encoding="utf-8"))
    listed, names = {entry["name"] for entry in tables["feature"]}, tables["clients"]
    if unlisted := sorted(set(shown) - listed):
        raise SystemExit(f"tests name features that docs/compatibility.toml does not list: {unlisted}")
    if unlisted := sorted(set().union(*shown.values()) - set(names.values())):
        raise SystemExit(f"tests name clients that docs/compatibility.toml does not list: {unlisted}")
    rows = []
    for entry in tables["feature"]:
        clients = [short for short, name in names.items() if name in shown.get(entry["name"], set())]
        rows.append((entry["name"], entry["area"], "verified" if clients else entry["otherwise"], clients))
    return Features(rows, names)


def summary(found: Features) -> str:
    """README's table: a row for each area."""
    lines = ["| area | verified with real clients | from documentation | not yet |", "|---|---|---|---|"]
    for area in dict.fromkeys(row[1] for row in found.rows):
        cells = [
            "; ".join(name for name, of, is_state, _ in found.rows if of == area and is_state == state)
            for state in ("verified", "from documentation", "not yet")
        ]
        lines.append(f"| {area} | {' | '.join(cells)} |")
    return "\n".join(lines)


def page(found: Features) -> str:
    """The text of ``docs/compatibility.md``."""
    recorded = read()
    lines = [_INTRODUCTION, "", "## Clients", "", "| name | client | calls seen |", "|---|---|---:|"]
    calls: dict[str, set[Call]] = defaultdict(set)
    for (face, target, method, subresource, kind, _), clients in recorded.items():
        for client in clients if kind == "call" else ():
            calls[client].add(Call(face, target, method, subresource))
    lines += [f"| {short} | {name} | {len(calls[short])} |" for short, name in found.clients.items()]
    lines += ["", "## Features", "", "| feature | state | shown with |", "|---|---|---|"]
    lines += [f"| {name} | {_bold(state)} | {', '.join(shown)} |" for name, _, state, shown in found.rows]
    for (face, target), table in TABLES.items():
        rows = list(_rows(face, target, recorded, found.clients))
        if table and rows:
            lines += ["", f"## {face}: {target}", "", "| call | state | clients | parameters seen | others |"]
            lines += ["|---|---|---|---|---|", *rows]
    for face, names in HEADERS.items():
        lines += ["", f"## {face}: request headers", "", "| header | state | clients |", "|---|---|---|"]
        lines += list(_named(names, _by_name(recorded, "header", face), found.clients))
    lines += ["", "## Image operations", "", "| operation, parameter | state | clients |", "|---|---|---|"]
    lines += list(_named(list(_operations()), _by_name(recorded, "operation"), found.clients))
    lines += [f"| `{operation}` | refused | |" for operation in _REFUSED]
    lines += ["", "## By client"]
    for short, name in found.clients.items():
        lines += ["", f"**{name}**: {_list_of(calls[short])}"]
    return "\n".join(lines) + "\n"


def _rows(face: str, target: str, recorded: Recorded, order: Mapping[str, str]) -> Iterator[str]:
    for subresource, methods in TABLES[face, target].items():
        for method, route in methods.items():
            call = Call(face, target, method, subresource)
            if _is_elsewhere(call):
                continue
            handler = route.handler.__name__
            if handler in _UNSET and method in ("HEAD", "POST"):
                continue
            if handler in _REFUSING and method not in ("GET", "PUT", "POST"):
                continue
            key = (face, target, method, subresource)
            clients = recorded.get((*key, "call", ""), set())
            seen = {name for (*of, kind, name) in recorded if tuple(of) == key and kind == "parameter"}
            others = [] if handler in _UNSET else sorted(route.parameters - seen)
            cells = [
                f"`{_shown(method, subresource)}`",
                _state(handler, method, clients),
                _names(clients, order),
                ", ".join(f"`{name}`" for name in sorted(seen)),
                ", ".join(f"`{name}`" for name in others),
            ]
            yield f"| {' | '.join(cells)} |"


def _is_elsewhere(call: Call) -> bool:
    """Whether a call is the same as one of another table, which shows it."""
    if call.target != "CI bucket":
        return False
    same = TABLES["COS", "bucket"].get(call.subresource, {}).get(call.method)
    return same is call.route


def _state(handler: str, method: str, clients: set[str]) -> str:
    if handler in _REFUSING or (handler in _UNSET and method == "PUT"):
        return "refused"
    if handler in _UNSET:
        return "not set, **verified**" if clients else "not set"
    return "**verified**" if clients else "from documentation"


def _named(names: Sequence[str], seen: Mapping[str, set[str]], order: Mapping[str, str]) -> Iterator[str]:
    for name in names:
        clients = seen.get(name, set())
        state = "**verified**" if clients else "from documentation"
        yield f"| `{name}` | {state} | {_names(clients, order)} |"


def _by_name(recorded: Recorded, wanted: str, face: str = "") -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for (of, _, _, _, kind, name), clients in recorded.items():
        if kind == wanted and face in ("", of):
            found[name] |= clients
    return found


def _operations() -> Iterator[str]:
    for operation, names in PARAMETERS.items():
        yield operation
        yield from (f"{operation}/{name}" for name in sorted(names))


def _names(clients: set[str], order: Mapping[str, str]) -> str:
    return ", ".join(short for short in order if short in clients)


def _shown(method: str, subresource: str) -> str:
    return f"{method} ?{subresource}" if subresource else method


def _list_of(calls: set[Call]) -> str:
    """The calls of a client by face and target."""
    parts = []
    for face, target in TABLES:
        names = sorted(
            (call.subresource, call.method) for call in calls if (call.face, call.target) == (face, target)
        )
        if names:
            listed = ", ".join(f"`{_shown(method, subresource)}`" for subresource, method in names)
            parts.append(f"{face} {target}: {listed}")
    return "; ".join(parts) + "." if parts else "no calls recorded."


def _bold(state: str) -> str:
    return f"**{state}**" if state == "verified" else state
