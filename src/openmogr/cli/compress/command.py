"""The command and its options."""

from __future__ import annotations

import os
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from openmogr.cli._names import is_folder
from openmogr.cli._paths import NamedPath
from openmogr.cli._telling import alone, telling
from openmogr.cli.compress import options as checks
from openmogr.cli.compress.early import start_early
from openmogr.cli.compress.options import Options
from openmogr.cli.exit_codes import MEANINGS, ExitCode, combined
from openmogr.machine import available_processors

if TYPE_CHECKING:
    from openmogr.cli.compress.ledger import Ledger
    from openmogr.cli.compress.plan import Source
    from openmogr.cli.compress.run import Outcome, Work
    from openmogr.image import ImageSettings

__all__ = ["compress"]

_EPILOG = "\b\nExit status:\n" + "\n".join(
    f"  {code.value:3}  {MEANINGS[code]}" for code in ExitCode if code is not ExitCode.INCOMPLETE
)


@click.command(epilog=_EPILOG)
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    metavar="FILE|FOLDER...",
    type=NamedPath(),
    is_eager=True,
    callback=start_early,
)
@click.option(
    "-f",
    "--format",
    "formats",
    callback=checks.check_formats,
    metavar="FORMAT",
    help="Format of the outputs: heif, avif, webp, tpg, jxl, jpg, png and others. Several with commas between: the"
    " smallest of them at equal quality; auto: of jpg,png,webp,avif.",
)
@click.option(
    "-q",
    "--quality",
    callback=checks.check_quality,
    metavar="N",
    help="Quality, 1 to 100, or auto. A JPEG source never gets a higher one than it has, except with a '!' behind N.",
)
@click.option(
    "--target-ssimulacra2",
    "target_score",
    type=click.IntRange(1, 100),
    metavar="SCORE",
    help="The smallest output of at least this score of SSIMULACRA2 (90: hard to tell from the source, 70: good).",
)
@click.option(
    "--max-size",
    callback=checks.check_max_size,
    metavar="SIZE",
    help="Lower the quality until an output has at most this size, as in 200k.",
)
@click.option("--effort", type=click.IntRange(0, 9), help="How hard encoders search, 0 to 9.", metavar="N")
@click.option("--lossless", is_flag=True, help="Every pixel stays as it is, in formats that can do so.")
@click.option(
    "--resize",
    callback=checks.check_resize,
    metavar="SIZE",
    help="Fit pictures into 1600x1600, 1600x, x1600, or to 50%. Smaller ones stay as they are.",
)
@click.option("--enlarge", is_flag=True, help="Let --resize enlarge pictures, too.")
@click.option(
    "--metadata",
    type=click.Choice(["all", "copyright", "none"]),
    default="all",
    show_default=True,
    help="Which of EXIF and XMP outputs keep.",
)
@click.option(
    "--icc",
    type=click.Choice(["keep", "srgb"]),
    default="srgb",
    show_default=True,
    help="Keep the colours of wide-gamut pictures with their ICC profiles, or convert them to sRGB.",
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
    callback=checks.check_images,
    metavar="NAME=FILE",
    help="A picture that --op lays on others: 'watermark/1/image/NAME'. Can be given several times.",
)
@click.option(
    "-o",
    "--output",
    type=NamedPath(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="The output of a single source, whose suffix names the format; - for the standard output.",
)
@click.option(
    "--out",
    type=NamedPath(file_okay=False),
    metavar="DIR",
    help="Folder of the outputs, made if missing; without it they lie beside their sources.",
)
@click.option(
    "--suffix", default="", metavar="TEXT", help="What stands behind the names of outputs, as in -small."
)
@click.option(
    "-r",
    "--recursive/--no-recursive",
    default=True,
    show_default=True,
    help="Folders with all folders below.",
)
@click.option(
    "--overwrite",
    type=click.Choice(["never", "smaller", "always"]),
    default="never",
    show_default=True,
    is_flag=False,
    flag_value="always",
    help="Which outputs that exist are replaced, even if one is its own source; --overwrite alone means always.",
)
@click.option(
    "--skip-existing",
    is_flag=True,
    help="Pass over sources whose outputs an earlier run made with the same settings (remembered in"
    " .openmogr-compress.jsonl), and go on where it ended.",
)
@click.option(
    "--write-larger/--skip-larger",
    default=False,
    help="Write a result even if its source is smaller and shows the same; without it such a source is kept.",
)
@click.option(
    "--min-savings",
    callback=checks.check_savings,
    metavar="PERCENT|SIZE",
    help="Keep a source unless its result saves so much, as in 5% or 10k.",
)
@click.option("--keep-dates", is_flag=True, help="Outputs get the dates of their sources.")
@click.option(
    "--keep-orientation",
    is_flag=True,
    help="Leave pixels as they are stored where outputs do not tell their orientation; without it those are turned"
    " upright.",
)
@click.option("--dry-run", is_flag=True, help="Do the work and tell what would be written; write nothing.")
@click.option(
    "-j",
    "--jobs",
    "--workers",
    "jobs",
    type=click.IntRange(1, 256),
    default=available_processors,
    show_default="one per processor",
    help="Pictures worked on at the same time.",
)
@click.option(
    "--score",
    is_flag=True,
    help="Tell the score of SSIMULACRA2 of each output beside what was to be written.",
)
@click.option("--quiet", is_flag=True, help="No progress and no table; problems only.")
@click.option(
    "--json", is_flag=True, help="A line of JSON for each picture, and one for all, in place of the table."
)
@click.option(
    "--compare",
    type=NamedPath(dir_okay=False),
    metavar="FILE",
    help="Write an HTML page that shows sources and outputs.",
)
def compress(**options: Any) -> None:
    """Compress images, and all images in folders; - is the standard input.

    Every output appears whole or not at all. No source and no file that exists is ever overwritten unless
    --overwrite is given. A result that shows the same as its source and is larger is not written. What outputs
    lose (frames, pages, transparency, metadata) is told. Limits are those of the server (openmogr doctor shows
    them) and are set alike.
    """
    wishes = Options(**options)
    wishes.check()
    from openmogr.cli._settings import image_settings_or_exit
    from openmogr.cli.compress.plan import find_sources

    if wishes.compare is not None:
        _check_page(wishes.compare)

    settings = _settings(image_settings_or_exit(), write_larger=wishes.write_larger)
    work = wishes.work(settings.max_stages)
    sources, left = find_sources(
        wishes.paths,
        wishes.destination(work.format),
        recursive=wishes.recursive,
        overwrite=wishes.overwrite != "never",
    )
    if wishes.output is not None and len(sources) > 1:
        raise click.UsageError(
            f"--output names one output, but there are {len(sources)} sources; say --out DIR."
        )
    outcomes, interrupted = _run(wishes, settings, work, sources)
    with telling():
        _tell(wishes, outcomes, left, unfinished=len(sources) - len(outcomes))
    if wishes.compare is not None:
        from openmogr.cli.compress.comparison import write_page

        with telling():
            write_page(wishes.compare, outcomes, settings)
    _end(combined(outcome.code for outcome in outcomes), interrupted=interrupted)


def _check_page(page: Path) -> None:
    from openmogr.cli.compress.comparison import check_page

    try:
        check_page(page)
    except OSError as error:
        told = f"{error.filename} cannot be read: {error.strerror}" if error.strerror else str(error)
        raise click.UsageError(told) from error


def _settings(settings: ImageSettings, *, write_larger: bool) -> ImageSettings:
    changes: dict[str, object] = {"keep_smaller": not write_larger}
    # Nobody waits for an answer.
    if "png_effort" not in settings.model_fields_set:
        changes["png_effort"] = 2
    if "max_target_pixels" not in settings.model_fields_set:
        changes["max_target_pixels"] = settings.max_pixels
    return settings.model_copy(update=changes)


def _run(
    wishes: Options, settings: ImageSettings, work: Work, sources: Sequence[Source]
) -> tuple[Sequence[Outcome], bool]:
    """What became of the sources, in their order, and whether somebody interrupted."""
    import asyncio

    from openmogr.cli.compress.makers import kinds_of, maker_for
    from openmogr.cli.compress.progress import shown_progress
    from openmogr.cli.compress.run import Batch

    ledger = _ledger(wishes, settings, work) if wishes.skip_existing else None
    # An operation may need whatever there is: fonts, faces, further pictures.
    kinds = None if wishes.operation else kinds_of(sources, work.pipelines)
    maker = maker_for(settings, len(sources), wishes.jobs, kinds)
    batch = Batch(maker, work, wishes.rules(), ledger, min(wishes.jobs, len(sources)))
    # Here, where Ctrl-C ends it: a thread that waits for input cannot be stopped.
    is_stream = any(source.is_stream for source in sources)
    stream = _standard_input(settings.max_input_bytes + 1) if is_stream else b""
    outcomes: dict[int, Outcome] = {}
    with shown_progress(len(sources), quiet=wishes.quiet or wishes.json) as advance:

        def tell(number: int, outcome: Outcome) -> None:
            outcomes[number] = outcome
            if wishes.json:
                from openmogr.cli.compress.report import print_line

                with telling():
                    print_line(outcome)
            with telling():
                advance(outcome)

        with alone():
            interrupted = asyncio.run(_interruptible(batch.run(sources, tell, stream))) if sources else False
    return [outcomes[number] for number in sorted(outcomes)], interrupted


def _standard_input(most: int) -> bytes | OSError:
    try:
        return sys.stdin.buffer.read(most)
    except OSError as error:
        return error


async def _interruptible(work: Coroutine[Any, Any, None]) -> bool:
    import asyncio

    try:
        await work
    except asyncio.CancelledError:
        # Ctrl-C: what is done is told.
        return True
    return False


def _ledger(wishes: Options, settings: ImageSettings, work: Work) -> Ledger:
    from openmogr.cli.compress.ledger import LEDGER_NAME, Ledger, key_of

    first = wishes.paths[0]
    folder = wishes.out or (first if is_folder(first) else first.parent)
    if wishes.output is not None:
        folder = wishes.output.parent
    try:
        return Ledger(folder / LEDGER_NAME, key_of(work.pipelines, work.images, settings))
    except OSError as error:
        click.echo(f"{folder / LEDGER_NAME}: {error.strerror}", err=True)
        sys.exit(ExitCode.FILES)


def _tell(wishes: Options, outcomes: Sequence[Outcome], left: int, *, unfinished: int) -> None:
    from openmogr.cli.compress import report

    if wishes.json:
        report.print_total(outcomes, unfinished)
    elif wishes.quiet or wishes.output == Path("-"):
        report.print_problems(outcomes)
    else:
        report.print_losses(outcomes)
        if outcomes or left:
            # A tenth of a second, which who wants no table need not wait.
            from rich.console import Console

            # Scripts and logs get whole lines, however long.
            console = Console(width=None if sys.stdout.isatty() else 10_000)
            report.print_summary(console, outcomes, left, dry=wishes.dry_run)
        elif not unfinished:
            click.echo("no pictures found", err=True)
    if unfinished and not wishes.json:
        click.echo(f"interrupted: {unfinished} not done", err=True)


def _end(code: ExitCode, *, interrupted: bool) -> None:
    if not interrupted:
        sys.exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that still work on a picture would be waited for.
    os._exit(ExitCode.INTERRUPTED)
