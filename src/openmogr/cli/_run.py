"""Compressing many files with several workers, in order, with a bounded number of results in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from openmogr.cli._output import write_output
from openmogr.cli._plan import Source
from openmogr.cli.exit_codes import ExitCode, failure_code
from openmogr.errors import CosError
from openmogr.image import Loss, Pipeline, Processor, Result
from openmogr.image import Source as ImageSource

__all__ = ["Batch", "Outcome", "Work"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file.

    Attributes:
        target: the output, None if there is none.
        before: bytes of the source.
        after: bytes of the output; of the source where that was kept.
        problem: what went wrong, in words; empty on success.
        rejected: bytes of a result that was not written since it is longer than the source; else 0.
        losses: what the source has and the output has not.
    """

    source: Path
    target: Path | None
    before: int
    after: int
    code: ExitCode = ExitCode.OK
    problem: str = ""
    rejected: int = 0
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """What is done with every source.

    Attributes:
        pipeline: the operation.
        images: the files of ``Pipeline.further_sources`` by name.
    """

    pipeline: Pipeline
    images: Mapping[str, Path]


class Batch:
    """A run over many sources.

    Args:
        format_name: the format of the outputs if it is known beforehand, so that needless work is spared.
        overwrite: replace files that were there before the run.
        write_larger: write a result even if its source is shorter and shows the same.
    """

    def __init__(
        self,
        processor: Processor,
        work: Work,
        *,
        format_name: str | None,
        overwrite: bool,
        write_larger: bool,
        workers: int,
    ) -> None:
        self._processor = processor
        self._pipeline = work.pipeline
        self._further = {name: ImageSource(path=path, name=name) for name, path in work.images.items()}
        self._format = format_name
        self._overwrite = overwrite
        self._write_larger = write_larger
        self._workers = workers
        # All sources and, as they come, outputs of this run: none is overwritten by the output of another.
        self._taken: dict[Path, Path] = {}

    def run(self, sources: Sequence[Source]) -> Iterator[Outcome]:
        """Outcomes in the order of the sources."""
        self._taken = {source.path.resolve(): source.path for source in sources}
        waiting: deque[tuple[Source, Future[Result]]] = deque()
        remaining = iter(sources)
        pool = ThreadPoolExecutor(self._workers, "compress")
        try:
            while True:
                while len(waiting) < 2 * self._workers:
                    source = next(remaining, None)
                    if source is None:
                        break
                    waiting.append((source, pool.submit(self._compress, source)))
                if not waiting:
                    return
                yield self._finish(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _compress(self, source: Source) -> Result:
        """In a worker: spare the work if its result could not be kept."""
        if self._format is not None:
            self._check_target(source, source.target(self._format))
        with source.path.open("rb"):
            # Says what is wrong with the file in the words of the system before a decoder does in its own.
            pass
        own = ImageSource(path=source.path, name=source.path.name)
        return self._processor.execute(self._pipeline, own, self._further)

    def _finish(self, source: Source, future: Future[Result]) -> Outcome:
        before = 0
        try:
            before = source.path.stat().st_size
            result = future.result()
            return self._place(source, result, before)
        except (CosError, OSError) as error:
            return Outcome(source.path, None, before, 0, failure_code(error), _in_words(error))
        except Exception as error:
            problem = f"unexpected {type(error).__name__}: {error}"
            return Outcome(source.path, None, before, 0, ExitCode.UNEXPECTED, problem)

    def _place(self, source: Source, result: Result, before: int) -> Outcome:
        """Write what a source became, unless it would only be longer."""
        if result.recoded and len(result.data) > before and not self._write_larger:
            return Outcome(source.path, None, before, before, rejected=len(result.data))
        target = (
            source.stem.with_name(source.path.name)
            if result.is_original
            else source.target(self._format or result.format)
        )
        if result.rejected_size and target.resolve() == source.path.resolve():
            return Outcome(source.path, None, before, before, rejected=result.rejected_size)
        self._check_target(source, target)
        # An original is copied: one that is too long to be processed is not in the result.
        content = source.path if result.is_original else result.data
        write_output(target, content, overwrite=self._overwrite)
        self._taken[target.resolve()] = source.path
        after = before if result.is_original else len(result.data)
        return Outcome(
            source.path, target, before, after, rejected=result.rejected_size, losses=result.losses
        )

    def _check_target(self, source: Source, target: Path) -> None:
        """Raises ``FileExistsError`` with a sentence if the target must not be written."""
        place = target.resolve()
        owner = self._taken.get(place)
        own = place == source.path.resolve()
        if own and not self._overwrite:
            raise FileExistsError("the output would be the source itself; give --out or --overwrite")
        if owner is not None and not own:
            what = "a source of this run" if place == owner.resolve() else f"the output for {owner}"
            raise FileExistsError(f"{target} is {what}")
        if not self._overwrite and (target.exists() or target.is_symlink()):
            raise FileExistsError(f"{target} exists; give --overwrite to replace it")


def _in_words(error: CosError | OSError) -> str:
    if isinstance(error, CosError):
        return error.message
    if error.strerror is None:
        return str(error)
    return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
