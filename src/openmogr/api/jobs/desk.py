"""What handlers need of jobs: the store, the settings, and a way to say that there is something to do."""

from __future__ import annotations

from openmogr.database import DatabaseUnavailable, DatabaseUnusable
from openmogr.jobs import JobRunner, JobSettings, Told, Worker
from openmogr.jobs.store import JobStore
from openmogr.storage.errors import StorageUnusable

__all__ = ["JobDesk"]


class JobDesk:
    """Jobs of a server.

    Attributes:
        store: of jobs, queues and templates.
        settings: of them.
    """

    def __init__(self, store: JobStore, settings: JobSettings) -> None:
        self.store = store
        self.settings = settings
        self._runner: JobRunner | None = None

    async def open(self, work: Worker, told: Told) -> None:
        """Open the store, and begin with what is there. Raises ``StorageUnusable``."""
        try:
            await self.store.open()
        except (OSError, DatabaseUnusable) as error:
            raise StorageUnusable(f"jobs cannot be kept: {error}") from error
        except DatabaseUnavailable as error:
            raise StorageUnusable(f"jobs cannot be kept: {error.detail}") from error
        settings = self.settings
        self._runner = JobRunner(self.store, work, told, concurrency=settings.concurrency, keep=settings.keep)
        self._runner.start()

    async def close(self) -> None:
        """Stop; what is being done is done anew after the next start."""
        if self._runner is not None:
            await self._runner.close()
        await self.store.close()

    def announce(self) -> None:
        """There is something new to do."""
        if self._runner is not None:
            self._runner.announce()
