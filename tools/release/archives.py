"""What is in wheels and source distributions, and what has to be."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

from tools.release.distributions import DECODER, NATIVE, ROOT, Native
from tools.third_party import linked, read_crates

__all__ = [
    "NOTICES",
    "components",
    "content",
    "crates_of_notices",
    "has_decoder",
    "names",
    "problems_of_paths",
    "problems_of_source",
    "problems_of_wheel",
    "text",
    "tracked",
]

NOTICES = ("LICENSE", "THIRD_PARTY.txt")

# Everything that a source distribution of a native module has from its folder, and all that there is of it.
NATIVE_SOURCES = (
    r"(Cargo\.(toml|lock)|pyproject\.toml|README\.md|LICENSE|THIRD_PARTY\.txt)",
    r"python/\w+/\w+(\.pyi?|\.typed)",
    r"(?!fuzz|wasm)\w+/Cargo\.toml",
    r"(?!fuzz|wasm)\w+/(src|tests|examples)/.+\.rs",
)
# The same of the service, from the root.
SERVICE_SOURCES = (
    r"src/.+",
    r"(CHANGELOG\.md|README\.md|LICENSE|THIRD_PARTY\.txt|pyproject\.toml)",
    # Hatch adds it, so that a build from the source distribution leaves the same out.
    r"\.gitignore",
)


def names(archive: Path) -> set[str]:
    """The files in a wheel or, without the folder they lie in, in a source distribution."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return set(wheel.namelist())
    with tarfile.open(archive) as source:
        return {member.name.partition("/")[2] for member in source if member.isfile()}


def content(archive: Path, ending: str) -> bytes:
    """The content of the one file with that end."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            (name,) = [name for name in wheel.namelist() if name.endswith(ending)]
            return wheel.read(name)
    with tarfile.open(archive) as source:
        (member,) = [member for member in source if member.name.endswith(ending)]
        file = source.extractfile(member)
        assert file is not None
        return file.read()


def text(archive: Path, ending: str) -> str:
    """The text of the one file with that end."""
    return content(archive, ending).decode()


def tracked(folder: Path) -> set[str]:
    """The files below a folder that belong to the repository, as paths in it."""
    listed = subprocess.run(["git", "ls-files", "."], cwd=folder, capture_output=True, text=True, check=True)
    return set(listed.stdout.split("\n")) - {""}


def native_of(name: str) -> Native | None:
    """The native module of a distribution, or None for the service."""
    return next((native for native in NATIVE if native.name == name), None)


def crates_of_notices(notices: str) -> set[str]:
    """The crates that a file of notices names, as ``name version``."""
    return set(re.findall(r"^-{100}\n(\S+ \S+)\n", notices, re.MULTILINE))


def components(archive: Path) -> set[str]:
    """What the bill of materials in a wheel names, as ``name version``."""
    document = json.loads(text(archive, ".cyclonedx.json"))
    return {f"{component['name']} {component['version']}" for component in document["components"]}


def has_decoder(archive: Path) -> bool:
    """Whether an archive of the service has the decoder of the console, or some of it: it may be without."""
    return any("openmogr/console/decoder/" in name for name in names(archive))


def problems_of_source(name: str, archive: Path) -> list[str]:
    """What a source distribution has too much or too little, in words."""
    native = native_of(name)
    folder, patterns = (ROOT, SERVICE_SOURCES) if native is None else (native.folder, NATIVE_SOURCES)
    wanted = {path for path in tracked(folder) if any(re.fullmatch(one, path) for one in patterns)}
    if native is None and has_decoder(archive):
        wanted |= {f"src/{path}" for path in DECODER}
    return differences(wanted | {"PKG-INFO"}, names(archive)) + problems_of_notices(native, archive)


def problems_of_wheel(name: str, archive: Path, target: str | None = None) -> list[str]:
    """What a wheel has too much or too little, in words; ``target`` is what its module was compiled for, if for one."""
    native = native_of(name)
    found = names(archive)
    info = "-".join(archive.name.split("-")[:2]) + ".dist-info"
    wanted = {f"{info}/{one}" for one in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")}
    wanted |= {f"{info}/licenses/{one}" for one in NOTICES}
    if native is None:
        wanted |= {path.removeprefix("src/") for path in tracked(ROOT) if path.startswith("src/")}
        wanted |= DECODER if has_decoder(archive) else set()
        return differences(wanted, found) + problems_of_notices(native, archive)
    if not (native.folder / "python" / native.package / "__main__.py").exists():
        wanted.discard(f"{info}/entry_points.txt")
    code = {path for path in tracked(native.folder) if path.startswith("python/")}
    wanted |= {path.removeprefix("python/") for path in code}
    wanted.add(f"{info}/sboms/{native.binding}.cyclonedx.json")
    module = rf"{native.package}/_{native.package}\.[\w.-]*(so|pyd)"
    modules = {one for one in found if re.fullmatch(module, one)}
    problems = differences(wanted, found - modules) + problems_of_notices(native, archive)
    if len(modules) != 1:
        problems.append(f"there are {len(modules)} modules where one is wanted")
    crates = linked(read_crates(native.folder, target), native.binding)
    missing = {f"{crate.name} {crate.version}" for crate in crates} - components(archive)
    problems += [f"the bill of materials lacks {crate}" for crate in sorted(missing)]
    return problems


def problems_of_paths(archive: Path) -> list[str]:
    """Which folders of this machine the module in a wheel names."""
    module = next(one for one in names(archive) if re.search(r"\.(so|pyd)$", one))
    data = content(archive, module)
    return [
        f"the module names {place}"
        for place in (str(ROOT), str(Path.home()))
        if place.encode() + b"/" in data
    ]


def problems_of_notices(native: Native | None, archive: Path) -> list[str]:
    folder = ROOT if native is None else native.folder
    return [
        f"{one} is not that of the repository"
        for one in NOTICES
        if content(archive, f"/{one}") != (folder / one).read_bytes()
    ]


def differences(wanted: set[str], found: set[str]) -> list[str]:
    return [f"lacks {one}" for one in sorted(wanted - found)] + [
        f"holds {one}" for one in sorted(found - wanted)
    ]
