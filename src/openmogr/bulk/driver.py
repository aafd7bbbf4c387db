"""A run: lists, leaves out what is done, cuts batches, hands them over, and writes down what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from openmogr.bulk.errors import BatchLost, BulkError
from openmogr.bulk.estimate import Cutter, Estimate
from openmogr.bulk.executors import Executor
from openmogr.bulk.feed import Feed
from openmogr.bulk.keys import KeyRule, key_problem
from openmogr.bulk.ledger import Ledger, Record
from openmogr.bulk.model import PERMANENT, Batch, BatchDone, Item, Outcome, Reason, Status
from openmogr.bulk.sources import Listed, SourcePlace
from openmogr.bulk.tally import Failure, Tally
from openmogr.database import DatabaseUnavailable

__all__ = ["Driver", "Limits", "Plan"]

# Batches for each picture that is worked on: one under way, one that waits, so that nobody idles.
_BATCHES_PER_SLOT = 2
# Near the end batches get shorter, so that all workers end at about the same time.
_PARTS_LEFT = 3
_SHORTEST = 0.2
_LEDGER_ATTEMPTS = 5

T = TypeVar("T")
Tell = Callable[[Failure], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is under way.

    Attributes:
        in_flight: bytes of sources in batches under way, unless one object alone is longer.
        seconds: of processor time of a batch.
        batch: bytes of the sources of a batch.
    """

    in_flight: int = 256 << 20
    seconds: float = 10.0
    batch: int = 32 << 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run goes through.

    Attributes:
        feed: gives objects.
        source: where they are.
        rule: of the keys of results.
        overwrite: objects of the target that no run made may be replaced.
        retry_failed: pictures that failed in an earlier run by their own fault are tried again.
    """

    feed: Feed
    source: SourcePlace
    rule: KeyRule
    overwrite: bool = False
    retry_failed: bool = False


class Driver:
    """One run.

    Args:
        plan: what it goes through.
        executor: started; works on batches.
        ledger: open; knows what earlier runs did.
        tally: is kept up to date.
        tell: gets each failure.
    """

    def __init__(self, plan: Plan, executor: Executor, ledger: Ledger, tally: Tally, tell: Tell) -> None:
        self._plan = plan
        self._executor = executor
        self._ledger = ledger
        self._tally = tally
        self._tell = tell
        self._limits = Limits()
        self._estimate = Estimate()
        self._cutter = Cutter(self._estimate, seconds=self._limits.seconds, size=self._limits.batch)
        # Under way: sources, and the keys of their results.
        self._sources: set[str] = set()
        self._targets: dict[str, str] = {}
        self._batches = 0
        self._changed = asyncio.Event()
        self._producer: asyncio.Task[None] | None = None
        self.stopped = False

    def limit(self, limits: Limits) -> None:
        """Other limits than the usual ones."""
        self._limits = limits
        self._cutter = Cutter(self._estimate, seconds=limits.seconds, size=limits.batch)

    async def run(self) -> None:
        """Until all is done, or somebody stops it. Raises ``BulkError`` where it cannot go on; what is done stays."""
        try:
            async with asyncio.TaskGroup() as group:
                self._producer = group.create_task(self._produce(group))
        except* BulkError as failed:
            first = failed.exceptions[0]
            raise BulkError(str(first)) from first

    async def stop(self) -> None:
        """Have it end within seconds: nothing more is listed, and of batches under way what is finished counts."""
        self.stopped = True
        if self._producer is not None:
            self._producer.cancel()
        await self._executor.stop()

    async def _produce(self, group: asyncio.TaskGroup) -> None:
        async for page in self._plan.feed.pages():
            for item in await self._to_do(page):
                batch = self._cutter.add(item, self._shorter())
                if batch is not None:
                    await self._submit(group, batch)
            if not self._batches and (batch := self._cutter.rest()) is not None:
                await self._submit(group, batch)
        if (batch := self._cutter.rest()) is not None:
            await self._submit(group, batch)

    def _shorter(self) -> float | None:
        survey = self._tally.survey
        if survey is None or not self._tally.done:
            return None
        left = survey.objects - self._tally.seen - self._tally.objects_in_flight
        each = self._tally.cpu / self._tally.done
        return max(left * each / (_PARTS_LEFT * self._executor.slots), _SHORTEST)

    # What is to be done

    async def _to_do(self, page: Sequence[Listed | str]) -> list[Item]:
        """The objects of a page that are to be worked on; the others are counted."""
        there = []
        for found in page:
            if isinstance(found, str):
                self._failed(Failure(found, "", 0, Reason.SOURCE, "there is no such object"))
            elif found.key not in self._sources:
                there.append(found)
        items = self._named(there)
        records = await self._asked(lambda: self._ledger.look_up([item.key for item in items]))
        open_ = [item for item in items if not self._is_over(item, records.get(item.key))]
        owners = await self._asked(lambda: self._ledger.owners([item.target for item in open_]))
        wanted = []
        for item in open_:
            owner = self._targets.get(item.target) or owners.get(item.target)
            if owner is not None and owner != item.key and await self._is_clash(item, owner):
                text = f"{owner} has the same key of its result"
                self._failed(Failure(item.key, item.target, item.size, Reason.CLASH, text))
                continue
            is_ours = owner is not None
            self._sources.add(item.key)
            self._targets[item.target] = item.key
            wanted.append(
                Item(item.key, item.size, item.version, item.target, replace=is_ours or self._plan.overwrite)
            )
        return wanted

    def _named(self, page: Sequence[Listed]) -> list[Item]:
        """With keys for their results, but for those that cannot have one."""
        items = []
        for found in page:
            target = self._plan.rule.target(found.key.removeprefix(self._plan.source.base))
            problem = key_problem(target) or key_problem(found.key)
            if problem:
                self._failed(Failure(found.key, target, found.size, Reason.KEY, problem))
            else:
                items.append(Item(found.key, found.size, found.version, target))
        return items

    def _is_over(self, item: Item, record: Record | None) -> bool:
        """Whether an earlier run has done all that can be done."""
        if record is None or not record.holds(item.size, item.version):
            return False
        if record.status is Status.done and record.target == item.target:
            self._tally.skipped += 1
            return True
        if record.status is Status.failed and record.reason in PERMANENT and not self._plan.retry_failed:
            self._tally.known += 1
            self._failed(
                Failure(item.key, item.target, item.size, record.reason, record.message, before=True)
            )
            return True
        return False

    async def _is_clash(self, item: Item, owner: str) -> bool:
        """Whether another source of this place has the key; what is made of one that is gone is taken over."""
        if owner not in self._sources:
            named = self._plan.rule.target(owner.removeprefix(self._plan.source.base))
            if named != item.target or await self._plan.source.look_up(owner) is None:
                await self._asked(lambda: self._ledger.release([owner]))
                return False
        return True

    def _failed(self, failure: Failure) -> None:
        self._tally.failed[failure.reason] += 1
        self._tell(failure)

    # Batches under way

    async def _submit(self, group: asyncio.TaskGroup, batch: Batch) -> None:
        """Hand over a batch once there is room."""
        while self._batches and not self._has_room(batch):
            self._changed.clear()
            await self._changed.wait()
        self._batches += 1
        self._tally.submitted(batch)
        group.create_task(self._work(batch))

    def _has_room(self, batch: Batch) -> bool:
        return (
            self._batches < _BATCHES_PER_SLOT * self._executor.slots
            and self._tally.bytes_in_flight + batch.size <= self._limits.in_flight
        )

    async def _work(self, batch: Batch) -> None:
        try:
            try:
                done = await self._executor.run(batch)
            except BatchLost as error:
                if self.stopped:
                    return
                self._tally.lost += 1
                done = BatchDone([_lost(item, error) for item in batch.items])
            await self._asked(lambda: self._ledger.record(done.outcomes))
            self._estimate.learn(done.outcomes)
            self._tally.worked(done)
            for outcome in done.outcomes:
                if outcome.status is Status.failed:
                    item = outcome.item
                    self._tell(Failure(item.key, item.target, item.size, outcome.reason, outcome.message))
        finally:
            self._tally.returned(batch)
            self._batches -= 1
            for item in batch.items:
                self._sources.discard(item.key)
                self._targets.pop(item.target, None)
            self._changed.set()

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What the ledger says, which may be away for a while."""
        for left in reversed(range(_LEDGER_ATTEMPTS)):
            try:
                return await ask()
            except DatabaseUnavailable as error:
                if not left:
                    raise BulkError(f"the ledger cannot be used any more: {error.detail}") from error
                await asyncio.sleep(2.0 ** (_LEDGER_ATTEMPTS - left))
        raise AssertionError


def _lost(item: Item, error: BatchLost) -> Outcome:
    message = f"the processes that worked on it ended, the last one so: {error}"
    return Outcome(item, Status.failed, 0, 0.0, Reason.WORKER, message)
