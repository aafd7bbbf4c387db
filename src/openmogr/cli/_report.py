"""The summary of a run, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from openmogr.cli._run import Outcome
from openmogr.cli.exit_codes import ExitCode

__all__ = ["human_size", "print_summary", "saved"]


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


def print_summary(console: Console, outcomes: Sequence[Outcome], left: int) -> None:
    """A line per file, and one for all."""
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
                Text(str(item.target)),
                human_size(item.before),
                human_size(item.after),
                saved(item.before, item.after),
            )
        else:
            size = human_size(item.before) if item.before else "–"
            table.add_row(Text(str(item.source)), Text(item.problem, "red"), size, "–", "–")
    console.print(table)
    if left:
        console.print(
            Text(f"{left} {'file has' if left == 1 else 'files have'} the format already, left alone")
        )
