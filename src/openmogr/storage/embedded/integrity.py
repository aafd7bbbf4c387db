"""How far bytes are checked against their CRC-64 when they are read, and what was found."""

from __future__ import annotations

import logging
import random
import time
from collections import OrderedDict
from collections.abc import Sequence

from openmogr.errors import InternalError
from openmogr.storage.embedded.records import Segment
from openmogr.storage.interface import ObjectInfo
from openmogr.storage.settings import Verify

__all__ = ["SMALL", "Integrity"]

_log = logging.getLogger("openmogr.storage")

# What is not longer, in bytes, is checked whenever it is read, before anything of it is sent.
SMALL = 1024 * 1024
# A longer object that was found whole is not read again for so long, in seconds.
_TRUSTED_SECONDS = 3600.0
_REMEMBERED = 65_536
# Of how many reads of a part of a longer object one has the whole checked.
_ONE_IN = 16


class Integrity:
    """The setting, and which bytes were found whole or damaged since the start. For the event loop's thread."""

    def __init__(self, verify: Verify) -> None:
        self.verify = verify
        self._whole: OrderedDict[tuple[Segment, ...], float] = OrderedDict()
        self._damaged: OrderedDict[tuple[Segment, ...], str] = OrderedDict()

    @property
    def on(self) -> bool:
        """Whether anything is checked at all."""
        return self.verify is not Verify.OFF

    def wants_all(self, segments: Sequence[Segment]) -> bool:
        """Whether a long object has to be read as a whole before anything of it is sent."""
        return self.verify is Verify.FULL and not self._trusted(segments)

    def wants_sample(self, segments: Sequence[Segment]) -> bool:
        """Whether the turn of a long object has come to be read as a whole beside the request."""
        return (
            self.verify is Verify.SAMPLED
            and not random.randrange(_ONE_IN)  # noqa: S311 - a sample, no secret
            and not self._trusted(segments)
        )

    def found_whole(self, segments: Sequence[Segment]) -> None:
        """The bytes are what they were."""
        _remember(self._whole, tuple(segments), time.monotonic())

    def found_damaged(self, info: ObjectInfo, segments: Sequence[Segment], reason: str) -> InternalError:
        """The bytes are not what they were; says so in the log."""
        if self.on:
            _remember(self._damaged, tuple(segments), reason)
        _log.error("object %s/%s is damaged: %s", info.bucket, info.key, reason)
        return _error(info, reason)

    def refuse_damaged(self, info: ObjectInfo, segments: Sequence[Segment]) -> None:
        """Raises ``InternalError`` for bytes that were found damaged before."""
        if self._damaged and (reason := self._damaged.get(tuple(segments))):
            _log.error("object %s/%s is damaged, as was found before: %s", info.bucket, info.key, reason)
            raise _error(info, reason)

    def _trusted(self, segments: Sequence[Segment]) -> bool:
        when = self._whole.get(tuple(segments))
        return when is not None and time.monotonic() - when < _TRUSTED_SECONDS


def _error(info: ObjectInfo, reason: str) -> InternalError:
    return InternalError(detail=f"object {info.bucket}/{info.key} is damaged: {reason}")


def _remember(
    table: OrderedDict[tuple[Segment, ...], float] | OrderedDict[tuple[Segment, ...], str],
    segments: tuple[Segment, ...],
    value: float | str,
) -> None:
    table[segments] = value  # type: ignore[assignment]  # the callers' pairs fit
    table.move_to_end(segments)
    while len(table) > _REMEMBERED:
        table.popitem(last=False)
