"""Where batches are worked on: by processes of this machine. :mod:`openmogr.bulk.on_ray` has those of a cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from openmogr.bulk.errors import BulkError
from openmogr.bulk.model import Batch, BatchDone, Recipe
from openmogr.bulk.work import Runner
from openmogr.workers import WorkerError

__all__ = ["Executor", "LocalExecutor"]


class Executor(Protocol):
    """Works on batches, several at a time. All else of a run is the same, whoever does that."""

    async def start(self) -> None:
        """Be ready. Raises ``BulkError``."""

    @property
    def slots(self) -> int:
        """Pictures that are worked on at a time, as of now: a cluster grows and shrinks."""

    async def run(self, batch: Batch) -> BatchDone:
        """What becomes of a batch.

        Raises:
            BatchLost: whoever worked on it ended, again and again.
            BulkError: the run cannot go on.
        """

    async def stop(self) -> None:
        """Somebody interrupts: have batches end, within seconds, with what is finished of them or none of it."""

    async def close(self) -> None:
        """End all work, also what is under way."""


class LocalExecutor:
    """The engine's processes on this machine.

    Args:
        recipe: what is made of what.
        jobs: processes.
    """

    def __init__(self, recipe: Recipe, jobs: int) -> None:
        self._recipe = recipe
        self._jobs = jobs
        self._runner: Runner | None = None

    async def start(self) -> None:
        """Start the processes."""
        # They share what there is: a large picture may take what others do not need.
        settings = self._recipe.settings
        settings = settings.model_copy(update={"memory": settings.memory * self._jobs})
        self._runner = Runner(replace(self._recipe, settings=settings), self._jobs, apart=False)
        try:
            await self._runner.start()
        except WorkerError as error:
            raise BulkError(str(error)) from error

    @property
    def slots(self) -> int:
        """As many as there are processes."""
        return self._jobs

    async def run(self, batch: Batch) -> BatchDone:
        """What becomes of a batch."""
        assert self._runner is not None
        return await self._runner.run(batch)

    async def stop(self) -> None:
        """Have batches end with what is finished."""
        if self._runner is not None:
            self._runner.stop()

    async def close(self) -> None:
        """End the processes."""
        if self._runner is not None:
            await self._runner.close()
