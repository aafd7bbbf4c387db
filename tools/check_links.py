"""Checks relative links and anchors of every Markdown page in the repository; never asks the network.

An anchor is a heading's, as GitHub derives it, or one written as ``<a id="...">``.

    python tools/check_links.py    print what is broken, exit 1 if anything is
"""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
_LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+(?:\([^()]*\))?)\)")
_ID = re.compile(r'<a (?:id|name)="([^"]+)"')


def prose(text: str) -> str:
    """The page without fenced blocks and code spans, in which nothing is a link."""
    text = re.sub(r"^(```|~~~).*?^\1\s*$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", lambda span: re.sub(r"[\[\]()]", "", span[0]), text)


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


@cache
def anchors(page: Path) -> tuple[str, ...]:
    """Every anchor of a page, those that stand twice included."""
    text = prose(page.read_text(encoding="utf-8"))
    found: list[str] = []
    for heading in re.findall(r"^#{1,6} (.+?)#*$", text, re.MULTILINE):
        name = slug(heading)
        again = sum(1 for other in found if re.fullmatch(re.escape(name) + r"(-\d+)?", other))
        found.append(f"{name}-{again}" if name in found else name)
    return tuple(found + _ID.findall(text))


def broken(page: Path) -> list[str]:
    """The links of ``page`` that lead nowhere, each with the reason; and anchors that stand twice."""
    wrong = []
    for target in _LINK.findall(prose(page.read_text(encoding="utf-8"))):
        link = urlsplit(target)
        if link.scheme or link.netloc:
            continue
        place = page if not link.path else (page.parent / unquote(link.path)).resolve()
        if not place.exists():
            wrong.append(f"{target}: no such file")
        elif link.fragment and (place.suffix != ".md" or unquote(link.fragment) not in anchors(place)):
            wrong.append(f"{target}: no such anchor")
    ids = anchors(page)
    return wrong + [
        f"#{name}: stands twice" for name in sorted({name for name in ids if ids.count(name) > 1})
    ]


def pages() -> list[Path]:
    """The Markdown pages that are in the repository or about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in (ROOT / line for line in listed.stdout.splitlines()) if path.is_file()]


def main() -> None:
    """Check all pages."""
    wrong = [f"{page.relative_to(ROOT)}: {problem}" for page in pages() for problem in broken(page)]
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
