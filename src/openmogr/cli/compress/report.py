"""What a run did: as a table, as lines of JSON, or only what failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from openmogr.cli._names import as_json, printable
from openmogr.cli._sizes import human_size
from openmogr.cli.compress.run import Outcome, Status
from openmogr.image import Loss

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["growth", "print_line", "print_losses", "print_problems", "print_summary", "print_total", "saved"]

_KINDS_OF_LOSS = {
    "frames": frozenset({Loss.frames}),
    "pages": frozenset({Loss.pages, Loss.images}),
    "repeats": frozenset({Loss.repeats}),
    "transparency": frozenset({Loss.alpha, Loss.half_alpha}),
    "colours": frozenset({Loss.profile}),
    "metadata": frozenset({Loss.exif, Loss.xmp, Loss.iptc, Loss.comments}),
}


def saved(before: int, after: int) -> str:
    """How much smaller, in percent; negative when larger."""
    return "–" if not before else f"{100 * (before - after) / before:.1f} %"


def growth(before: int, after: int) -> str:
    """How much longer, in percent."""
    percent = 100 * (after - before) / max(before, 1)
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %"


def print_summary(console: Console, outcomes: Sequence[Outcome], left: int, *, dry: bool = False) -> None:
    """A line per file, and one for all; then what was lost, kept and left alone.

    Args:
        console: where.
        outcomes: in the order of their lines.
        left: files that were passed over as being of the format.
        dry: nothing was written.
    """
    from rich.table import Table
    from rich.text import Text

    done = [outcome for outcome in outcomes if outcome.status is not Status.failed]
    before, after = sum(item.before for item in done), sum(item.after for item in done)
    table = Table(show_footer=len(outcomes) > 1, pad_edge=False, box=None)
    table.add_column("source", f"{len(done)} of {len(outcomes)} files", overflow="fold")
    table.add_column("would be" if dry else "output", overflow="fold")
    table.add_column("before", human_size(before), justify="right", no_wrap=True)
    table.add_column("after", human_size(after), justify="right", no_wrap=True)
    table.add_column("saved", saved(before, after), justify="right", no_wrap=True)
    scored = any(item.score is not None for item in outcomes)
    if scored:
        table.add_column("score", justify="right", no_wrap=True)
    for item in outcomes:
        row: list[Text | str] = [Text(_name(item))]
        if item.status is Status.failed:
            size = human_size(item.before) if item.before else "–"
            row += [Text(printable(item.problem), "red"), size, "–", "–"]
        else:
            row += [Text(_output(item)), human_size(item.before), human_size(item.after)]
            row.append(saved(item.before, item.after))
        if scored:
            row.append("–" if item.score is None else f"{item.score:.1f}")
        table.add_row(*row)
    console.print(table)
    for line in _remarks(done, left):
        console.print(Text(line))


def print_problems(outcomes: Sequence[Outcome]) -> None:
    """A line on standard error for each picture that failed."""
    for outcome in outcomes:
        if outcome.status is Status.failed:
            click.echo(f"{_name(outcome)}: {printable(outcome.problem)}", err=True)


def print_losses(outcomes: Sequence[Outcome]) -> None:
    """A line on standard error for each output that lacks something, or is not what was asked for."""
    for outcome in outcomes:
        if outcome.missed:
            click.echo(f"{_name(outcome)}: the output {outcome.missed}", err=True)
        if outcome.losses:
            lost = ", ".join(loss.value for loss in outcome.losses)
            click.echo(f"{_name(outcome)}: the output lacks {lost}", err=True)


def print_line(outcome: Outcome) -> None:
    """One picture as a line of JSON."""
    told = {
        "source": str(outcome.source),
        "output": None if outcome.target is None else str(outcome.target),
        "status": outcome.status.value,
        "before": outcome.before,
        "after": outcome.after,
        "rejected": outcome.rejected,
        "losses": [loss.name for loss in outcome.losses],
        "score": None if outcome.score is None else round(outcome.score, 2),
        "missed": outcome.missed,
        "problem": outcome.problem,
        "code": outcome.code.value,
    }
    click.echo(as_json(told))


def print_total(outcomes: Sequence[Outcome], unfinished: int) -> None:
    """All pictures as a line of JSON, which alone has the member ``summary``."""
    done = [outcome for outcome in outcomes if outcome.status is not Status.failed]
    states = {status.value: sum(item.status is status for item in outcomes) for status in Status}
    told = {
        "files": len(outcomes) + unfinished,
        **states,
        "unfinished": unfinished,
        "before": sum(item.before for item in done),
        "after": sum(item.after for item in done),
    }
    click.echo(as_json({"summary": told}))


def _name(item: Outcome) -> str:
    return "standard input" if str(item.source) == "-" else printable(str(item.source))


def _output(item: Outcome) -> str:
    if item.status is Status.skipped:
        return "done before"
    kept = _kept(item) if item.rejected else ""
    if item.target is None:
        return kept or "kept"
    target = printable(str(item.target))
    if item.status is Status.kept:
        return f"{target} kept, is no larger than the new one"
    return f"{target} ({kept})" if kept else target


def _kept(item: Outcome) -> str:
    if item.rejected > item.before:
        return f"kept, would have grown by {growth(item.before, item.rejected)}"
    return f"kept, would have saved {saved(item.before, item.rejected)}"


def _remarks(done: Sequence[Outcome], left: int) -> Iterator[str]:
    kinds = {
        kind: sum(not losses.isdisjoint(item.losses) for item in done)
        for kind, losses in _KINDS_OF_LOSS.items()
    }
    if any(kinds.values()):
        yield "lost: " + ", ".join(f"{kind} of {_files(number)}" for kind, number in kinds.items() if number)
    if missed := sum(bool(item.missed) for item in done):
        yield f"missed: what was asked for of {_files(missed)}, told above"
    if smaller := sum(item.status is Status.kept and item.target is not None for item in done):
        yield f"kept: {_files(smaller)} for which a smaller output was there"
    done = [item for item in done if item.status is not Status.kept or item.target is None]
    grown = sum(item.rejected > item.before for item in done)
    if grown:
        yield f"kept: {_files(grown)} that would have grown; --write-larger writes them all the same"
    if kept := sum(bool(item.rejected) for item in done) - grown:
        yield f"kept: {_files(kept)} that would have saved too little"
    if skipped := sum(item.status is Status.skipped for item in done):
        yield f"{_files(skipped)} done before, passed over"
    if left:
        yield f"{left} {'file has' if left == 1 else 'files have'} the format already, left alone"


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"
