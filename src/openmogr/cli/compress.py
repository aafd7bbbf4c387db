"""``openmogr compress``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from openmogr.cli.exit_codes import MEANINGS, ExitCode, combined
from openmogr.machine import available_processors

if TYPE_CHECKING:
    from openmogr.image import Pipeline

__all__ = ["compress"]

_QUALITY = re.compile(r"(?:[1-9][0-9]?|100)!?")
_EPILOG = "\b\nExit status:\n" + "\n".join(
    f"  {code.value:3}  {MEANINGS[code]}" for code in ExitCode if code is not ExitCode.INCOMPLETE
)


def _check_format(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    from openmogr.image.formats.registry import TARGETS

    if value is None:
        return None
    name = value.lower().lstrip(".")
    if name not in TARGETS:
        raise click.BadParameter(f"{value} is not one of {', '.join(sorted(TARGETS))}.")
    return name


def _check_quality(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _QUALITY.fullmatch(value):
        raise click.BadParameter(f"{value} is not a number from 1 to 100, with or without '!'.")
    return value


def _check_images(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, Path]:
    images: dict[str, Path] = {}
    for value in values:
        name, equals, file = value.partition("=")
        if not name or not equals or not Path(file).is_file():
            raise click.BadParameter(f"{value} is not a name and a file that exists, as in logo=logo.png.")
        if name in images:
            raise click.BadParameter(f"{name} is given twice.")
        images[name] = Path(file)
    return images


@click.command(epilog=_EPILOG)
@click.argument("paths", nargs=-1, required=True, metavar="FILE|FOLDER...", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_name",
    callback=_check_format,
    metavar="FORMAT",
    help="Format of the outputs: heif, avif, webp, tpg, jpg, png and others.",
)
@click.option(
    "--quality",
    callback=_check_quality,
    metavar="N",
    help="Quality, 1 to 100. A JPEG source never gets a higher one than it has, except with a '!' behind N.",
)
@click.option(
    "--op",
    "operation",
    metavar="TEXT",
    help="What to do first, in the language of image URLs, for example 'imageMogr2/thumbnail/1600x'.",
)
@click.option(
    "--image",
    "images",
    multiple=True,
    callback=_check_images,
    metavar="NAME=FILE",
    help="A picture that --op lays on others: 'watermark/1/image/NAME'. Can be given several times.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of the outputs, made if missing; without it they lie beside their sources.",
)
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist, even if one is its own source.")
@click.option(
    "--write-larger",
    is_flag=True,
    help="Write a result even if its source is smaller and shows the same; without it such a source is kept.",
)
@click.option(
    "--keep-orientation",
    is_flag=True,
    help="Leave pixels of TPG outputs as they are stored; without it they are turned upright by their EXIF.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=available_processors,
    show_default="one per processor",
    help="Pictures worked on at the same time.",
)
@click.option("--quiet", is_flag=True, help="No progress bar and no table; problems only.")
def compress(
    paths: tuple[Path, ...],
    format_name: str | None,
    quality: str | None,
    operation: str | None,
    images: dict[str, Path],
    out: Path | None,
    overwrite: bool,
    write_larger: bool,
    keep_orientation: bool,
    workers: int,
    quiet: bool,
) -> None:
    """Compress images, and all images in folders.

    Every output appears whole or not at all. No source and no file that exists is ever overwritten unless
    --overwrite is given. A result that shows the same as its source and is larger is not written. What outputs
    lose (frames, pages, transparency, metadata) is told. Limits are those of the server (openmogr doctor shows
    them) and are set alike.
    """
    from openmogr.cli._further import check_names, with_names
    from openmogr.cli._plan import find_sources, suffix_of
    from openmogr.cli._report import print_summary
    from openmogr.cli._run import Batch, Outcome, Work
    from openmogr.cli._settings import settings_or_exit
    from openmogr.image import Processor
    from openmogr.image.formats.registry import SUFFIXES

    settings = settings_or_exit().image
    if "png_effort" not in settings.model_fields_set:
        # Nobody waits for an answer.
        settings = settings.model_copy(update={"png_effort": 2})
    text = _operation(with_names(operation or "", images), format_name, quality, keep_orientation)
    pipeline = _pipeline(text, settings.max_stages)
    check_names(pipeline, images)
    leave = None
    if format_name is not None and out is None and not overwrite:
        leave = SUFFIXES.get(suffix_of(format_name))
    sources, left = find_sources(paths, out, leave)
    batch = Batch(
        Processor(settings, keep_smaller=not write_larger),
        Work(pipeline, images),
        format_name=format_name,
        overwrite=overwrite,
        write_larger=write_larger,
        workers=workers,
    )
    errors = Console(stderr=True)
    outcomes: list[Outcome] = []
    with Progress(
        TextColumn("compressing"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
        disable=quiet or not errors.is_terminal,
    ) as progress:
        task = progress.add_task("", total=len(sources))
        for outcome in batch.run(sources):
            outcomes.append(outcome)
            progress.advance(task)
    if not quiet:
        for outcome in outcomes:
            if outcome.losses:
                lost = ", ".join(loss.value for loss in outcome.losses)
                click.echo(f"{outcome.source}: the output lacks {lost}", err=True)
    if quiet:
        for outcome in outcomes:
            if outcome.code is not ExitCode.OK:
                click.echo(f"{outcome.source}: {outcome.problem}", err=True)
    elif outcomes or left:
        # Scripts and logs get whole lines, however long.
        print_summary(Console(width=None if sys.stdout.isatty() else 10_000), outcomes, left)
    else:
        click.echo("no pictures found", err=True)
    sys.exit(combined(outcome.code for outcome in outcomes))


def _operation(operation: str, format_name: str | None, quality: str | None, lying: bool) -> str:
    """The operation of the options, as one text. Raises ``click.UsageError``."""
    if not operation and format_name is None:
        raise click.UsageError("Say what to do: --format, --op, or both.")
    stage = f"/format/{format_name}" if format_name is not None else ""
    stage += f"/quality/{quality}" if quality is not None else ""
    stage += "/auto-orient/0" if lying else ""
    return "|".join(part for part in (operation, stage and f"imageMogr2{stage}") if part)


def _pipeline(text: str, stages: int) -> Pipeline:
    """The pipeline of a text. Raises ``click.UsageError``."""
    from openmogr.errors import InvalidArgument, NotImplementedHere, NotSupported
    from openmogr.image import parse_operation

    try:
        return parse_operation(text, strict=True, max_stages=stages)
    except (InvalidArgument, NotImplementedHere, NotSupported) as error:
        raise click.UsageError(f"The operation {text} cannot be understood: {error.message}") from error
