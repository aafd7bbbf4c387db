"""Which files are compressed, and where their outputs go."""

from __future__ import annotations

import glob
import os
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from openmogr.cli._names import is_file, is_folder, is_link, is_there
from openmogr.image.formats.registry import SUFFIXES, TARGETS

__all__ = [
    "STANDARD_INPUT",
    "STANDARD_OUTPUT",
    "Destination",
    "Source",
    "find_sources",
    "is_special",
    "place_of",
    "suffix_of",
]

STANDARD_INPUT = STANDARD_OUTPUT = Path("-")


@dataclass(frozen=True, slots=True)
class Source:
    """A file to compress, and the path (without suffix) of what is made of it.

    Attributes:
        path: the file; ``STANDARD_INPUT`` for what comes from there.
        file: the one path of the output, whatever its format; None: after ``stem``.
    """

    path: Path
    stem: Path
    file: Path | None = None

    @property
    def is_stream(self) -> bool:
        """Whether it is the standard input."""
        return self.path == STANDARD_INPUT

    def target(self, format_name: str, *, named: bool = True) -> Path:
        """The output's path for a format. What has the format already keeps its own suffix, as it is written.

        Args:
            named: somebody asked for the format by this name, to which not all suffixes of its kind belong.
        """
        own = self.path.suffix.lower()
        if own in (_suffixes_of(format_name) if named else _suffixes_of_kind(format_name)):
            return self.copy()
        return self.file or self.stem.with_name(self.stem.name + suffix_of(format_name))

    def copy(self) -> Path:
        """The output's path for the source itself."""
        return self.file or self.stem.with_name(self.stem.name + self.path.suffix)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where outputs go.

    Attributes:
        folder: repeats the shape of the folders given; None: beside the sources.
        file: of the one output; None: many, or named after their sources.
        suffix: what stands behind the name of the source.
        format: that of all outputs; None: it depends on the source.
        formats: those of which each output has one; empty: there is no such choice.
    """

    folder: Path | None = None
    file: Path | None = None
    suffix: str = ""
    format: str | None = None
    formats: tuple[str, ...] = ()


def place_of(path: Path) -> Path:
    """Where a path leads to, as far as links can be followed: a loop of them is found by whoever opens it."""
    return Path(os.path.realpath(path))


class _Places:
    """:func:`place_of` of many paths, whose folders are followed once."""

    def __init__(self) -> None:
        self._folders: dict[Path, Path] = {}

    def __call__(self, path: Path) -> Path:
        if path.name in ("", "..") or is_link(path):
            return place_of(path)
        folder = self._folders.get(path.parent)
        if folder is None:
            folder = self._folders[path.parent] = place_of(path.parent)
        return folder / path.name


def suffix_of(format_name: str) -> str:
    """The suffix of a format's files."""
    return _suffixes_of(format_name)[0]


def _suffixes_of(format_name: str) -> tuple[str, ...]:
    name = format_name.lower()
    return TARGETS[name].suffixes if name in TARGETS else (f".{name}",)


def _suffixes_of_kind(format_name: str) -> set[str]:
    """Those of all names of a format, and of others of one kind: animations mostly have that of stills."""
    name = format_name.lower()
    if name not in TARGETS:
        return set(_suffixes_of(name))
    kind = TARGETS[name].container.pillow
    return {
        suffix for target in TARGETS.values() if target.container.pillow == kind for suffix in target.suffixes
    }


def find_sources(
    paths: Sequence[Path], destination: Destination, *, recursive: bool, overwrite: bool
) -> tuple[list[Source], int]:
    """All files named, and all images in the folders named, each once. A path with ``*``, ``?`` or ``[`` that does not
    exist is a pattern, in which ``**`` stands for any folders.

    Hidden files, symbolic links to folders, and the folder of the outputs are passed over; so are, where outputs lie
    beside their sources, files in folders that are of their format already, or have their suffix.

    Returns:
        The sources in order, and how many were passed over as being of the format.
    """
    leave, places = None, _Places()
    if destination.format is not None and not overwrite:
        leave = SUFFIXES.get(suffix_of(destination.format))
    found: dict[Path, Source] = {}
    left = 0
    for path, root, named in _listed(paths, destination.folder, recursive=recursive):
        stem = _stem(path, root, destination)
        # Also where the folder of the outputs is that of the sources.
        if not named and (destination.folder is None or places(stem.parent) == places(path.parent)):
            if destination.suffix:
                if path.stem.endswith(destination.suffix):
                    continue
            elif leave is not None and SUFFIXES[path.suffix.lower()] == leave:
                left += 1
                continue
        found.setdefault(places(path), Source(path, stem, destination.file))
    return list(_apart(list(found.values()), destination, places)), left


def _listed(paths: Sequence[Path], out: Path | None, *, recursive: bool) -> Iterator[tuple[Path, Path, bool]]:
    """Files, the folders whose shape their outputs repeat, and whether they were named one by one."""
    for path in paths:
        if is_folder(path):
            closed: list[Path] = []
            for file in _walk(path, out, closed, recursive=recursive):
                yield file, path, False
            # Reported as files that cannot be read.
            yield from ((folder, folder.parent, True) for folder in closed)
        elif path != STANDARD_INPUT and not is_there(path) and glob.has_magic(str(path)):
            root = _fixed_part(path)
            matches = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 - patterns may be absolute
            if not matches:
                # Reported as a file that is not there.
                yield path, path.parent, True
            for file in matches:
                if is_file(file) and file.suffix.lower() in SUFFIXES and not _strays(path, file, root):
                    yield file, root, False
        else:
            yield path, path.parent, True


def _strays(pattern: Path, file: Path, root: Path) -> bool:
    """Whether ``**`` went through a link to a folder."""
    below = file.relative_to(root).parents
    return "**" in pattern.parts and any((root / folder).is_symlink() for folder in list(below)[:-1])


def _fixed_part(pattern: Path) -> Path:
    parts = []
    for part in pattern.parent.parts:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts)


def _stem(path: Path, root: Path, destination: Destination) -> Path:
    folder = path.parent if destination.folder is None else destination.folder / path.parent.relative_to(root)
    return folder / (path.stem + destination.suffix)


def _walk(folder: Path, out: Path | None, closed: list[Path], *, recursive: bool) -> Iterator[Path]:
    """The images in a folder; what folders cannot be read is put into ``closed``."""
    excluded = None if out is None else place_of(out)
    for place, folders, files in os.walk(folder, onerror=lambda error: closed.append(Path(error.filename))):
        here = Path(place)
        folders[:] = sorted(
            name
            for name in folders
            if recursive and not name.startswith(".") and place_of(here / name) != excluded
        )
        for name in sorted(files):
            if (
                not name.startswith(".")
                and Path(name).suffix.lower() in SUFFIXES
                and not is_special(here / name)
            ):
                yield here / name


def is_special(path: Path) -> bool:
    """Whether it is a pipe, a device or a socket, which may be waited for without end, and is never replaced; what
    leads nowhere is not.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _apart(sources: Sequence[Source], destination: Destination, places: _Places) -> Iterator[Source]:
    """The sources with names of outputs that differ, and not in their case alone: some file systems do not tell that.

    Whose output takes its own place has that name; else the first source has it. The next keeps its own suffix before
    the new one (``a.bmp.webp``), and where that is taken too, gets a number (``a.bmp-2.webp``). Where one of several
    formats comes out, names differ without their suffixes.
    """
    if destination.file is not None:
        yield from sources
        return

    def folded(source: Source) -> str:
        """The same for all outputs that some file system takes for one."""
        expected = places(_expected(source, destination))
        return unicodedata.normalize("NFC", str(expected).casefold())

    own = [_is_own(source, destination, places) for source in sources]
    taken = {folded(source) for source, is_own in zip(sources, own, strict=True) if is_own}
    for source, is_own in zip(sources, own, strict=True):
        for named in _named(source, destination.suffix):
            place = folded(named)
            if (is_own and named is source) or place not in taken:
                taken.add(place)
                yield named
                break


def _is_own(source: Source, destination: Destination, places: _Places) -> bool:
    """Whether the output of a source may take its place, as far as names tell."""
    if source.is_stream:
        return False
    expected = _expected(source, destination)
    if destination.formats:
        own = SUFFIXES.get(source.path.suffix.lower())
        expected = expected.with_name(expected.name + source.path.suffix)
        if own not in {TARGETS[name].container.name for name in destination.formats}:
            return False
    return places(expected) == places(source.path)


def _named(source: Source, suffix: str) -> Iterator[Source]:
    yield source
    number = 1
    while True:
        name = source.path.name + suffix + (f"-{number}" if number > 1 else "")
        yield Source(source.path, source.stem.with_name(name), source.file)
        number += 1


def _expected(source: Source, destination: Destination) -> Path:
    """Where the output will be, as far as names tell; without its suffix where that depends on the result."""
    if destination.formats:
        return source.stem
    return source.copy() if destination.format is None else source.target(destination.format)
