"""A page that shows sources and outputs over each other, for ``--compare``."""

from __future__ import annotations

import html
import os
import string
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from openmogr.cli._names import is_file, printable
from openmogr.cli._sizes import human_size
from openmogr.cli.compress.output import write_output
from openmogr.cli.compress.plan import is_special, place_of
from openmogr.cli.compress.report import saved
from openmogr.cli.compress.run import Outcome
from openmogr.errors import CosError
from openmogr.image import ImageSettings, Processor, parse_operation
from openmogr.image import Source as ImageSource
from openmogr.image.formats.registry import CONTAINERS, SUFFIXES

__all__ = ["check_page", "write_page"]

_MARK = b'content="openmogr compress --compare"'
# What browsers do not show is shown by a copy that can hardly be told from it.
_PREVIEW = "imageMogr2/thumbnail/2000x2000>/format/webp/quality/95"

_FIGURE = """<figure>
  <div class="pair"><img src="$before" alt="$source" loading="lazy"><img src="$after" alt="" loading="lazy"></div>
  <input type="range" min="0" max="100" step="0.5" value="50" aria-label="border between source and output">
  <figcaption><b>$source</b> <span>$old → $new, saved $saved$score</span> <b>$target</b></figcaption>
</figure>"""


def check_page(page: Path) -> None:
    """Raises ``FileExistsError`` if something else than such a page is there."""
    if not page.exists():
        return
    if not is_special(page):
        with page.open("rb") as stream:
            if _MARK in stream.read(500):
                return
    raise FileExistsError(f"{page} exists and is not a page of --compare")


def write_page(page: Path, outcomes: Sequence[Outcome], settings: ImageSettings) -> None:
    """Write the page; previews of what browsers do not show go to a folder beside it.

    Raises:
        OSError: it cannot be written.
    """
    previews = _Previews(page, settings)
    written = [outcome for outcome in outcomes if outcome.target is not None and outcome.target.is_file()]
    figures = [_figure(outcome, previews) for outcome in written if is_file(outcome.source)]
    before, after = sum(item.before for item in written), sum(item.after for item in written)
    outputs = "1 output" if len(written) == 1 else f"{len(written)} outputs"
    total = f"{outputs}, {human_size(before)} became {human_size(after)}, saved {saved(before, after)}"
    template = resources.files(__package__).joinpath("comparison.html").read_text(encoding="utf-8")
    text = string.Template(template).substitute(total=html.escape(total), figures="\n".join(figures))
    write_output(page, text.encode(), overwrite=True)


def _figure(outcome: Outcome, previews: _Previews) -> str:
    assert outcome.target is not None
    told = {
        "before": previews.address(outcome.source),
        "after": previews.address(outcome.target),
        "source": printable(str(outcome.source)),
        "target": printable(str(outcome.target)),
        "old": human_size(outcome.before),
        "new": human_size(outcome.after),
        "saved": saved(outcome.before, outcome.after),
        "score": "" if outcome.score is None else f", score {outcome.score:.1f}",
    }
    return string.Template(_FIGURE).substitute({name: html.escape(text) for name, text in told.items()})


class _Previews:
    def __init__(self, page: Path, settings: ImageSettings) -> None:
        self._home = place_of(page.parent)
        self._folder = page.with_name(f"{page.stem}-previews")
        self._processor = Processor(settings)
        self._pipeline = parse_operation(_PREVIEW)
        self._number = 0

    def address(self, path: Path) -> str:
        """What the page calls a picture."""
        own = SUFFIXES.get(path.suffix.lower())
        if own is not None and CONTAINERS[own].in_browsers:
            return quote(os.fsencode(os.path.relpath(place_of(path), self._home)))
        self._number += 1
        place = self._folder / f"{self._number:04}.webp"
        try:
            made = self._processor.execute(self._pipeline, ImageSource(path=path, name=path.name))
        except CosError:
            return ""
        write_output(place, made.data, overwrite=True)
        return quote(os.fsencode(f"{self._folder.name}/{place.name}"))
