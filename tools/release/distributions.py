"""The distributions that are released: where each is, where its version stands, and what its wheels are built for."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DECODER", "NATIVE", "ROOT", "TARGETS", "VERSIONS", "Native", "Target", "version_of_release"]

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Native:
    """A distribution with a module in Rust.

    Attributes:
        name: of the distribution.
        folder: where its ``pyproject.toml`` is.
        package: what is imported.
        binding: the crate that Python loads.
    """

    name: str
    folder: Path
    package: str
    binding: str


NATIVE = (
    Native("pillow-tpg", ROOT / "codec", "pillow_tpg", "pillow-tpg-binding"),
    Native("openmogr-pixels", ROOT / "pixels", "openmogr_pixels", "openmogr-pixels-binding"),
)


# What `make wasm` builds for the console, as paths in `src`; a release has all of it.
DECODER = frozenset(
    f"openmogr/console/decoder/{name}"
    for name in (
        "THIRD_PARTY_DECODER.txt",
        "decode.js",
        "dist/tpg_decode.js",
        "dist/tpg_decode_bg.wasm",
        "load.js",
        "png.js",
        "reader.js",
    )
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a wheel is built for.

    Attributes:
        policy: the oldest C library, as maturin's ``--compatibility`` has it; None where systems have no such.
        tag: what platform tags of its wheels look like, a regular expression.
        elsewhere: what Rust calls it where Zig links for it on another system; None if that is the same.
    """

    policy: str | None
    tag: str
    elsewhere: str | None = None


# Linux is compiled and linked by Zig against the C library of the policy, on whatever machine the build runs. A release
# builds for macOS and Windows where they run; elsewhere Zig builds for them too, to be looked at.
TARGETS: Mapping[str, Target] = {
    "x86_64-unknown-linux-gnu": Target("manylinux_2_28", r"manylinux_2_28_x86_64"),
    "aarch64-unknown-linux-gnu": Target("manylinux_2_28", r"manylinux_2_28_aarch64"),
    "x86_64-unknown-linux-musl": Target("musllinux_1_2", r"musllinux_1_2_x86_64"),
    "aarch64-unknown-linux-musl": Target("musllinux_1_2", r"musllinux_1_2_aarch64"),
    "x86_64-apple-darwin": Target(None, r"macosx_\d+_\d+_x86_64"),
    "aarch64-apple-darwin": Target(None, r"macosx_\d+_\d+_arm64"),
    "x86_64-pc-windows-msvc": Target(None, r"win_amd64", "x86_64-pc-windows-gnu"),
}


def _python(path: Path) -> str:
    (version,) = re.findall(r'^__version__ = "(.+)"$', path.read_text(encoding="utf-8"), re.MULTILINE)
    return str(version)


def _workspace(path: Path) -> str:
    return str(tomllib.loads(path.read_text(encoding="utf-8"))["workspace"]["package"]["version"])


def _crate(path: Path) -> str:
    return str(tomllib.loads(path.read_text(encoding="utf-8"))["package"]["version"])


def _npm(path: Path) -> str:
    return str(json.loads(path.read_text(encoding="utf-8"))["version"])


# The one place of each version. All are equal: one tag releases everything.
VERSIONS: Mapping[str, tuple[Path, Callable[[Path], str]]] = {
    "openmogr": (ROOT / "src" / "openmogr" / "__init__.py", _python),
    "pillow-tpg": (ROOT / "codec" / "Cargo.toml", _workspace),
    "openmogr-pixels": (ROOT / "pixels" / "Cargo.toml", _workspace),
    "tpg-wasm": (ROOT / "codec" / "wasm" / "Cargo.toml", _crate),
    "@openmogr/tpg": (ROOT / "codec" / "wasm" / "npm" / "package.json", _npm),
}


def version_of_release() -> str:
    """The version that all distributions have.

    Raises:
        SystemExit: they differ; the message says which has which.
    """
    found = {name: read(path) for name, (path, read) in VERSIONS.items()}
    if len(set(found.values())) != 1:
        raise SystemExit(f"versions differ: {found}")
    return found["openmogr"]
