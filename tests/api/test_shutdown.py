"""SIGTERM ends the server within its bound, whatever its workers do."""

from __future__ import annotations

import http.client
import threading
import time
from contextlib import suppress
from pathlib import Path

from openmogr.testing import ServerProcess

HOST = "stopping-1250000000.cos.ap-shanghai.myqcloud.com"


def test_long_work_does_not_hold_up_the_end(tmp_path: Path, photo: bytes) -> None:
    settings: dict[str, dict[str, object]] = {"server": {"shutdown_timeout": 1}, "image": {"workers": 2}}
    with ServerProcess(tmp_path / "data", settings) as server:
        server.request("PUT", "/", b"", host=HOST)
        server.request("PUT", "/a.png", photo, host=HOST)

        def ask(width: int) -> None:
            with suppress(OSError, http.client.HTTPException):
                server.request("GET", f"/a.png?imageMogr2/thumbnail/{width}x/format/avif", host=HOST)

        clients = [threading.Thread(target=ask, args=(5000 + number,)) for number in range(6)]
        for client in clients:
            client.start()
        time.sleep(1)
        started = time.monotonic()
        server.stop()
        elapsed = time.monotonic() - started
        for client in clients:
            client.join()
    # A second to drain; the rest is what closing takes on a busy machine. ServerProcess would kill after 20.
    assert elapsed < 15
