"""The process that workers are forked from: one thread, everything imported, nothing secret.

Run as ``python -m openmogr.workers FD MODULE`` by :class:`openmogr.workers.start.Zygote`. It is started fresh, not
forked from the server, whose threads, keys and sockets it therefore never had.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pickle
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from typing import NoReturn

from openmogr.workers.channel import Inbox, Message, send
from openmogr.workers.child import Memory, serve
from openmogr.workers.protocol import Handler
from openmogr.workers.sandbox import confine, die_with_parent
from openmogr.workers.settings import Setup, WorkerLimits

__all__ = ["main"]


class _Zygote:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._inbox = Inbox(control)
        self._workers: dict[int, int] = {}  # process id by the server's number
        self._selector = selectors.DefaultSelector()
        self._woken, self._alarm = socket.socketpair()
        for end in (self._woken, self._alarm):
            end.setblocking(False)

    def run(self, preloaded: str) -> None:
        # Whoever started this may not know yet what is to be done.
        importlib.import_module(preloaded)
        setup = self._setup()
        if setup is None:
            return
        module, _, name = setup.task.partition(":")
        make: Callable[[object], Handler] = getattr(importlib.import_module(module), name)
        handler = make(setup.options)
        # Pages that the collector does not touch stay shared between all workers.
        gc.collect()
        gc.freeze()
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._alarm.fileno(), warn_on_full_buffer=False)
        self._tell(ready=True)
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in self._selector.select()}
            if self._woken in ready:
                self._reap()
            if self._control in ready:
                if not self._inbox.feed():
                    return
                while (message := self._inbox.next()) is not None:
                    self._obey(message, handler, setup.limits)

    def _setup(self) -> Setup | None:
        message = self._inbox.wait()
        if message is None:
            return None
        setup = pickle.loads(message.body)  # noqa: S301 - from the server, over a socket that only it has
        assert isinstance(setup, Setup)
        return setup

    def _tell(self, **what: object) -> None:
        with contextlib.suppress(OSError):  # the server's end is seen by the next receive
            send(self._control, json.dumps(what).encode())

    def _obey(self, message: Message, handler: Handler, limits: WorkerLimits) -> None:
        order = json.loads(message.body)
        if (number := order.get("kill")) is not None:
            # Only a process that was not waited for yet: its number cannot be anybody else's.
            if number in self._workers:
                os.kill(self._workers[number], signal.SIGKILL)
            return
        (descriptor,) = message.descriptors
        try:
            child = os.fork()
        except OSError:
            os.close(descriptor)
            self._tell(exit=order["fork"], status=None)
            return
        if child == 0:
            self._become_worker(descriptor, handler, limits)
        os.close(descriptor)
        self._workers[order["fork"]] = child

    def _become_worker(self, descriptor: int, handler: Handler, limits: WorkerLimits) -> NoReturn:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            # A terminal's Ctrl-C reaches the whole group; when workers end is the server's to say.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            die_with_parent()
            for end in (self._control, self._woken, self._alarm, self._selector):
                end.close()
            memory = Memory(limits.max_growth)
            confine(limits.memory, limits.readable, limits.nice)
            # Open to the very end: the server takes the end of the stream for the end of the process.
            serve(socket.socket(fileno=descriptor), handler, memory)
            status = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass
        for number, child in list(self._workers.items()):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                del self._workers[number]
                self._tell(exit=number, status=os.waitstatus_to_exitcode(status))


def main() -> None:
    """Serve the control socket whose descriptor is the first argument, until the server closes it; the second names a
    module to begin with.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    die_with_parent()
    with socket.socket(fileno=int(sys.argv[1])) as control:
        zygote = _Zygote(control)  # named, so that its sockets outlive the signals that are written to one
        try:
            with contextlib.suppress(ConnectionError):  # the server is gone, and its workers go with it
                zygote.run(sys.argv[2])
        finally:
            signal.set_wakeup_fd(-1)
