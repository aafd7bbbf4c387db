"""How this copy of OpenMogr was installed, and so how an extra is added to it."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["how_to_add"]

# Written by deploy/Dockerfile; holds the flavours that there are of the image, named after extras.
IMAGE_MARK = Path("etc/openmogr-flavours")
# Extras that `make setup` leaves to whoever wants them; all others it installs, what is native built from the clone.
NOT_OF_A_CLONE = frozenset({"otel", "ray"})


def how_to_add(extra: str, *, root: Path = Path("/"), prefix: Path | None = None) -> str:
    """The command, or what else there is to do, after which an extra is there.

    Args:
        extra: its name, such as ``heif``.
        root: of the file system.
        prefix: of the environment; that of this interpreter by default.
    """
    prefix = Path(sys.prefix) if prefix is None else prefix
    if (root / IMAGE_MARK).exists():
        if extra in (root / IMAGE_MARK).read_text(encoding="utf-8").split():
            return f"take the image whose tag ends in -{extra}"
        return f"build an image with openmogr[{extra}], after deploy/Dockerfile"
    clone = _clone()
    if clone is not None:
        place = shlex.quote(str(clone))
        if extra in NOT_OF_A_CLONE:
            return f"{_pip()} install --editable {shlex.quote(f'{clone}[{extra}]')}"
        return f"make -C {place} setup"
    if (prefix / "uv-receipt.toml").exists():
        return f"uv tool install 'openmogr[{extra}]'"
    if (prefix / "pipx_metadata.json").exists():
        return f"pipx install --force 'openmogr[{extra}]'"
    return f"{_pip()} install 'openmogr[{extra}]'"


def _pip() -> str:
    return f"{shlex.quote(sys.executable)} -m pip"


def _clone() -> Path | None:
    """The folder that an editable installation runs from."""
    import importlib.metadata  # with the reading of mail and of zip files

    try:
        text = importlib.metadata.distribution("openmogr").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return None
    found = json.loads(text or "{}")
    if not found.get("dir_info", {}).get("editable"):
        return None
    return Path(unquote(urlsplit(found["url"]).path))
