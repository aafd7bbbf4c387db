"""What ``openmogr doctor`` looks at: one function per concern, each giving findings in words."""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import io
import os
import platform
import resource
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from pydantic import BaseModel

from openmogr import __version__
from openmogr.cli._sizes import human_size
from openmogr.errors import CosError
from openmogr.installation import how_to_add
from openmogr.machine import available_processors
from openmogr.settings import Settings

if TYPE_CHECKING:
    from openmogr.image.formats.base import Format

__all__ = [
    "Finding",
    "State",
    "check_codecs",
    "check_fonts",
    "check_limits",
    "check_storage",
    "check_stores",
    "check_system",
    "licences",
]


class State(Enum):
    """How a finding is to be taken."""

    FINE = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    state: State
    subject: str
    text: str


_LICENCES = (
    ("openmogr", "Apache-2.0", ""),
    (
        "pillow",
        "MIT-CMU",
        "its wheels contain libjpeg-turbo, libwebp, libavif, libtiff and others.",
    ),
    ("numpy", "BSD-3-Clause", ""),
    ("uvicorn", "BSD-3-Clause", ""),
    ("httptools", "MIT", ""),
    ("uvloop", "MIT", ""),
    ("pydantic", "MIT", ""),
    ("defusedxml", "PSF-2.0", ""),
    ("python-multipart", "Apache-2.0", ""),
    ("fastcrc", "MIT", ""),
    ("click", "BSD-3-Clause", ""),
    ("rich", "MIT", ""),
    ("structlog", "MIT or Apache-2.0", ""),
    ("prometheus-client", "Apache-2.0", ""),
)


def check_system() -> Iterator[Finding]:
    """Interpreter, SQLite, processors, open files."""
    from openmogr.storage.embedded import SQLITE_NEEDED
    from openmogr.workers.sandbox import sandbox_state

    yield Finding(State.FINE, "openmogr", __version__)
    state = State.FINE if sys.version_info >= (3, 11) else State.MISSING
    yield Finding(state, "Python", f"{platform.python_version()} (3.11 or newer is needed)")
    state = State.FINE if sqlite3.sqlite_version_info >= SQLITE_NEEDED else State.MISSING
    needed = ".".join(map(str, SQLITE_NEEDED))
    yield Finding(state, "SQLite", f"{sqlite3.sqlite_version} ({needed} or newer is needed)")
    usable, there = available_processors(), os.cpu_count() or 1
    yield Finding(
        State.FINE, "processors", str(there) if usable == there else f"{usable} of {there} may be used"
    )
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files == resource.RLIM_INFINITY or files >= 1024:
        yield Finding(
            State.FINE, "open files", "no limit" if files == resource.RLIM_INFINITY else f"up to {files}"
        )
    else:
        yield Finding(State.NOTE, "open files", f"only up to {files}; raise it with ulimit -n 1024")
    held = sandbox_state()
    state = State.FINE if "Landlock" in held else State.NOTE
    yield Finding(state, "sandbox", f"workers are held by {held}")


def check_codecs(settings: Settings) -> Iterator[Finding]:
    """What scales and what finds faces, and every format, by writing a small image in it and reading that back."""
    from openmogr.image import native
    from openmogr.image.faces.detector import face_versions
    from openmogr.image.formats.registry import TARGETS

    if native.AVAILABLE:
        yield Finding(State.FINE, "pixels", f"openmogr-pixels {_version('openmogr-pixels')}")
    else:
        told = "without openmogr[pixels], two to three times slower for JPEG and PNG"
        yield Finding(State.NOTE, "pixels", f"{told}: {how_to_add('pixels')}")
    if found := face_versions():
        yield Finding(State.FINE, "faces", f"{found[0]}, for scrop")
    else:
        yield Finding(State.NOTE, "faces", f"scrop is not available: {how_to_add('faces')}")
    for name, target in TARGETS.items():
        problem = _try_format(name, settings)
        if not problem:
            library = _library_version(target.container)
            yield Finding(State.FINE, name, "reads and writes" + (f", {library}" if library else ""))
        elif (extra := target.container.extra) is not None:
            missing = f"needs openmogr[{extra.name}]: {how_to_add(extra.name)}"
            yield Finding(State.NOTE, name, problem if _importable(extra.module_name) else missing)
        else:
            yield Finding(State.MISSING, name, problem)


def _importable(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def _try_format(name: str, settings: Settings) -> str:
    """What is wrong with a format, in words; empty if nothing is."""
    from PIL import Image

    from openmogr.image import Processor, Source, parse_operation

    stream = io.BytesIO()
    Image.new("RGB", (32, 32), (200, 120, 40)).save(stream, "PNG")
    processor = Processor(settings.image)
    try:
        written = processor.execute(
            parse_operation(f"imageMogr2/format/{name}"), Source(data=stream.getvalue())
        )
    except CosError as error:
        return f"cannot be written: {error.message}"
    try:
        processor.execute(parse_operation("imageMogr2/format/png"), Source(data=written.data))
    except CosError as error:
        return f"can be written, but not read: {error.message}"
    return ""


def _library_version(container: Format) -> str:
    """What is behind a format, with its version; empty where that is nothing but Pillow."""
    from PIL import features

    if container.extra is not None:
        found = _version(container.extra.package)
        return "" if found is None else f"{container.extra.package} {found}"
    library = container.library
    if not library:
        return ""
    check = features.version_feature if library in features.features else features.version_codec
    version = features.version_module(library) if library in features.modules else check(library)
    return f"{library.replace('_', '-')} {version}" if version else ""


def check_storage(settings: Settings) -> Iterator[Finding]:
    """The data folder: access, space, contents; or the store."""
    from openmogr.storage import Backend
    from openmogr.storage.embedded import inspect_storage

    if settings.storage.backend is Backend.STORE:
        yield from _check_place(settings)
        return

    report = inspect_storage(settings.storage)
    if report.problem:
        yield Finding(State.MISSING, "data folder", report.problem)
        return
    words = "can be written" if report.exists else "is not there yet and will be made"
    use = ", and a server is using it now" if report.in_use else ""
    yield Finding(State.FINE, "data folder", f"{report.data} {words}{use}")
    largest = settings.storage.max_object_bytes
    if report.free >= largest:
        yield Finding(State.FINE, "free space", human_size(report.free))
    else:
        yield Finding(
            State.NOTE,
            "free space",
            f"{human_size(report.free)}, less than the largest object takes ({human_size(largest)})",
        )
    if report.objects is not None:
        yield Finding(State.FINE, "contents", f"{report.buckets} buckets, {report.objects} objects")


def _check_place(settings: Settings) -> Iterator[Finding]:
    from openmogr.storage.stores.opening import CannotOpen
    from openmogr.storage.stores.settings import GatewaySettings
    from openmogr.storage.stores.store import Limits, Store

    storage = settings.storage
    limits = Limits.of(GatewaySettings(timeout=storage.timeout), storage.chunk_bytes)
    try:
        asyncio.run(Store("storage", storage.place, limits).list_page("", "/", "", 1))
    except CannotOpen as error:
        yield Finding(State.MISSING, "store", str(error))
    except CosError as error:
        yield Finding(State.MISSING, "store", f"{storage.url}: {error.message} {error.detail}".rstrip())
    else:
        yield Finding(State.FINE, "store", f"{storage.url} answers")


def check_stores(settings: Settings) -> Iterator[Finding]:
    """Each bucket of the gateway: whether its store answers to a listing."""
    from openmogr.storage.stores.opening import CannotOpen
    from openmogr.storage.stores.store import Limits, Store

    gateway = settings.gateway
    for name, place in gateway.buckets.items():
        try:
            store = Store(name, place, Limits.of(gateway, settings.storage.chunk_bytes))
            asyncio.run(store.list_page("", "", "", 1))
        except CannotOpen as error:
            yield Finding(State.MISSING, name, str(error))
        except CosError as error:
            yield Finding(State.MISSING, name, f"{place.url}: {error.message} {error.detail}".rstrip())
        else:
            yield Finding(State.FINE, name, f"{place.url} answers, and is only read")


def check_limits(settings: Settings) -> Iterator[Finding]:
    """Every limit of images and storage, with the variable that sets it."""
    from openmogr.settings import environment_name

    sections: tuple[tuple[str, BaseModel], ...] = (("image", settings.image), ("storage", settings.storage))
    for section, model in sections:
        for name, field in type(model).model_fields.items():
            value = getattr(model, name)
            if isinstance(value, (int, float, tuple)):
                shown = ", ".join(value) if isinstance(value, tuple) else _number(value)
                text = f"{shown} – {(field.description or '').rstrip('.')}"
                yield Finding(State.FINE, environment_name(section, name), text)


def _number(value: float) -> str:
    return "yes" if value is True else "no" if value is False else f"{value:,}"


def check_fonts(settings: Settings) -> Iterator[Finding]:
    """What stands for the fonts of text watermarks."""
    from openmogr.image.text.faces import FONTS, Face
    from openmogr.image.text.fonts import find_font

    for face in Face:
        names = ", ".join(sorted(name for name, one in FONTS.items() if one is face))
        font = find_font(face, settings.image.fonts)
        if font is not None:
            yield Finding(State.FINE, face.name, f"{font.family} stands for {names}")
        else:
            told = (
                f"no font for {names}; install Debian's fonts-noto-cjk, or name its folder in [image] fonts"
            )
            yield Finding(State.NOTE, face.name, told)


def licences() -> Iterator[Finding]:
    """The licence of every package that is installed, and what follows from it."""
    from openmogr.image.formats.registry import CONTAINERS

    extras = [container.extra for container in CONTAINERS.values() if container.extra is not None]
    noted = tuple((extra.package, extra.licence, extra.remark) for extra in reversed(extras))
    for package, licence, remark in (*_LICENCES[:1], *noted, *_LICENCES[1:]):
        version = _version(package)
        if version is not None:
            state = State.NOTE if (package, licence, remark) in noted else State.FINE
            yield Finding(state, package, f"{version}, {licence}" + (f": {remark}" if remark else ""))


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
