"""Which files are compressed, and where their outputs go."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from openmogr.image.formats.registry import SUFFIXES, TARGETS

__all__ = ["Source", "find_sources", "suffix_of"]


@dataclass(frozen=True, slots=True)
class Source:
    """A file to compress, and the path (without suffix) of what is made of it."""

    path: Path
    stem: Path

    def target(self, format_name: str) -> Path:
        """The output's path for a format."""
        return self.stem.with_name(self.stem.name + suffix_of(format_name))


def suffix_of(format_name: str) -> str:
    """The suffix of a format's files."""
    name = format_name.lower()
    return TARGETS[name].suffixes[0] if name in TARGETS else f".{name}"


def find_sources(paths: Sequence[Path], out: Path | None, leave: str | None) -> tuple[list[Source], int]:
    """All files named, and all images in the folders named, each once.

    Hidden files, symbolic links to folders, and the folder of the outputs are passed over.

    Args:
        out: the folder of the outputs, which repeats the shape of the folders; None: beside the sources.
        leave: pass over files in folders that have this format already; None for none.

    Returns:
        The sources in order, and how many were passed over because of ``leave``.
    """
    sources: dict[Path, Source] = {}
    left = 0
    for path in paths:
        if not path.is_dir():
            sources.setdefault(path.resolve(), Source(path, _stem(path, path.parent, out)))
            continue
        for found in _walk(path, out):
            if leave is not None and SUFFIXES[found.suffix.lower()] == leave:
                left += 1
            else:
                sources.setdefault(found.resolve(), Source(found, _stem(found, path, out)))
    return list(sources.values()), left


def _stem(path: Path, root: Path, out: Path | None) -> Path:
    folder = path.parent if out is None else out / path.parent.relative_to(root)
    return folder / path.stem


def _walk(folder: Path, out: Path | None) -> Iterator[Path]:
    excluded = None if out is None else out.resolve()
    for place, folders, files in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and (here / name).resolve() != excluded
        )
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield here / name
