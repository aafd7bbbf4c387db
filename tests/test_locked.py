"""What the image and the tools of a release install: everything asked for, nothing unhashed, no address."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.release.distributions import NATIVE, ROOT
from tools.release.lock import LOCKED, wanted

FILES = pytest.mark.parametrize("file", list(LOCKED), ids=lambda path: path.name)


@cache
def locked(file: Path) -> dict[str, str]:
    """The version of each package."""
    lines = re.findall(r"^([a-z0-9._-]+)==(\S+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in lines}


@FILES
def test_all_that_is_asked_for_is_there_and_fits(file: Path) -> None:
    for text in wanted(LOCKED[file]):
        one = Requirement(text)
        version = locked(file).get(canonicalize_name(one.name))
        assert version is not None, f"{one.name} is missing; run: make lock"
        assert version in one.specifier, f"{one.name} {version} does not fit {text}; run: make lock"


@FILES
def test_every_package_has_hashes_and_nothing_has_an_address(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for block in re.split(r"\n(?=[a-z])", text.partition("\n")[2].strip()):
        name, *hashes = block.split("\\\n")
        assert re.match(r"[a-z0-9._-]+==", name), name
        assert hashes, name
        assert all(re.fullmatch(r" +--hash=sha256:[0-9a-f]{64} ?", line.rstrip()) for line in hashes), name
    assert "://" not in text


def test_only_one_flavour_has_heif() -> None:
    plain, heif = (locked(ROOT / "deploy" / "locked" / name) for name in ("plain.txt", "heif.txt"))
    assert set(heif) - set(plain) == {"pillow-heif"}
    assert "pillow-jxl-plugin" not in heif


def test_our_own_modules_are_built_and_not_downloaded() -> None:
    for file in LOCKED:
        assert not {native.name for native in NATIVE} & set(locked(file))


def test_the_build_system_of_the_service_is_locked() -> None:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = {Requirement(text).name for text in document["build-system"]["requires"]}
    assert needed <= set(locked(ROOT / "tools" / "release" / "requirements.txt"))
