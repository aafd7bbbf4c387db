"""Work in processes: a pool of sandboxed workers that may crash, hang or swell without harm to the server.

Nothing here knows images. A *task* is a callable in a module of its own, imported once by the zygote, from
which workers are forked; requests and replies are bytes, and files cross as descriptors.
"""

from typing import TYPE_CHECKING

from openmogr.lazily import names_of

if TYPE_CHECKING:
    from openmogr.workers.admission import Admission, Busy, NeverFits
    from openmogr.workers.errors import ReplyLost, WorkerDied, WorkerError, WorkerTimeout
    from openmogr.workers.held import HeldBytes
    from openmogr.workers.pool import WorkerPool
    from openmogr.workers.protocol import Answer, Handler, Job, Reply
    from openmogr.workers.settings import WorkerLimits
    from openmogr.workers.spool import Spool
    from openmogr.workers.start import Zygote
else:
    __getattr__ = names_of(
        __name__,
        {
            "admission": "Admission Busy NeverFits",
            "errors": "ReplyLost WorkerDied WorkerError WorkerTimeout",
            "held": "HeldBytes",
            "pool": "WorkerPool",
            "protocol": "Answer Handler Job Reply",
            "settings": "WorkerLimits",
            "spool": "Spool",
            "start": "Zygote",
        },
    )

__all__ = [
    "Admission",
    "Answer",
    "Busy",
    "Handler",
    "HeldBytes",
    "Job",
    "NeverFits",
    "Reply",
    "ReplyLost",
    "Spool",
    "WorkerDied",
    "WorkerError",
    "WorkerLimits",
    "WorkerPool",
    "WorkerTimeout",
    "Zygote",
]
