"""The engine's task, with sources whose names do to a worker what a hostile picture might."""

from __future__ import annotations

import ctypes
import pickle
import signal
import time

from openmogr.engine import worker
from openmogr.workers import Answer, Handler, Job


def make(settings: object) -> Handler:
    """As :func:`openmogr.engine.worker.make`."""
    handle = worker.make(settings)

    def faulty(job: Job) -> Answer:
        name = pickle.loads(job.request).name
        if name == "crash":
            ctypes.string_at(0)
        if name == "hang":
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            time.sleep(600)
        if name == "balloon":
            kept = []
            while True:
                kept.append(bytearray(b"x") * (64 << 20))
        if name == "slow":
            time.sleep(0.5)
        if name == "lie":
            return Answer(b'{"results": [{"data": "", "size": 5}], "info": null}', b"12345")
        return handle(job)

    return faulty
