"""Compressing many files at the same time, each written whole or not at all."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from openmogr.cli._names import is_file
from openmogr.cli.compress.ledger import Done, Ledger
from openmogr.cli.compress.makers import Maker
from openmogr.cli.compress.output import write_output
from openmogr.cli.compress.plan import STANDARD_OUTPUT, Source, is_special, place_of
from openmogr.cli.exit_codes import ExitCode, failure_code
from openmogr.errors import CosError
from openmogr.image import Loss, Pipeline, Result
from openmogr.image import Source as ImageSource

__all__ = ["Batch", "Outcome", "Overwrite", "Rules", "Savings", "Status", "Work"]

# What the smallest of several results may not lack, where another has it.
_SHOWN_LOSSES = frozenset({Loss.frames, Loss.pages, Loss.images, Loss.alpha, Loss.half_alpha})


class Overwrite(Enum):
    """Which files that exist are replaced: none, those that are larger, or all."""

    never = "never"
    smaller = "smaller"
    always = "always"


class Status(Enum):
    """What became of a source."""

    written = "written"
    kept = "kept"
    skipped = "skipped"
    failed = "failed"


@dataclass(frozen=True, slots=True)
class Savings:
    """The least that a result has to save to be written.

    Attributes:
        size: in bytes.
        percent: of the source.
    """

    size: int = 0
    percent: float = 0.0

    def are_met(self, before: int, after: int) -> bool:
        """Whether so much is saved."""
        return before - after >= max(self.size, before * self.percent / 100)


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be written.

    Attributes:
        overwrite: which files that were there before the run may be replaced.
        write_larger: write a result even if its source is shorter and shows the same.
        savings: the least that is saved; None: no such bound.
        keep_dates: outputs get the times of their sources.
        dry: nothing is written, only told.
        max_size: of outputs in bytes; what cannot be made as small is written and told.
        min_score: of SSIMULACRA2; what cannot be made as good is written and told.
    """

    overwrite: Overwrite = Overwrite.never
    write_larger: bool = False
    savings: Savings | None = None
    keep_dates: bool = False
    dry: bool = False
    max_size: int | None = None
    min_score: float | None = None

    def missed(self, result: Result) -> str:
        """What a result was asked for and is not, in words; empty where it is."""
        if self.max_size is not None and len(result.data) > self.max_size and not result.is_original:
            return f"has {len(result.data)} bytes at the lowest quality, more than {self.max_size}"
        if self.min_score is not None and result.score is not None and result.score < self.min_score:
            return f"has a score of {result.score:.1f} at the highest quality, less than {self.min_score}"
        return ""


@dataclass(frozen=True, slots=True)
class Work:
    """What is done with every source.

    Attributes:
        pipelines: the operation, in each of the formats whose smallest result is wanted.
        images: the files of ``Pipeline.further_sources`` by name.
        format: of all outputs, where it is known; None: the result tells.
    """

    pipelines: Sequence[Pipeline]
    images: Mapping[str, Path]
    format: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file.

    Attributes:
        target: the output, None if there is none.
        before: bytes of the source.
        after: bytes of the output; of the source where that was kept.
        status: in a word.
        problem: what went wrong, in words; empty on success.
        rejected: bytes of a result that was not written since it would not have saved enough; else 0.
        losses: what the source has and the output has not.
        score: SSIMULACRA2 of the result, where that was asked for and it is a still; else None.
        missed: what was asked for and could not be had, in words; else empty.
    """

    source: Path
    target: Path | None
    before: int
    after: int
    status: Status = Status.written
    code: ExitCode = ExitCode.OK
    problem: str = ""
    rejected: int = 0
    losses: tuple[Loss, ...] = ()
    score: float | None = None
    missed: str = ""


class Batch:
    """A run over many sources.

    Args:
        maker: does the work.
        ledger: what earlier runs did; None: nothing is passed over.
        jobs: pictures at a time.
    """

    def __init__(self, maker: Maker, work: Work, rules: Rules, ledger: Ledger | None, jobs: int) -> None:
        self._maker = maker
        self._work = work
        self._rules = rules
        self._ledger = ledger
        self._jobs = jobs
        self._places = asyncio.Semaphore(jobs)
        self._images = {name: ImageSource(path=path, name=name) for name, path in work.images.items()}
        # All sources and, as they come, outputs of this run: none is overwritten by the output of another.
        self._taken: dict[Path, Path] = {}
        self._claims = threading.Lock()
        self._stream = b""
        self._unread: OSError | None = None

    async def run(
        self, sources: Sequence[Source], tell: Callable[[int, Outcome], None], stream: bytes | OSError = b""
    ) -> None:
        """Do all of it; ``tell`` gets each outcome with the number of its source as it comes.

        ``stream`` is what came from the standard input, where that is a source, or why nothing could be read.

        Cancelled, it ends what is under way, but for what is just written, which is told.
        """
        self._stream, self._unread = (b"", stream) if isinstance(stream, OSError) else (stream, None)
        self._taken = {place_of(source.path): source.path for source in sources if not source.is_stream}
        remaining = iter(enumerate(sources))
        try:
            await self._maker.start()
            async with asyncio.TaskGroup() as group:
                # While one result goes to the disk the next is made.
                for _ in range(2 * self._jobs):
                    group.create_task(self._go_on(remaining, tell))
        finally:
            await self._maker.close()

    async def _go_on(
        self, remaining: Iterator[tuple[int, Source]], tell: Callable[[int, Outcome], None]
    ) -> None:
        for number, source in remaining:
            result: Result | Done | CosError | OSError
            try:
                async with self._places:
                    result = await self._result(source)
            except (CosError, OSError) as error:
                result = error
            except Exception as error:
                tell(
                    number,
                    _failed(source, ExitCode.UNEXPECTED, f"unexpected {type(error).__name__}: {error}"),
                )
                continue
            placing = asyncio.create_task(asyncio.to_thread(self._finish, source, result))
            try:
                outcome = await asyncio.shield(placing)
            except asyncio.CancelledError:
                tell(number, await placing)
                raise
            tell(number, outcome)

    async def _result(self, source: Source) -> Result | Done:
        """What becomes of a source, or became of it in an earlier run."""
        if (done := self._done(source)) is not None:
            return done
        if self._work.format is not None:
            # Spare the work if its result could not be kept.
            self._check_target(source, source.target(self._work.format))
        if source.is_stream:
            if self._unread is not None:
                raise self._unread
            own = ImageSource(data=self._stream, name="standard input")
        else:
            if source.path.is_dir():
                # One that could not be searched: says why.
                os.scandir(source.path).close()
            elif not stat.S_ISREG(source.path.stat().st_mode):
                raise OSError("it is no regular file; - reads the standard input")
            with source.path.open("rb"):
                # Says what is wrong with the file in the words of the system before a decoder does in its own.
                pass
            own = ImageSource(path=source.path, name=source.path.name)
        best: Result | None = None
        failure: CosError | None = None
        for pipeline in self._work.pipelines:
            try:
                made = await self._maker.make(pipeline, own, self._images)
            except CosError as error:
                failure = failure or error
                continue
            if best is None or _rank(made) < _rank(best):
                best = made
        if best is None:
            assert failure is not None
            raise failure
        return best

    def _done(self, source: Source) -> Done | None:
        """What an earlier run did, where such are looked for."""
        return None if self._ledger is None else self._ledger.done(source, self._work.format)

    def _finish(self, source: Source, result: Result | Done | CosError | OSError) -> Outcome:
        """In a thread: what was made is written, or told why not."""
        before = len(self._stream)
        try:
            if not source.is_stream:
                before = source.path.stat().st_size
            if isinstance(result, Done):
                return Outcome(source.path, result.target, before, result.size, Status.skipped)
            if isinstance(result, Exception):
                raise result
            outcome = self._place(source, result, before)
            if self._ledger is not None and not self._rules.dry:
                self._ledger.record(source, outcome.target)
            return outcome
        except (CosError, OSError) as error:
            if isinstance(error, FileExistsError) and (done := self._done(source)) is not None:
                # By another run, since this one looked.
                return Outcome(source.path, done.target, before, done.size, Status.skipped)
            return replace(_failed(source, failure_code(error), _in_words(error)), before=before)
        except Exception as error:
            return _failed(source, ExitCode.UNEXPECTED, f"unexpected {type(error).__name__}: {error}")

    def _place(self, source: Source, result: Result, before: int) -> Outcome:
        """Write what a source became, unless it would not save enough."""
        kept = Outcome(source.path, None, before, before, Status.kept, rejected=len(result.data))
        if result.recoded and len(result.data) > before and not self._rules.write_larger:
            return kept
        if self._rules.savings is not None and not self._rules.savings.are_met(before, len(result.data)):
            return replace(kept, rejected=result.rejected_size or len(result.data))
        target = source.copy() if result.is_original else self._target(source, result)
        if result.rejected_size and place_of(target) == place_of(source.path):
            return replace(kept, rejected=result.rejected_size)
        with self._claims:
            self._check_target(source, target)
            if target != STANDARD_OUTPUT:
                self._taken[place_of(target)] = source.path
        if self._rules.overwrite is Overwrite.smaller and is_file(target):
            there = target.stat().st_size
            if len(result.data) >= there:
                return replace(kept, target=target, after=there, rejected=len(result.data))
        after = before if result.is_original else len(result.data)
        done = Outcome(
            source.path,
            target,
            before,
            after,
            rejected=result.rejected_size,
            losses=result.losses,
            score=result.score,
            missed=self._rules.missed(result),
        )
        if not self._rules.dry:
            self._write(source, target, result)
        return done

    def _target(self, source: Source, result: Result) -> Path:
        named = self._work.format is not None
        return source.target(self._work.format or result.format, named=named)

    def _write(self, source: Source, target: Path, result: Result) -> None:
        # An original is copied: one that is too long to be processed is not in the result.
        content: bytes | Path = result.data
        if result.is_original:
            content = self._stream if source.is_stream else source.path
        if target == STANDARD_OUTPUT:
            sys.stdout.buffer.write(content.read_bytes() if isinstance(content, Path) else content)
            sys.stdout.buffer.flush()
            return
        times = None
        if self._rules.keep_dates and not source.is_stream:
            found = source.path.stat()
            times = (found.st_atime_ns, found.st_mtime_ns)
        overwrite = self._rules.overwrite is not Overwrite.never or self._may_renew(source, target)
        # A source that is a link stays one: what it leads to is replaced.
        own = not source.is_stream and place_of(target) == place_of(source.path)
        write_output(place_of(target) if own else target, content, overwrite=overwrite, times=times)

    def _may_renew(self, source: Source, target: Path) -> bool:
        """Whether it is what an earlier run made of the same source, and nobody has touched since."""
        return self._ledger is not None and self._ledger.made(source, target)

    def _check_target(self, source: Source, target: Path) -> None:
        """Raises ``FileExistsError`` with a sentence if the target must not be written."""
        if target == STANDARD_OUTPUT:
            return
        if is_special(target):
            raise FileExistsError(f"{target} is no regular file; --output - is the standard output")
        place = place_of(target)
        owner = self._taken.get(place)
        own = not source.is_stream and place == place_of(source.path)
        if own and self._rules.overwrite is Overwrite.never:
            raise FileExistsError("the output would be the source itself; give --out or --overwrite always")
        if owner is not None and not own:
            what = "a source of this run" if place == place_of(owner) else f"the output for {owner}"
            raise FileExistsError(f"{target} is {what}")
        if self._rules.overwrite is not Overwrite.never or self._may_renew(source, target):
            return
        if target.exists() or target.is_symlink():
            raise FileExistsError(
                f"{target} exists; give --overwrite always or --overwrite smaller to replace it"
            )


def _rank(result: Result) -> tuple[bool, int]:
    return not _SHOWN_LOSSES.isdisjoint(result.losses), len(result.data)


def _failed(source: Source, code: ExitCode, problem: str) -> Outcome:
    before = 0
    with suppress(OSError):
        before = 0 if source.is_stream else source.path.stat().st_size
    return Outcome(source.path, None, before, 0, Status.failed, code, problem)


def _in_words(error: CosError | OSError) -> str:
    if isinstance(error, CosError):
        return error.message
    if error.strerror is None:
        return str(error)
    return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
