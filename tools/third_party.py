"""Writes ``THIRD_PARTY.txt`` of ``codec/``, ``codec/wasm/`` and ``pixels/``: the crates in each, with their licences.

Crates that only build (procedural macros, build scripts) or only test are left out; crates for other processors or
systems are in it, so that the file is the same everywhere. Needs cargo, and the crates' sources, which it fetches.

    python tools/third_party.py          write
    python tools/third_party.py --check  exit 1 if the file would change
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINE = "-" * 100
# Texts of crates that come without one: butteraugli is a port of a part of libjxl, under its licence.
TEXTS = {"butteraugli": ROOT / "tools" / "licences" / "libjxl.txt"}


@dataclass(frozen=True)
class Distribution:
    """A native module of ours: its name, its folder, and the crate that Python loads."""

    name: str
    folder: Path
    binding: str

    @property
    def notices(self) -> Path:
        """The file that is written."""
        return self.folder / "THIRD_PARTY.txt"


DISTRIBUTIONS = (
    Distribution("pillow-tpg", ROOT / "codec", "pillow-tpg-binding"),
    Distribution("@openmogr/tpg", ROOT / "codec" / "wasm", "tpg-wasm"),
    Distribution("openmogr-pixels", ROOT / "pixels", "openmogr-pixels-binding"),
)


@dataclass(frozen=True)
class Crate:
    """A crate of the lock file.

    Attributes:
        own: lies in this repository.
        macro: runs in the compiler only.
        needs: ids of what it links.
    """

    name: str
    version: str
    licence: str
    source: str
    folder: Path
    own: bool
    macro: bool
    needs: tuple[str, ...]


def read_crates(folder: Path, target: str | None = None) -> dict[str, Crate]:
    """All crates by id, as cargo has resolved them; or those for one target, as ``x86_64-unknown-linux-gnu``."""
    cargo = shutil.which("cargo")
    if cargo is None:
        raise SystemExit("cargo was not found")
    command = [cargo, "metadata", "--format-version", "1", "--locked"]
    if target is not None:
        command += ["--filter-platform", target]
    output = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE).stdout
    document = json.loads(output)
    needs = {
        node["id"]: tuple(
            dep["pkg"] for dep in node["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])
        )
        for node in document["resolve"]["nodes"]
    }
    return {
        package["id"]: Crate(
            package["name"],
            package["version"],
            package["license"] or "see below",
            package["repository"] or f"https://crates.io/crates/{package['name']}",
            Path(package["manifest_path"]).parent,
            package["source"] is None,
            any("proc-macro" in target["kind"] for target in package["targets"]),
            needs[package["id"]],
        )
        for package in document["packages"]
    }


def linked(crates: dict[str, Crate], binding: str) -> list[Crate]:
    """What the extension module holds besides our own crates, by name and version."""
    seen: set[str] = set()
    waiting = [key for key, crate in crates.items() if crate.name == binding]
    while waiting:
        key = waiting.pop()
        if key not in seen and not crates[key].macro:
            seen.add(key)
            waiting += crates[key].needs
    return sorted(
        (crates[key] for key in seen if not crates[key].own), key=lambda crate: (crate.name, crate.version)
    )


def licence_texts(crate: Crate) -> Iterator[str]:
    """The texts that go with a crate: of a choice the MIT licence, which is the shortest; else every one."""
    files = sorted(
        path
        for path in crate.folder.iterdir()
        if path.is_file()
        and path.name.upper().startswith(("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"))
    )
    if " OR " in crate.licence or "/" in crate.licence:
        files = [path for path in files if "MIT" in path.name.upper()] or files
    if not files and crate.name in TEXTS:
        files = [TEXTS[crate.name]]
    for path in files:
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        yield "\n".join(line.rstrip() for line in lines)


def notices(distribution: Distribution) -> str:
    """The text of its file."""
    pieces = [
        f"{distribution.name} is Apache-2.0 (LICENSE). Its extension module is compiled with the crates below.",
        "Made by tools/third_party.py.",
    ]
    texts: dict[str, str] = {}
    for crate in linked(read_crates(distribution.folder), distribution.binding):
        pieces.append(f"{LINE}\n{crate.name} {crate.version}\n{crate.source}\nLicence: {crate.licence}")
        found = list(licence_texts(crate))
        if not found:
            pieces.append("The crate comes without a text; that of the Apache License 2.0 is in LICENSE.")
        for text in found:
            if text in texts:
                pieces.append(f"The text is that of {texts[text]}, above.")
            else:
                texts[text] = crate.name
                pieces.append(text)
    return "\n\n".join(pieces) + "\n"


def main() -> int:
    """Write or check both files."""
    stale = False
    for distribution in DISTRIBUTIONS:
        text = notices(distribution)
        place = distribution.notices
        if "--check" not in sys.argv[1:]:
            place.write_text(text, encoding="utf-8")
        elif not place.exists() or place.read_text(encoding="utf-8") != text:
            print(f"{place.relative_to(ROOT)} is not what is compiled in; run: make notices", file=sys.stderr)
            stale = True
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
