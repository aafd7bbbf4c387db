"""The server's side: workers that are forked, fed, watched, stopped and replaced. All of it on one event loop."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

from openmogr.workers.channel import Inbox, send
from openmogr.workers.errors import ReplyLost, WorkerDied, WorkerError, WorkerTimeout
from openmogr.workers.protocol import GRANTED, Reply, spool_file, unpack_question, unpack_reply
from openmogr.workers.settings import Setup, WorkerLimits
from openmogr.workers.start import Zygote

__all__ = ["Counts", "WorkerPool"]

Admit: TypeAlias = Callable[[int], AbstractAsyncContextManager[None]]

_log = logging.getLogger("openmogr.workers")

# Workers that end before their first job, in a row, after which the pool waits this long for the next.
_BAD_STARTS, _BAD_START_PAUSE = 3, 1.0


@dataclass(slots=True, eq=False)
class _Worker:
    number: int
    sock: socket.socket
    inbox: Inbox
    started: float
    baseline: int = 0
    jobs: int = 0
    ready: bool = False
    gone: bool = False
    stopping: asyncio.TimerHandle | None = None
    answer: asyncio.Future[bytes] | None = None
    spare: BinaryIO | None = None


@dataclass(slots=True)
class Counts:
    """What happened to workers since the pool was started."""

    jobs: int = 0
    crashed: int = 0
    killed: int = 0
    recycled: int = 0


def _end_late(answer: asyncio.Future[bytes], seconds: float) -> None:
    if not answer.done():
        answer.set_exception(WorkerTimeout(f"the work took longer than {seconds:g} s"))


class WorkerPool:
    """Runs a task's jobs in processes.

    Args:
        task: ``module:function``, see :class:`openmogr.workers.settings.Setup`.
        options: what the task is made with; pickled.
        limits: how many, how large, how long.
        spool: folder for replies that do not fit into a message; None: the system's.
        zygote: the first one, if it was started before the pool was made.
    """

    def __init__(
        self,
        task: str,
        options: object,
        limits: WorkerLimits,
        spool: str | None = None,
        zygote: Zygote | None = None,
    ) -> None:
        self._setup = Setup(task, options, limits)
        self._started = zygote
        self._limits = limits
        self._spool = spool
        self._workers: dict[int, _Worker] = {}
        self._idle: deque[_Worker] = deque()
        self._waiting: deque[asyncio.Future[_Worker]] = deque()
        self._numbers = 0
        self._bad_starts = 0
        self._closed = True
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._inbox: Inbox | None = None
        self._ready: asyncio.Future[None] | None = None
        self._restart: asyncio.Task[None] | None = None
        self.counts = Counts()

    async def start(self) -> None:
        """Start the zygote and the workers.

        Raises:
            WorkerError: the task cannot be made.
        """
        self._closed = False
        self._loop = asyncio.get_running_loop()
        await self._start_zygote()
        for _ in range(self._limits.count):
            self._fork()

    async def close(self) -> None:
        """End all processes, whatever they do; work under way ends with ``WorkerDied``."""
        self._closed = True
        for future in self._waiting:
            if not future.done():
                future.set_exception(WorkerDied(None))
        self._waiting.clear()
        for worker in list(self._workers.values()):
            self._order(kill=worker.number)
            self._forget(worker, None)
        if self._control is not None:
            self._loop.remove_reader(self._control)
            self._control.close()
            self._control = None
        if self._restart is not None:
            self._restart.cancel()
        await self._end_zygote(2)

    async def run(
        self, request: bytes, inputs: Sequence[int], *, seconds: float, admit: Admit | None = None
    ) -> Reply:
        """One job.

        Args:
            request: for the task, at least one byte.
            inputs: descriptors of files, which the worker gets copies of.
            seconds: how long, from the moment a worker takes the job; waiting for ``admit`` does not count.
            admit: grants the bytes of memory that the job asks for, until it ends; what it raises ends the job.

        Raises:
            WorkerTimeout: it took longer; the worker is asked to stop, and killed if it does not.
            WorkerDied: the worker ended.
            ReplyLost: there was no room for its answer.
            CancelledError: as usual; the worker is stopped in the same way.
        """
        worker, file, answer = await self._hand_over(request, inputs)
        places: list[AbstractAsyncContextManager[None]] = []
        try:
            try:
                message = await self._answer(worker, answer, seconds)
                while (cost := unpack_question(message)) is not None:
                    if admit is not None:
                        await (place := admit(cost)).__aenter__()
                        places.append(place)
                    message = await self._answer(worker, self._ask(worker, GRANTED, []), seconds)
                reply, resident = unpack_reply(message, file)
            finally:
                for place in places:
                    await place.__aexit__(None, None, None)
        except ReplyLost as error:
            file.close()
            self._release(worker, error.resident)
            raise
        except BaseException as error:
            file.close()
            self._abandon(worker)
            if isinstance(error, ValueError):
                _log.error("worker %d: %s", worker.number, error)
            if isinstance(error, (OSError, ValueError)):
                raise WorkerError(f"the job was lost: {error}") from error
            raise
        if reply.file is None and not worker.gone:
            worker.spare = file
        elif reply.file is None:
            file.close()
        self._release(worker, resident)
        return reply

    async def _hand_over(
        self, request: bytes, inputs: Sequence[int]
    ) -> tuple[_Worker, BinaryIO, asyncio.Future[bytes]]:
        """A worker that was given the job, and the file for a long reply.

        One that had ended before costs nobody anything.
        """
        while True:
            worker = await self._take()
            try:
                # One that this worker left empty: no other may have a descriptor of it.
                file = worker.spare = worker.spare or spool_file(self._spool)
            except OSError as error:
                self._offer(worker)
                raise WorkerError(f"there is no file for a reply: {error}") from error
            try:
                answer = self._ask(worker, request, [file.fileno(), *inputs])
            except WorkerDied:
                worker.gone = True  # the end of its stream is heard soon
                continue
            except (OSError, ValueError) as error:
                self._abandon(worker)
                raise WorkerError(f"the job could not be handed over: {error}") from error
            worker.jobs += 1
            self.counts.jobs += 1
            worker.spare = None
            return worker, file, answer

    def _ask(self, worker: _Worker, message: bytes, descriptors: Sequence[int]) -> asyncio.Future[bytes]:
        if worker.gone:
            raise WorkerDied(None)
        try:
            send(worker.sock, message, descriptors)
        except ConnectionError as error:
            raise WorkerDied(None) from error
        worker.answer = self._loop.create_future()
        return worker.answer

    async def _answer(self, worker: _Worker, answer: asyncio.Future[bytes], seconds: float) -> bytes:
        late = self._loop.call_later(seconds, _end_late, answer, seconds)
        try:
            return await answer
        finally:
            late.cancel()
            worker.answer = None

    # One worker's life

    async def _take(self) -> _Worker:
        while self._idle:
            worker = self._idle.popleft()
            if not worker.gone:
                return worker
        if self._closed:
            raise WorkerDied(None)
        future: asyncio.Future[_Worker] = self._loop.create_future()
        self._waiting.append(future)
        try:
            return await future
        except BaseException:
            if future in self._waiting:
                self._waiting.remove(future)
            elif future.done() and not future.cancelled() and future.exception() is None:
                self._offer(future.result())
            raise

    def _offer(self, worker: _Worker) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(worker)
                return
        self._idle.append(worker)

    def _release(self, worker: _Worker, resident: int) -> None:
        if worker.gone:
            return
        grown = resident - worker.baseline > self._limits.max_growth
        if grown or worker.jobs >= self._limits.max_jobs:
            self.counts.recycled += 1
            self._forget(worker, None)
            self._fork()
        else:
            self._offer(worker)

    def _abandon(self, worker: _Worker) -> None:
        """Have a worker stop what nobody waits for."""
        if worker.gone:
            return
        try:
            send(worker.sock, b"")
        except OSError:
            self._kill(worker)
            return
        worker.stopping = self._loop.call_later(self._limits.grace, self._kill, worker)

    def _kill(self, worker: _Worker) -> None:
        if worker.gone:
            return
        self.counts.killed += 1
        self._order(kill=worker.number)
        self._forget(worker, None)
        self._fork()

    def _forget(self, worker: _Worker, error: WorkerError | None) -> None:
        worker.gone = True
        if worker.stopping is not None:
            worker.stopping.cancel()
        self._workers.pop(worker.number, None)
        self._loop.remove_reader(worker.sock)
        worker.sock.close()
        worker.inbox.close()
        if worker.spare is not None:
            worker.spare.close()
            worker.spare = None
        if worker.answer is not None and not worker.answer.done():
            worker.answer.set_exception(error or WorkerDied(None))

    def _fork(self) -> None:
        if self._closed or self._control is None:
            return
        self._numbers += 1
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        worker = _Worker(self._numbers, ours, Inbox(ours), time.monotonic())
        self._workers[worker.number] = worker
        self._loop.add_reader(ours, self._hear, worker)
        with theirs:
            self._order(theirs.fileno(), fork=worker.number)

    def _hear(self, worker: _Worker) -> None:
        try:
            alive = worker.inbox.feed()
            message = worker.inbox.next()
        except (OSError, ValueError):
            alive, message = False, None
        if message is not None:
            try:
                self._answered(worker, message.body)
            except ValueError as error:
                _log.error("worker %d: %s", worker.number, error)
                self._kill(worker)
            return
        if not alive:
            # The zygote will say how it ended; until then nobody gives it work.
            worker.gone = True
            self._loop.remove_reader(worker.sock)
            worker.stopping = self._loop.call_later(self._limits.grace, self._order_kill, worker.number)

    def _answered(self, worker: _Worker, message: bytes) -> None:
        if not worker.ready:
            _, worker.baseline = unpack_reply(message, None)
            worker.ready = True
            self._bad_starts = 0
            self._offer(worker)
            return
        if worker.stopping is not None:
            if unpack_question(message) is not None:
                # It asked before it was told to stop, which it takes for the answer, and has yet to end.
                return
            # Stopped in time: the answer is to nobody.
            worker.stopping.cancel()
            worker.stopping = None
            self._release(worker, worker.baseline)
            return
        if worker.answer is None:
            raise ValueError("it speaks without being asked")
        if not worker.answer.done():
            worker.answer.set_result(message)

    def _ended(self, number: int, status: int | None) -> None:
        worker = self._workers.get(number)
        if worker is None:
            return
        _log.warning("worker %d %s", number, WorkerDied(status))
        self.counts.crashed += 1
        self._forget(worker, WorkerDied(status))
        if worker.ready:
            self._fork()
            return
        self._bad_starts += 1
        pause = _BAD_START_PAUSE if self._bad_starts >= _BAD_STARTS else 0.0
        self._loop.call_later(pause, self._fork)

    # The zygote

    async def _start_zygote(self) -> None:
        # Exec returns within milliseconds, and the transports of asyncio would own the process.
        zygote, self._started = self._started or Zygote(self._setup.task.partition(":")[0]), None
        self._zygote, ours = zygote.process, zygote.control
        send(ours, pickle.dumps(self._setup))
        ours.setblocking(False)
        self._control, self._inbox = ours, Inbox(ours)
        self._ready = self._loop.create_future()
        self._loop.add_reader(ours, self._hear_zygote)
        await self._ready

    async def _end_zygote(self, patience: float) -> None:
        """Wait for the process to be gone; workers go with it."""
        zygote, self._zygote = self._zygote, None
        if zygote is None:
            return
        try:
            await asyncio.to_thread(zygote.wait, patience)
        except subprocess.TimeoutExpired:
            zygote.kill()
            await asyncio.to_thread(zygote.wait)

    def _order_kill(self, number: int) -> None:
        self._order(kill=number)

    def _order(self, descriptor: int | None = None, **what: object) -> None:
        if self._control is None:
            return
        try:
            send(self._control, json.dumps(what).encode(), [] if descriptor is None else [descriptor])
        except OSError:
            self._zygote_ended()

    def _hear_zygote(self) -> None:
        assert self._inbox is not None
        try:
            alive = self._inbox.feed()
            while (message := self._inbox.next()) is not None:
                told = json.loads(message.body)
                if "ready" in told:
                    if self._ready is not None and not self._ready.done():
                        self._ready.set_result(None)
                else:
                    self._ended(told["exit"], told["status"])
        except (OSError, ValueError):
            alive = False
        if not alive:
            self._zygote_ended()

    def _zygote_ended(self) -> None:
        if self._control is None:
            return
        self._loop.remove_reader(self._control)
        self._control.close()
        self._control = None
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(WorkerError("the worker processes could not be started; see the log"))
            return
        if self._closed:
            return
        _log.error("the zygote of the workers ended; it is started again")
        for worker in list(self._workers.values()):
            self._forget(worker, WorkerDied(None))
        self._idle.clear()
        self._restart = self._loop.create_task(self._start_again())

    async def _start_again(self) -> None:
        while not self._closed:
            await self._end_zygote(0)
            try:
                await self._start_zygote()
            except (WorkerError, OSError) as error:
                _log.error("%s", error)
                await asyncio.sleep(_BAD_START_PAUSE)
                continue
            for _ in range(self._limits.count):
                self._fork()
            return
