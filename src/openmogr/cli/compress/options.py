"""What may be wished of ``openmogr compress``, checked and put into the words of the parts that do it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openmogr.cli._names import is_file
from openmogr.cli._sizes import size_in_bytes

if TYPE_CHECKING:
    from openmogr.cli.compress.plan import Destination
    from openmogr.cli.compress.run import Rules, Savings, Work
    from openmogr.image import Pipeline

__all__ = [
    "Options",
    "check_formats",
    "check_images",
    "check_max_size",
    "check_quality",
    "check_resize",
    "check_savings",
]

_QUALITY = re.compile(r"(?:[1-9][0-9]?|100)!?|auto")
_RESIZE = re.compile(r"([1-9][0-9]*)?x([1-9][0-9]*)?|([1-9][0-9]{0,3})%")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command, under the names of its parameters, checked one by one."""

    paths: tuple[Path, ...]
    formats: tuple[str, ...]
    quality: str | None
    target_score: int | None
    max_size: str | None
    effort: int | None
    lossless: bool
    resize: str | None
    enlarge: bool
    metadata: str
    icc: str
    operation: str | None
    images: Mapping[str, Path]
    output: Path | None
    out: Path | None
    suffix: str
    recursive: bool
    overwrite: str
    skip_existing: bool
    write_larger: bool
    min_savings: Savings | None
    keep_dates: bool
    keep_orientation: bool
    dry_run: bool
    jobs: int
    score: bool
    quiet: bool
    json: bool
    compare: Path | None

    def check(self) -> None:
        """Raises ``click.UsageError`` where options contradict each other."""
        stream = Path("-")
        if self.output is not None and (self.out is not None or self.suffix):
            raise click.UsageError("--output names the one output; --out and --suffix are for many.")
        if self.output is not None and len(self.paths) > 1:
            raise click.UsageError("--output names one output, but there are several sources; say --out DIR.")
        if "/" in self.suffix or os.sep in self.suffix:
            raise click.UsageError("--suffix is a part of names, which cannot hold a slash; say --out DIR.")
        if stream in self.paths and len(self.paths) > 1:
            raise click.UsageError("The standard input is one picture; no other can be named beside it.")
        if stream in self.paths and self.output is None:
            raise click.UsageError(
                "Say where the output goes: --output FILE, or --output - for the standard output."
            )
        if self.output == stream and (self.json or self.compare is not None):
            raise click.UsageError("The standard output cannot hold the picture and a report.")
        if self.lossless and (self.quality is not None or self.target_score is not None):
            raise click.UsageError("--lossless leaves nothing to --quality and --target-ssimulacra2.")
        if self.quality is not None and self.target_score is not None:
            raise click.UsageError("Say either --quality or --target-ssimulacra2.")
        if self.enlarge and self.resize is None:
            raise click.UsageError("--enlarge is for --resize.")
        if self.resize is not None and not self.enlarge and _percent(self.resize) > 100:
            raise click.UsageError("--resize enlarges pictures only with --enlarge.")

    @property
    def format(self) -> str | None:
        """The one format that was named, or that of the one output; None: several may come out, or it depends."""
        if len(self.formats) == 1:
            return self.formats[0]
        if not self.formats and self.output is not None:
            return _format_of(self.output)
        return None

    def work(self, stages: int) -> Work:
        """The pipelines.

        Args:
            stages: the most that an operation may have.

        Raises:
            click.UsageError: nothing is wished, or it cannot be understood.
        """
        from openmogr.cli.compress.images import check_names, with_names
        from openmogr.cli.compress.run import Work
        from openmogr.image.formats.registry import TARGETS

        formats: list[str | None] = [self.format] if self.format is not None else [*self.formats] or [None]
        operation = with_names(self.operation or "", self.images)
        texts = [_text(operation, self._stage(name)) for name in formats]
        if not all(texts):
            raise click.UsageError("Say what to do: --format, --op, --quality, --resize or another.")
        pipelines = [
            replace(
                _pipeline(text, stages),
                scored=self.score or self.target_score is not None,
                upright=not self.keep_orientation,
            )
            for text in texts
        ]
        if self.score and any(pipeline.slim for pipeline in pipelines):
            raise click.UsageError("--score does not go with imageSlim.")
        check_names(pipelines[0], self.images)
        named = self.format or (pipelines[0].encoding.format if len(pipelines) == 1 else None)
        return Work(pipelines, self.images, named if named in TARGETS else None)

    def destination(self, format_name: str | None) -> Destination:
        """Where outputs go, whose format may be known."""
        from openmogr.cli.compress.plan import Destination

        formats = self.formats if len(self.formats) > 1 else ()
        return Destination(self.out, self.output, self.suffix, format_name, formats)

    def rules(self) -> Rules:
        """What may be written."""
        from openmogr.cli.compress.run import Overwrite, Rules

        return Rules(
            overwrite=Overwrite(self.overwrite),
            write_larger=self.write_larger,
            savings=self.min_savings,
            keep_dates=self.keep_dates,
            dry=self.dry_run,
            max_size=None if self.max_size is None else int(self.max_size[:-1]) << 10,
            min_score=self.target_score,
        )

    def _thumbnail(self) -> str | None:
        if self.resize is None:
            return None
        if percent := _percent(self.resize):
            return f"!{percent}p"
        return self.resize if self.enlarge else f"{self.resize}>"

    def _auto_orient(self) -> int | None:
        """Before what tells sides apart, pictures are turned upright; all else may stay as it is stored."""
        if self.keep_orientation:
            return 0
        width, by, height = (self.resize or "").partition("x")
        return 1 if by and width != height else None

    def _stage(self, format_name: str | None) -> str:
        parts = {
            "auto-orient": self._auto_orient(),
            "thumbnail": self._thumbnail(),
            "format": format_name,
            "quality": self.quality,
            "target-ssimulacra2": self.target_score,
            "size-limit": self.max_size,
            "effort": self.effort,
            "lossless": 1 if self.lossless else None,
            "metadata": None if self.metadata == "all" else self.metadata,
            "icc": None if self.icc == "srgb" else self.icc,
        }
        told = "/".join(f"{name}/{value}" for name, value in parts.items() if value is not None)
        return f"imageMogr2/{told}" if told else ""


def _text(operation: str, stage: str) -> str:
    return "|".join(part for part in (operation, stage) if part)


def _pipeline(text: str, stages: int) -> Pipeline:
    """The pipeline of a text. Raises ``click.UsageError``."""
    from openmogr.errors import InvalidArgument, NotImplementedHere, NotSupported
    from openmogr.image import parse_operation

    try:
        return parse_operation(text, strict=True, max_stages=stages)
    except (InvalidArgument, NotImplementedHere, NotSupported) as error:
        raise click.UsageError(f"The operation {text} cannot be understood: {error.message}") from error


def _format_of(path: Path) -> str | None:
    """The format that the suffix of an output names.

    Raises:
        click.UsageError: it names none.
    """
    from openmogr.image.formats.registry import SUFFIXES, TARGETS

    if path == Path("-"):
        return None
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise click.UsageError(f"{path}: its suffix names no format; say --format.")
    # One format may have several names, and suffixes of its own besides them.
    return suffix[1:] if suffix[1:] in TARGETS else SUFFIXES[suffix]


def _percent(size: str) -> int:
    """That of a size in percent, 0 for others."""
    return int(size[:-1]) if size.endswith("%") else 0


def check_formats(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Names of formats with commas between, or ``auto``."""
    from openmogr.image.formats.registry import CONTAINERS, TARGETS

    if value is None:
        return ()
    names = tuple(dict.fromkeys(name.strip().lower().lstrip(".") for name in value.split(",")))
    if names == ("auto",):
        return tuple(name for name, container in CONTAINERS.items() if container.candidate)
    for name in names:
        if name not in TARGETS:
            raise click.BadParameter(f"{name or value} is not one of {', '.join(sorted(TARGETS))}.")
    return names


def check_quality(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """1 to 100, with or without ``!``, or ``auto``."""
    if value is not None and not _QUALITY.fullmatch(value):
        raise click.BadParameter(f"{value} is not a number from 1 to 100, with or without '!', or auto.")
    return value


def check_resize(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """``WxH``, ``Wx``, ``xH`` or a percentage."""
    if value is None:
        return None
    match = _RESIZE.fullmatch(value.lower())
    if match is None or value.lower() == "x":
        raise click.BadParameter(f"{value} is not a size as 1600x1600, 1600x, x1600 or 50%.")
    return value.lower()


def check_max_size(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A size in bytes, as ``size-limit`` takes it: in KiB."""
    if value is None:
        return None
    try:
        size = size_in_bytes(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None
    if size < 1024:
        raise click.BadParameter("at least 1k.")
    return f"{size // 1024}k"


def check_savings(context: click.Context, parameter: click.Parameter, value: str | None) -> Savings | None:
    """A percentage or a size."""
    from openmogr.cli.compress.run import Savings

    if value is None:
        return None
    try:
        if value.endswith("%"):
            percent = float(value[:-1])
            if not 0 <= percent < 100:
                raise ValueError(f"{value} is not from 0% to 99%")
            return Savings(percent=percent)
        return Savings(size=size_in_bytes(value))
    except ValueError as error:
        raise click.BadParameter(f"{error}; say a percentage as 5%, or a size as 10k.") from None


def check_images(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, Path]:
    """Names and files."""
    images: dict[str, Path] = {}
    for value in values:
        name, equals, file = value.partition("=")
        if not name or not equals or not is_file(Path(file)):
            raise click.BadParameter(f"{value} is not a name and a file that exists, as in logo=logo.png.")
        if name in images:
            raise click.BadParameter(f"{name} is given twice.")
        images[name] = Path(file)
    return images
