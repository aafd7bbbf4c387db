"""The documentation's site: built strictly, complete, and asking no other host for anything."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tools.build_site import PAGES, tracked

ROOT = Path(__file__).resolve().parents[1]

# What fetches something by itself, by tag and attribute; links that readers follow are not among them.
FETCHING = {
    ("script", "src"),
    ("img", "src"),
    ("img", "srcset"),
    ("source", "src"),
    ("source", "srcset"),
    ("iframe", "src"),
    ("object", "data"),
    ("video", "src"),
    ("audio", "src"),
}
# A <link> with one of these fetches nothing.
HARMLESS = {"canonical", "next", "prev", "alternate", "author", "license"}
# What the theme's script would fetch from elsewhere, and by what in a page: there must be none of these.
WOULD_FETCH = ('class="mermaid"', "language-mermaid", "glightbox", 'class="pyodide"', "data-md-source")


class Fetches(HTMLParser):
    """Addresses that a page has browsers fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.found += [value for name, value in given.items() if (tag, name) in FETCHING]
        if tag == "link" and not set(given.get("rel", "").split()) <= HARMLESS:
            self.found.append(given.get("href", ""))
        self.found += re.findall(r"url\(([^)]*)\)", given.get("style", ""))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("zensical", reason="the builder of the site is not installed")
    if not (ROOT / ".git").exists():
        pytest.skip("what is a page is known in a clone only")
    folder = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, str(ROOT / "tools" / "build_site.py"), str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def html(site: Path) -> dict[str, str]:
    return {
        str(path.relative_to(site)): path.read_text(encoding="utf-8") for path in sorted(site.rglob("*.html"))
    }


def test_every_page_of_the_repository_is_on_it(site: Path) -> None:
    pages = html(site)
    assert len(pages) > 60
    for path in tracked(*PAGES):
        if path.suffix == ".md":
            name = path.with_name("index.html") if path.stem == "README" else path.with_suffix(".html")
            assert str(name) in pages, path


def test_nothing_comes_from_another_host(site: Path) -> None:
    for name, text in html(site).items():
        fetches = Fetches()
        fetches.feed(text)
        # Pages that are files of the repository, to be opened beside a server, may fetch nothing.
        assert fetches.found or (ROOT / name).exists(), name
        foreign = [address for address in fetches.found if re.match(r"[\"']?(https?:)?//", address)]
        assert foreign == [], name
        assert [word for word in WOULD_FETCH if word in text] == [], name
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.findall(r"url\([\"']?(?:https?:)?//|@import", text), style


def test_what_would_be_foreign_is_found() -> None:
    fetches = Fetches()
    fetches.feed(
        '<script src="https://a.example/x.js"></script><link rel="stylesheet" href="//b.example/y.css">'
        '<link rel="canonical" href="https://c.example/"><a href="https://d.example/">read</a>'
    )
    assert fetches.found == ["https://a.example/x.js", "//b.example/y.css"]


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("pillow_tpg", ["encode.encode", "encode_animation", "decode", "info", "TpgImageFile", "Limits"]),
        ("openmogr_pixels", ["decode_jpeg", "encode_png", "Picture"]),
    ],
)
def test_the_reference_has_what_is_public(site: Path, page: str, names: list[str]) -> None:
    text = (site / "docs" / "reference" / f"{page}.html").read_text(encoding="utf-8")
    for name in names:
        assert f'id="{page}.{name}"' in text, name
    assert f'id="{page}._' not in text


def test_a_link_that_leads_nowhere_stops_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("zensical", reason="the builder of the site is not installed")
    from tools import build_site

    pages = tmp_path / "repository"
    pages.mkdir()
    (pages / "README.md").write_text("# Home\n\n[away](nowhere.md)\n")
    (pages / "README.zh.md").write_text("# 首页\n")
    monkeypatch.setattr(build_site, "ROOT", pages)
    monkeypatch.setattr(
        build_site,
        "tracked",
        lambda *patterns: [Path("README.md"), Path("README.zh.md")] if "docs" in patterns[1:] else [],
    )
    assert build_site.build(tmp_path / "site") != 0
    assert not (tmp_path / "site").exists()
    (pages / "README.md").write_text("# Home\n\n[here](README.zh.md)\n")
    assert build_site.build(tmp_path / "site") == 0
