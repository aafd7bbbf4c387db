"""``tools/check_links.py`` finds what is broken, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.check_links import anchors, broken, pages

PAGE = """# One page: *here*

<a id="b6.2"></a>

## B6.2 Which edges

## Twice

## Twice

```sh
# not a heading
[not a link](nowhere.md)
```

`[nor this](nowhere.md)` and [outside](https://example.com/x#y).
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_headings_and_ids_are_anchors(page: Path) -> None:
    assert anchors(page) == ("one-page-here", "b62-which-edges", "twice", "twice-1", "b6.2")


@pytest.mark.parametrize("link", ["page.md", "#twice-1", "page.md#b6.2", "../{folder}/page.md", "."])
def test_links_that_lead_somewhere_pass(page: Path, link: str) -> None:
    other = page.with_name("other.md")
    other.write_text(f"# Twice 1\n[x]({link.format(folder=page.parent.name)})\n", encoding="utf-8")
    assert broken(other) == []


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("nowhere.md", "no such file"),
        ("#nowhere", "no such anchor"),
        ("page.md#b6.3", "no such anchor"),
        (".#twice", "no such anchor"),
    ],
)
def test_links_that_lead_nowhere_are_named(page: Path, link: str, problem: str) -> None:
    other = page.with_name("other.md")
    other.write_text(f"[x]({link})\n", encoding="utf-8")
    assert broken(other) == [f"{link}: {problem}"]


def test_an_anchor_that_stands_twice_is_named(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text('<a id="b6"></a>\n<a id="b6"></a>\n', encoding="utf-8")
    assert broken(path) == ["#b6: stands twice"]


def test_the_links_of_the_repository_lead_somewhere() -> None:
    found = pages()
    assert len(found) > 30
    assert {page.name: broken(page) for page in found if broken(page)} == {}
