"""What the module in a wheel is: for which system and processor, and which libraries it asks that system for."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.release.archives import content, names

__all__ = ["Module", "problems_of_abi", "problems_of_module", "read_module"]

# What every such system has, or its Python; GNU's C library is looked at by auditwheel, which knows its versions too.
LIBRARIES: Mapping[str, str] = {
    "linux-gnu": r".+",
    # The one library that musl consists of, by its two names.
    "linux-musl": r"libc\.so|libc\.musl-\w+\.so\.1",
    # Rust asks for iconv, which comes with the system, and Zig then for what that consists of.
    "apple-darwin": r"/usr/lib/lib(System\.B|iconv\.2|charset\.1)\.dylib",
    "windows-msvc": r"(api-ms-win-[\w-]+|kernel32|ntdll|bcryptprimitives|advapi32|ws2_32|userenv|vcruntime140|python3"
    r"|python314t)\.dll",
}
KINDS = {"linux": "ELF", "apple": "Mach-O", "windows": "PE"}


@dataclass(frozen=True, slots=True)
class Module:
    """A module as its file says.

    Attributes:
        kind: ``ELF``, ``Mach-O`` or ``PE``.
        machine: ``x86_64`` or ``aarch64``, or what else it is called.
        libraries: those that it is linked with.
        oldest: of macOS, the oldest that it is for; None elsewhere.
        signed: of macOS, whether it has a signature, without which ARM loads nothing.
    """

    kind: str
    machine: str
    libraries: frozenset[str]
    oldest: tuple[int, int] | None = None
    signed: bool = False


def read_module(archive: Path) -> Module:
    """The one module in a wheel.

    Raises:
        ValueError: it is no module of any system.
    """
    import lief

    (name,) = [one for one in names(archive) if re.search(r"\.(so|pyd)$", one)]
    found: Any = lief.parse(content(archive, name))
    if isinstance(found, lief.ELF.Binary):
        machine = {"X86_64": "x86_64", "AARCH64": "aarch64"}.get(found.header.machine_type.name, "other")
        return Module("ELF", machine, frozenset(map(str, found.libraries)))
    if isinstance(found, lief.PE.Binary):
        machine = {"AMD64": "x86_64", "ARM64": "aarch64"}.get(found.header.machine.name, "other")
        return Module("PE", machine, frozenset(str(one.name) for one in found.imports))
    if isinstance(found, lief.MachO.Binary):
        machine = {"X86_64": "x86_64", "ARM64": "aarch64"}.get(found.header.cpu_type.name, "other")
        # Its own name stands among them first.
        own = lief.MachO.LoadCommand.TYPE.ID_DYLIB
        libraries = {str(one.name) for one in found.libraries if one.command != own}
        lowest: Any = found.build_version.minos if found.build_version else None
        if found.version_min is not None:
            lowest = found.version_min.version
        oldest = (lowest[0], lowest[1]) if lowest else None
        return Module("Mach-O", machine, frozenset(libraries), oldest, bool(found.has_code_signature))
    raise ValueError(f"{name} is no module")


def problems_of_module(archive: Path, target: str) -> list[str]:
    """What about the module in a wheel does not go with its target, in words."""
    try:
        module = read_module(archive)
    except ValueError as error:
        return [str(error)]
    machine, _, _system = target.split("-", 2)
    wanted = next(kind for name, kind in KINDS.items() if name in target)
    if (module.kind, module.machine) != (wanted, machine):
        return [f"is {module.kind} for {module.machine}, wanted is {wanted} for {machine}"]
    pattern = next(one for end, one in LIBRARIES.items() if target.endswith(end))
    found = [
        f"needs {name}" for name in sorted(module.libraries) if not re.fullmatch(pattern, name, re.IGNORECASE)
    ]
    if module.kind == "Mach-O":
        tagged = re.search(r"-macosx_(\d+)_(\d+)_", archive.name)
        if tagged is None or module.oldest is None or module.oldest > (int(tagged[1]), int(tagged[2])):
            found.append(f"is for macOS {module.oldest}, and its name says otherwise")
        if machine == "aarch64" and not module.signed:
            found.append("has no signature, without which macOS on ARM does not load it")
    return found


def problems_of_abi(archive: Path) -> list[str]:
    """What a wheel of the stable ABI takes of Python beyond it, as abi3audit sees it."""
    if "-abi3-" not in archive.name:
        return []
    command = [sys.executable, "-m", "abi3audit", "--strict", "--summary", str(archive)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [f"abi3audit: {' '.join((done.stdout + done.stderr).split())}"] if done.returncode else []
