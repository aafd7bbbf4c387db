"""Do two checkouts answer alike? ``python -m tools.compare.servers OTHER`` compares this one with another.

Each checkout has a ``.venv`` with its own code. Both servers get the same requests in the same order, operations,
formats, errors, uploads, listings and what is no HTTP among them; status, headers in their order and bodies are
compared byte for byte. What is of the moment is left out: dates, ids of requests and uploads. Ends with 1 where
something differs. ``--json FILE`` writes each difference.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from openmogr.auth import Credential
from openmogr.testing import ServerProcess
from tools.compare import images, objects
from tools.compare.exchange import Exchange, Seen, send

ROOT = Path(__file__).resolve().parent.parent.parent


def everything(credential: Credential, start: int) -> Iterator[Exchange]:
    """All requests in their order."""
    yield from objects.before()
    yield from images.requests()
    yield from objects.requests(credential, start)


def differences(first: Seen, second: Seen) -> list[str]:
    """What differs between two answers, in words; nothing where they are equal."""
    found = []
    if first.status != second.status:
        found.append(f"{first.status!r} became {second.status!r}")
    for name, value in first.headers:
        if (name, value) not in second.headers:
            found.append(f"header {name}: {value!r} is not in the second")
    for name, value in second.headers:
        if (name, value) not in first.headers:
            found.append(f"header {name}: {value!r} is not in the first")
    if not found and first.headers != second.headers:
        found.append("the headers have another order")
    if first.body != second.body:
        found.append(
            f"body of {len(first.body)} bytes became one of {len(second.body)}: {_where(first.body, second.body)}"
        )
    return found


def _where(first: bytes, second: bytes) -> str:
    pairs = zip(first, second, strict=False)
    at = next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))
    begin = max(0, at - 20)
    return f"at {at} {first[begin : at + 40]!r} became {second[begin : at + 40]!r}"


def compare(first: Path, second: Path, only: str = "") -> tuple[int, dict[str, list[str]]]:
    """How many requests were sent, and what differs, by the request's name.

    Args:
        first, second: checkouts with their ``.venv``.
        only: a text that names of requests must hold; those that store are sent all the same.
    """
    start = int(time.time()) - 60
    found: dict[str, list[str]] = {}
    count = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        _server(first, folder, "a") as one,
        _server(second, folder, "b") as two,
    ):
        known: tuple[dict[str, str], dict[str, str]] = ({}, {})
        for exchange in everything(one.credential, start):
            if only not in exchange.name and exchange.method in ("GET", "HEAD"):
                continue
            answers = [
                send(server.port, exchange, one.credential, start, words)
                for server, words in zip((one, two), known, strict=True)
            ]
            count += 1
            if told := differences(*answers):
                found[f"{count}: {exchange.name}"] = told
    return count, found


def _server(checkout: Path, folder: str, name: str) -> ServerProcess:
    python = checkout / ".venv" / "bin" / "python"
    return ServerProcess(Path(folder) / name, {"image": {"workers": 1}}, launcher=(str(python), "-m"))


def main() -> int:
    """Compare, and say what differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("other", type=Path, help="a checkout of the earlier commit, with its .venv")
    parser.add_argument("--this", type=Path, default=ROOT, help="the later checkout; else this one")
    parser.add_argument("--only", default="", help="only requests whose name holds this text")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the differences there as well")
    options = parser.parse_args()
    count, found = compare(options.other.resolve(), options.this.resolve(), options.only)
    for name, told in found.items():
        print(name, *told, sep="\n    ")
    print(f"{count} requests, {len(found)} answered in another way")
    if options.json is not None:
        options.json.write_text(json.dumps({"requests": count, "differences": found}, indent=1) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
