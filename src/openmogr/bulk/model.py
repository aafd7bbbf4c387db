"""What crosses between the driver of a run and those who work for it. All of it can be pickled."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from openmogr.image import ImageSettings, Pipeline, encoder_versions, font_versions

__all__ = [
    "PERMANENT",
    "Batch",
    "BatchDone",
    "Item",
    "Outcome",
    "PlaceUrl",
    "Reason",
    "Recipe",
    "Status",
    "versions",
]


class Reason:
    """Why an object failed, besides the codes of the API (``InvalidImageFormat``, ``ImageTooLarge`` and others)."""

    SOURCE = "SourceUnreadable"
    CHANGED = "SourceChanged"
    TARGET = "TargetUnwritable"
    EXISTS = "TargetExists"
    CLASH = "KeyClash"
    KEY = "InvalidKey"
    WORKER = "WorkerEnded"
    MEMORY = "MemoryExceeded"
    DEADLINE = "DeadlineExceeded"


# What a picture will fail for the next time, too: the ledger remembers it.
PERMANENT = frozenset(
    {
        "ImageResolutionExceed",
        "ImageTooLarge",
        "InvalidArgument",
        "InvalidImageFormat",
        "InvalidImageSource",
        "NotSupported",
        Reason.KEY,
    }
)


class Status(Enum):
    """What became of an object."""

    done = "done"
    failed = "failed"


@dataclass(frozen=True, slots=True)
class PlaceUrl:
    """A folder or a bucket, as it is opened anew wherever somebody works; keys are looked for there.

    Attributes:
        url: of a store with a path, or the absolute path of a folder.
        endpoint: of a store that is not at its provider's place.
        region: of the bucket.
    """

    url: str
    endpoint: str = ""
    region: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of this machine, or one that all machines have in common."""
        return "://" not in self.url


@dataclass(frozen=True, slots=True)
class Item:
    """An object that is to be worked on.

    Attributes:
        key: in the source's store.
        size: in bytes, as it was listed.
        version: what tells this content from another: an ETag, or the time of the last change.
        target: the key of the result in the target's store.
        replace: whether an object of that key may be replaced: it was made of this source by an earlier run, or
            whoever runs this has said so.
    """

    key: str
    size: int
    version: str
    target: str
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Objects that are worked on in one go.

    Attributes:
        seconds: of processor time that they take, as estimated.
    """

    items: Sequence[Item]
    seconds: float

    @property
    def size(self) -> int:
        """Bytes of all sources."""
        return sum(item.size for item in self.items)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one object.

    Attributes:
        size: of the result, in bytes.
        cpu: seconds of processor time in the process that made it.
        reason: empty where it is done.
    """

    item: Item
    status: Status
    size: int = 0
    cpu: float = 0.0
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class BatchDone:
    """What became of a batch.

    Attributes:
        outcomes: of all items, or of those that were finished when the run was interrupted.
        overhead: seconds of processor time that the process took besides, for reading, writing and handing over,
            since it told the last time.
        worker: names the process, for counting how many there were.
    """

    outcomes: Sequence[Outcome]
    overhead: float = 0.0
    worker: str = ""


@dataclass(frozen=True)
class Recipe:
    """All that whoever works on a batch has to know.

    Attributes:
        source: where objects are read.
        target: where results are written.
        pipeline: what is made of them.
        images: further images of the pipeline by name.
        settings: of image work.
        key: stands for all that results depend on besides their sources.
        versions: of what makes them here, which is to be the same wherever it is done.
    """

    source: PlaceUrl
    target: PlaceUrl
    pipeline: Pipeline
    settings: ImageSettings
    key: str
    images: Mapping[str, bytes] = field(default_factory=dict)
    versions: str = ""


def versions(settings: ImageSettings) -> str:
    """A digest of all codecs and fonts of this machine."""
    told = "\n".join((*encoder_versions(), *font_versions(settings)))
    return hashlib.sha256(told.encode()).hexdigest()
