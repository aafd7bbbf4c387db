"""Writes the table of values into the README of the Helm chart, from the comments of ``values.yaml``.

A comment that begins with ``# -- `` tells about the value below it, to the next line that is no comment.

    python tools/chart.py          write
    python tools/chart.py --check  exit 1 if the file would change
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

CHART = Path(__file__).resolve().parents[1] / "deploy" / "helm" / "openmogr"
_PART = re.compile(
    r"(<!-- values: made by tools/chart\.py -->\n).*?(<!-- /values -->\n)", re.DOTALL | re.MULTILINE
)


class Value(NamedTuple):
    """A value of the chart: where it stands (``image.tag``), its default, and what it is for."""

    name: str
    default: object
    description: str


def described(text: str) -> Iterator[Value]:
    """The values of a file of values that have a description, in their order."""
    values = yaml.safe_load(text)
    section, words = "", list[str]()
    for line in text.splitlines():
        if comment := re.fullmatch(r"\s*# (-- )?(.*)", line):
            words = [comment[2]] if comment[1] else [*words, comment[2]] if words else []
        elif entry := re.match(r"( *)(\w+):", line):
            section = section if entry[1] else entry[2]
            if words:
                name = f"{section}.{entry[2]}" if entry[1] else entry[2]
                default = values[section][entry[2]] if entry[1] else values[section]
                yield Value(name, default, " ".join(words))
            words = []


def table(text: str) -> str:
    """The values as a table in Markdown."""
    lines = ["| value | default | what it is |", "|---|---|---|"]
    for value in described(text):
        default = "" if value.default == "" else f"`{json.dumps(value.default).strip(chr(34))}`"
        lines.append(f"| `{value.name}` | {default} | {value.description} |".replace("|  |", "| |"))
    return "\n".join(lines) + "\n"


def main() -> int:
    """Writes or checks; the result is the exit code."""
    readme = CHART / "README.md"
    old = readme.read_text(encoding="utf-8")
    values = table((CHART / "values.yaml").read_text(encoding="utf-8"))
    new = _PART.sub(lambda part: part[1] + values + part[2], old)
    if "--check" not in sys.argv[1:]:
        readme.write_text(new, encoding="utf-8")
    elif new != old:
        print(f"{readme} is not up to date: run python tools/chart.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
