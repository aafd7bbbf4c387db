"""Writes what the image and the tools of a release install, with the hash of every file that may be downloaded.

    python -m tools.release.lock            write, keeping versions that still fit
    python -m tools.release.lock --upgrade  write with the newest versions

The files hold no address of an index. Needs uv, of the group ``release``, and the network. ``tests/test_locked.py``
checks without either that they go with ``pyproject.toml``.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from packaging.requirements import Requirement

from tools.release.distributions import NATIVE, ROOT

__all__ = ["LOCKED", "main", "wanted"]

# The Python of the image.
PYTHON = "3.14"
LOCKED: Mapping[Path, tuple[str, ...]] = {
    ROOT / "deploy" / "locked" / "plain.txt": ("otel", "stores", "postgres"),
    ROOT / "deploy" / "locked" / "heif.txt": ("otel", "stores", "postgres", "heif"),
    ROOT / "tools" / "release" / "requirements.txt": (),
}
HEAD = (
    "# Made by `make lock`, with the hashes of all files that may be downloaded; not to be changed by hand.\n"
)


def wanted(extras: tuple[str, ...]) -> list[str]:
    """What a file locks: the service with extras and its native modules, or without extras the group ``release``.

    The native modules themselves are built beside the service, so they are left out.
    """
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if not extras:
        return list(document["dependency-groups"]["release"])
    project = document["project"]
    found = [*project["dependencies"]]
    for extra in extras:
        found += project["optional-dependencies"][extra]
    for native in NATIVE:
        own = tomllib.loads((native.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        found += own["dependencies"]
    ours = {native.name for native in NATIVE}
    return [text for text in found if Requirement(text).name not in ours]


def compile_file(file: Path, extras: tuple[str, ...], upgrade: bool) -> None:
    """Resolves one file for all systems and processors."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    command += ["--python-version", PYTHON, "--output-file", str(file), *["--upgrade"] * upgrade, "-"]
    subprocess.run(command, cwd=ROOT, input="\n".join(wanted(extras)), text=True, check=True)
    file.write_text(HEAD + file.read_text(encoding="utf-8"), encoding="utf-8")


def main() -> None:
    """Writes all files."""
    for file, extras in LOCKED.items():
        file.parent.mkdir(exist_ok=True)
        compile_file(file, extras, "--upgrade" in sys.argv[1:])


if __name__ == "__main__":
    main()
