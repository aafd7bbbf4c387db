"""What runs with ``--skip-existing`` have done, so that the next one does the rest."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import TypedDict, cast

from openmogr.cli._names import as_json
from openmogr.cli.compress.plan import Source, place_of
from openmogr.image import ImageSettings, Pipeline, encoder_versions, font_versions

__all__ = ["LEDGER_NAME", "Done", "Ledger", "key_of"]

LEDGER_NAME = ".openmogr-compress.jsonl"


class _Record(TypedDict):
    """One source that was done. Paths are relative to the folder of the ledger, times in nanoseconds since 1970."""

    source: str
    size: int
    mtime: int
    sha256: str
    key: str
    target: str | None
    target_size: int
    target_mtime: int


_KINDS: dict[str, type | UnionType] = {
    **dict.fromkeys(("source", "sha256", "key"), str),
    **dict.fromkeys(("size", "mtime", "target_size", "target_mtime"), int),
    "target": str | None,
}


def key_of(pipelines: Sequence[Pipeline], images: Mapping[str, Path], settings: ImageSettings) -> str:
    """A digest of all that a result depends on besides its source.

    Raises:
        OSError: one of ``images`` cannot be read.
    """
    from openmogr.api.results import settings_of_results

    told = [
        *(pipeline.normalised for pipeline in pipelines),
        *encoder_versions(),
        *font_versions(settings),
        settings_of_results(settings),
        *(f"{name} {_sha256(path)}" for name, path in sorted(images.items())),
    ]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Done:
    """What an earlier run did.

    Attributes:
        target: the output; None: the source is its own.
        size: of the output, in bytes.
    """

    target: Path | None
    size: int


class Ledger:
    """A file of JSON lines, one a source that was done; later lines replace earlier ones. Any thread may use it.

    Args:
        path: the file, made when there is something to record.
        key: that of :func:`key_of` for this run.

    Raises:
        OSError: it is there and cannot be read.
    """

    def __init__(self, path: Path, key: str) -> None:
        self._path = path
        self._folder = place_of(path.parent)
        self._key = key
        self._lock = threading.Lock()
        self._records: dict[str, _Record] = {}
        self._is_whole = True
        if path.exists():
            text = path.read_text(encoding="utf-8", errors="replace")
            # The last line of a run that was killed may be half a line.
            self._is_whole = text.endswith("\n")
            for line in text.split("\n"):
                if (record := _parsed(line)) is not None:
                    self._records[record["source"]] = record

    def done(self, source: Source, format_name: str | None) -> Done | None:
        """What an earlier run made of a source, if it is what this run would make and it is there; else None.

        By the record, if there is one; else an output that is not older than its source counts as made of it.
        """
        if source.is_stream:
            return None
        try:
            found = source.path.stat()
            record = self._records.get(self._relative(source.path))
            if record is None:
                target = source.copy() if format_name is None else source.target(format_name)
                if place_of(target) == place_of(source.path):
                    return None
                there = target.stat()
                return Done(target, there.st_size) if there.st_mtime_ns >= found.st_mtime_ns else None
            if record["key"] != self._key or record["size"] != found.st_size:
                return None
            done = Done(None, found.st_size)
            if record["target"] is not None:
                made = self._folder / record["target"]
                if made == place_of(source.path):
                    # Replaced by its own result.
                    return done if record["target_mtime"] == found.st_mtime_ns else None
                if made.stat().st_size != record["target_size"]:
                    return None
                done = Done(_as_given(source, made), record["target_size"])
            unchanged = record["mtime"] == found.st_mtime_ns or record["sha256"] == _sha256(source.path)
            return done if unchanged else None
        except OSError:
            return None

    def made(self, source: Source, target: Path) -> bool:
        """Whether an earlier run made ``target`` of this source, and nobody has changed it since."""
        record = self._records.get(self._relative(source.path))
        if source.is_stream or record is None or record["target"] != self._relative(target):
            return False
        try:
            found = target.stat()
        except OSError:
            return False
        return (found.st_size, found.st_mtime_ns) == (record["target_size"], record["target_mtime"])

    def record(self, source: Source, target: Path | None) -> None:
        """Remember what was just done; ``target`` is None where the source was kept.

        Raises:
            OSError: it cannot be written.
        """
        if source.is_stream:
            return
        found = source.path.stat()
        made = None if target is None else target.stat()
        record = _Record(
            source=self._relative(source.path),
            size=found.st_size,
            mtime=found.st_mtime_ns,
            sha256=_sha256(source.path),
            key=self._key,
            target=None if target is None else self._relative(target),
            target_size=0 if made is None else made.st_size,
            target_mtime=0 if made is None else made.st_mtime_ns,
        )
        with self._lock:
            self._records[record["source"]] = record
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as stream:
                if stream.tell() and not self._is_whole:
                    # Behind half a line it would be lost.
                    stream.write(b"\n")
                stream.write(as_json(record).encode() + b"\n")
                self._is_whole = True

    def _relative(self, path: Path) -> str:
        return os.path.relpath(place_of(path), self._folder)


def _parsed(line: str) -> _Record | None:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.keys() != _KINDS.keys():
        return None
    if not all(isinstance(told[name], kind) for name, kind in _KINDS.items()):
        return None
    return cast("_Record", told)


def _as_given(source: Source, made: Path) -> Path:
    """The path of an output in the words of this run, where it lies in the folder that this run writes to."""
    named = source.stem.with_name(made.name)
    return named if place_of(named) == made else made


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
