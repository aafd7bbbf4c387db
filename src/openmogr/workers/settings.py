"""What a pool is told when it is made: how many workers, how large each may get, and what they run."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Setup", "WorkerLimits"]


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """The bounds of a pool.

    Attributes:
        count: processes.
        memory: address space that one worker may take beyond what it has when it starts, in bytes; 0: no limit.
        max_jobs: jobs after which a worker is replaced.
        max_growth: resident bytes beyond those at its start after which an idle worker is replaced.
        grace: seconds between asking a worker to stop and killing it.
        readable: folders that workers may read, where the kernel can hold them to it; all others are closed.
        nice: by how much other processes come first where all processors are busy; 0: not at all.
    """

    count: int
    memory: int = 0
    max_jobs: int = 1000
    max_growth: int = 128 * 1024 * 1024
    grace: float = 0.05
    readable: tuple[str, ...] = ()
    nice: int = 0


@dataclass(frozen=True, slots=True)
class Setup:
    """What the server sends first, pickled: it is the one who is trusted.

    Attributes:
        task: ``module:function``; called once with ``options``, it imports what jobs need and gives the handler.
        options: what the task is made with.
        limits: for the workers.
    """

    task: str
    options: object
    limits: WorkerLimits
