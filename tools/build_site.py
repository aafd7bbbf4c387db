"""Builds the documentation's site out of the Markdown pages of the repository.

    python tools/build_site.py [FOLDER]    into site/ or another folder

Pages lie on the site as they lie in the repository, so that a link means the same in both; files that pages link to
lie beside them, and folders have a page that lists them. Any warning of the builder ends with exit code 1: a link that
leads nowhere, an anchor that is not there, a name in the API reference that does not exist. The site asks no other host
for anything (``tests/test_site.py``).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "tools" / "site.toml"

# Where pages are. What is tracked below is a page if it is Markdown.
PAGES = (
    ":(glob)*.md",
    "docs",
    "codec/README.md",
    "codec/desktop/README.md",
    "pixels/README.md",
    "examples/web/README.md",
)
# The parts of the site, in order, each with what it begins with; the rest of each follows by name.
PARTS = (
    ("Start", "docs/start/", ("cos-app", "photo-folder", "pillow", "front-end", "operator")),
    ("Use", "docs/use/", ("how-to", "move-here", "console", "operations", "grammar", "api", "s3", "cli")),
    ("Formats", "docs/format/", ("tpg", "tpg-encoding", "animation", "quality")),
    ("Reference", "docs/reference/", ("pillow_tpg", "openmogr_pixels")),
    ("Inside", "docs/inside/", ("STRUCTURE", "GLOSSARY")),
    ("Decisions", "docs/decisions/", ()),
    ("Specification", "docs/spec/", ("README",)),
    ("More", "docs/", ("README",)),
    ("Project", "", ("CHANGELOG", "CONTRIBUTING")),
)
_CODE = re.compile(r"(^```.*?^```|``.+?``|`[^`\n]+`)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s#]+)(?:#[^)\s]*)?\)")


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository, also new ones, as paths in it."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted({Path(line) for line in listed.splitlines() if (ROOT / line).is_file()})


def linked(page: Path) -> Iterator[Path]:
    """What a page links to in the repository, as paths in it."""
    text = re.sub(
        r"^```.*?^```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    for target in _LINK.findall(text):
        if "://" not in target and not target.startswith("mailto:"):
            place = (ROOT / page.parent / target).resolve()
            if place.is_relative_to(ROOT) and place.exists():
                yield place.relative_to(ROOT)


def stage(folder: Path) -> list[Path]:
    """Copies all pages and what they link to; the pages, as paths."""
    pages = [path for path in tracked(*PAGES) if path.suffix == ".md"]
    files = set(tracked("docs"))
    folders: set[Path] = set()
    for page in pages:
        for place in linked(page):
            (folders if (ROOT / place).is_dir() else files).add(place)
    for path in {*pages, *files}:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    for place in sorted(folders):
        if not (folder / place / "README.md").exists():
            pages.append(list_folder(folder, place))
    for page in pages:
        rewrite(folder, page, folders)
    return sorted(pages)


def list_folder(folder: Path, place: Path) -> Path:
    """A page that lists a folder's files, and links those that are on the site; its path."""
    lines = [f"# {place}", ""]
    for path in tracked(f"{place}/*"):
        name = path.relative_to(place)
        if len(name.parts) == 1:
            if path.suffix != ".md":
                shutil.copy(ROOT / path, folder / path)
            lines.append(f"- [{name}]({name})")
    page = place / "README.md"
    (folder / page).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return page


def rewrite(folder: Path, page: Path, folders: set[Path]) -> None:
    """Has links to folders lead to their pages."""

    def lead(found: re.Match[str]) -> str:
        place = (ROOT / page.parent / found[1]).resolve()
        if "://" in found[1] or not place.is_relative_to(ROOT) or place.relative_to(ROOT) not in folders:
            return found[0]
        return found[0].replace(f"]({found[1]}", f"]({found[1].rstrip('/')}/README.md")

    text = _LINK.sub(lead, (folder / page).read_text(encoding="utf-8"))
    # A[i][j] is an element of an array and no reference, but the builder cannot know.
    parts = _CODE.split(text)
    parts[::2] = [re.sub(r"\]( ?)\[", r"]\1\\[", part) for part in parts[::2]]
    (folder / page).write_text("".join(parts), encoding="utf-8")


def navigation(pages: list[Path]) -> str:
    """The pages in their parts, as TOML."""
    left = dict.fromkeys(str(page) for page in pages)
    left.pop("README.md")
    lines = ['nav = ["README.md"', '  , {"中文" = "README.zh.md"}']
    left.pop("README.zh.md")
    for title, prefix, first in PARTS:
        own = [name for name in left if name.startswith(prefix)]
        begins = [name for one in first if (name := f"{prefix}{one}.md") in own]
        names = [*begins, *(name for name in own if name not in begins)]
        for name in names:
            del left[name]
        if names:
            listed = ", ".join(f'"{name}"' for name in names)
            lines.append(f'  , {{"{title}" = [{listed}]}}')
    return "\n".join(lines) + "\n]\n"


def build(out: Path) -> int:
    """Builds the site; the exit code of the builder."""
    with tempfile.TemporaryDirectory(prefix="openmogr-site-") as scratch:
        folder = Path(scratch)
        pages = stage(folder / "pages")
        settings = CONFIG.read_text(encoding="utf-8").replace("ROOT/", f"{ROOT}/")
        config = folder / "zensical.toml"
        config.write_text(settings.replace("# nav\n", navigation(pages)), encoding="utf-8")
        command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(config)]
        code = subprocess.run(command, cwd=folder, check=False).returncode
        if not code:
            shutil.rmtree(out, ignore_errors=True)
            shutil.copytree(folder / "site", out)
            print(f"{len(pages)} pages in {out}")
        return code


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "site"))
