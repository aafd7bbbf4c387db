"""What a worker may do: compute, and read and write the descriptors it is given.

Resource limits hold everywhere. Where the kernel has Landlock and seccomp, and the native module is installed that
binds the crates ``landlock`` and ``seccompiler``, files and the network are closed too.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

__all__ = ["confine", "die_with_parent", "sandbox_state"]

_PR_SET_PDEATHSIG = 1
_OPEN_FILES = 256


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def confine(memory: int, readable: Sequence[str], nice: int = 0) -> None:
    """Close this process in, for good.

    Args:
        memory: address space beyond what is mapped now, in bytes; 0: no limit.
        readable: folders that may still be read.
        nice: by how much others come first.
    """
    os.nice(nice)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    if memory and (mapped := _mapped()):
        _limit(resource.RLIMIT_AS, mapped + memory)
    native = _native()
    if native is not None:
        native.confine(list(readable))


def sandbox_state() -> str:
    """In words, what holds workers in here besides resource limits."""
    native = _native()
    if native is None:
        return "resource limits only"
    return f"resource limits, {native.confinement()}"


def _native() -> ModuleType | None:
    with contextlib.suppress(ImportError):
        module = importlib.import_module("openmogr_pixels")
        if hasattr(module, "confine"):
            return module
    return None


def _limit(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (value, value))


def _mapped() -> int:
    """Address space of this process, in bytes; 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[0]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
