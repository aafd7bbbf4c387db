"""The summary of a run, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from openmogr.cli._run import Outcome
from openmogr.cli.exit_codes import ExitCode
from openmogr.image import Loss

__all__ = ["growth", "human_size", "print_summary", "saved"]

_KINDS_OF_LOSS = {
    "frames": frozenset({Loss.frames}),
    "pages": frozenset({Loss.pages, Loss.images}),
    "transparency": frozenset({Loss.alpha, Loss.half_alpha}),
    "metadata": frozenset({Loss.exif, Loss.xmp, Loss.iptc, Loss.comments}),
}


def human_size(size: int) -> str:
    """A number of bytes with a unit, three digits."""
    value = float(size)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.2f} GiB"


def saved(before: int, after: int) -> str:
    """How much smaller, in percent; negative when larger."""
    return "–" if not before else f"{100 * (before - after) / before:.1f} %"


def growth(before: int, after: int) -> str:
    """How much longer, in percent."""
    percent = 100 * (after - before) / max(before, 1)
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %"


def print_summary(console: Console, outcomes: Sequence[Outcome], left: int) -> None:
    """A line per file, and one for all; then what was lost, kept and left alone."""
    table = Table(show_footer=len(outcomes) > 1, pad_edge=False, box=None)
    done = [outcome for outcome in outcomes if outcome.code is ExitCode.OK]
    before, after = sum(item.before for item in done), sum(item.after for item in done)
    table.add_column("source", f"{len(done)} of {len(outcomes)} files", overflow="fold")
    table.add_column("output", overflow="fold")
    table.add_column("before", human_size(before), justify="right", no_wrap=True)
    table.add_column("after", human_size(after), justify="right", no_wrap=True)
    table.add_column("saved", saved(before, after), justify="right", no_wrap=True)
    for item in outcomes:
        if item.code is ExitCode.OK:
            table.add_row(
                Text(str(item.source)),
                Text(_output(item)),
                human_size(item.before),
                human_size(item.after),
                saved(item.before, item.after),
            )
        else:
            size = human_size(item.before) if item.before else "–"
            table.add_row(Text(str(item.source)), Text(item.problem, "red"), size, "–", "–")
    console.print(table)
    for line in _remarks(done, left):
        console.print(Text(line))


def _output(item: Outcome) -> str:
    kept = f"kept, would have grown by {growth(item.before, item.rejected)}" if item.rejected else ""
    if item.target is None:
        return kept
    return f"{item.target} ({kept})" if kept else str(item.target)


def _remarks(done: Sequence[Outcome], left: int) -> Iterator[str]:
    kinds = {
        kind: sum(not losses.isdisjoint(item.losses) for item in done)
        for kind, losses in _KINDS_OF_LOSS.items()
    }
    if any(kinds.values()):
        yield "lost: " + ", ".join(f"{kind} of {_files(number)}" for kind, number in kinds.items() if number)
    if kept := sum(bool(item.rejected) for item in done):
        yield f"kept: {_files(kept)} that would have grown; --write-larger writes them all the same"
    if left:
        yield f"{left} {'file has' if left == 1 else 'files have'} the format already, left alone"


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"
