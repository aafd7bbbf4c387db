"""``kill -9`` of the server amid many uploads over HTTP: acknowledged objects are there, byte for byte."""

from __future__ import annotations

import hashlib
import http.client
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from openmogr.auth import AuthSettings, load_credentials
from openmogr.auth.signer import sign_request

BUCKET = "crash-1250000000"
UPLOADERS = 6
ROUNDS = 3


def body(name: str) -> bytes:
    seed = hashlib.sha256(name.encode()).digest()
    return seed * (1 + int.from_bytes(seed[:2]) // 4)


class Server:
    """A server process over a data folder."""

    def __init__(self, data: Path) -> None:
        command = [sys.executable, "-m", "openmogr.cli", "serve", "--port", "0", "--data", str(data)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        self.netloc = urlsplit(first.split()[3].rstrip(",")).netloc
        self.credential = load_credentials(AuthSettings(), data / "credentials.json").owner

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.netloc, timeout=30)

    def request(
        self, connection: http.client.HTTPConnection, method: str, path: str, data: bytes | None = None
    ) -> tuple[int, bytes]:
        headers = {"Authorization": sign_request(self.credential, method, path)}
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@dataclass
class Ledger:
    """Names of uploads, as their client knows them."""

    attempted: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)


def upload_until_death(server: Server, prefix: str, ledger: Ledger) -> None:
    connection = server.connect()
    try:
        for index in count():
            name = f"{prefix}-{index}"
            ledger.attempted.add(name)
            assert server.request(connection, "PUT", f"/{BUCKET}/{name}", body(name))[0] == 200
            ledger.acknowledged.add(name)
    except (OSError, http.client.HTTPException):
        pass
    finally:
        connection.close()


def test_acknowledged_uploads_survive_a_kill(tmp_path: Path) -> None:
    chance = random.Random(9)
    ledger = Ledger()
    for number in range(ROUNDS):
        server = Server(tmp_path / "data")
        if number == 0:
            setup = server.connect()
            assert server.request(setup, "PUT", f"/{BUCKET}/")[0] == 200
            setup.close()
        before = len(ledger.acknowledged)
        threads = [
            threading.Thread(target=upload_until_death, args=(server, f"{number}-{uploader}", ledger))
            for uploader in range(UPLOADERS)
        ]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 60
        while len(ledger.acknowledged) < before + 20 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(chance.uniform(0.05, 0.5))
        server.kill()
        for thread in threads:
            thread.join()
        assert len(ledger.acknowledged) >= before + 20
    check(tmp_path / "data", ledger)


def check(data: Path, ledger: Ledger) -> None:
    server = Server(data)
    connection = server.connect()
    try:
        for name in sorted(ledger.acknowledged):
            assert server.request(connection, "GET", f"/{BUCKET}/{name}") == (200, body(name))
        unsure = ledger.attempted - ledger.acknowledged
        assert len(unsure) <= ROUNDS * UPLOADERS
        for name in sorted(unsure):
            status, found = server.request(connection, "GET", f"/{BUCKET}/{name}")
            assert status == 404 or found == body(name)
    finally:
        connection.close()
        server.kill()
