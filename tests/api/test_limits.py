"""What a server refuses when it has enough to do, and what it survives."""

from __future__ import annotations

import http.client
import itertools
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from openmogr.testing import Answer, ServerProcess

HOST = "limits-1250000000.cos.ap-shanghai.myqcloud.com"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_too_many_connections(data: Path) -> None:
    with ServerProcess(data, {"server": {"max_connections": 3}}) as server:
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
        answer = server.request("GET", "/", signed=False)
        assert (answer.status, answer.code) == (503, "SlowDown")
        for connection in idle:
            connection.close()


def test_too_many_pictures(data: Path, photo: bytes) -> None:
    with ServerProcess(data, {"image": {"workers": 1, "queue": 1}}) as server:
        server.request("PUT", "/", b"", host=HOST)
        server.request("PUT", "/a.png", photo, host=HOST)

        def process(width: int) -> Answer:
            return server.request("GET", f"/a.png?imageMogr2/thumbnail/{width}x/format/avif", host=HOST)

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(process, range(300, 308)))
        statuses = {answer.status for answer in answers}
        assert statuses == {200, 503}
        refused = next(answer for answer in answers if answer.status == 503)
        assert (refused.code, refused.header("X-ErrNo")) == ("SlowDown", "-164")
        assert process(300).status == 200
        plain = server.request("GET", "/a.png", host=HOST)
        assert plain.body == photo


def test_sources_over_the_limit(data: Path, photo: bytes) -> None:
    """Told from the index, before a byte is read; ``ignore-error/1`` gives the original, ranges included."""
    with ServerProcess(data, {"image": {"max_input_bytes": 100_000}}) as server:
        server.request("PUT", "/", b"", host=HOST)
        server.request("PUT", "/a.png", photo, host=HOST)
        answer = server.request("GET", "/a.png?imageMogr2/strip", host=HOST)
        assert (answer.status, answer.code, answer.header("X-ErrNo")) == (400, "ImageTooLarge", "-167")
        target = "/a.png?imageMogr2/strip/ignore-error/1"
        assert server.request("GET", target, host=HOST).body == photo
        head = server.request("HEAD", target, host=HOST)
        assert (head.header("Content-Length"), head.header("Content-Type")) == (str(len(photo)), "image/png")
        part = server.request("GET", target, headers={"Range": "bytes=5-9"}, host=HOST)
        assert (part.status, part.body) == (206, photo[5:10])
        rule = {"Pic-Operations": '{"rules":[{"fileid":"b","rule":"imageMogr2/strip"}]}'}
        refused = server.request("PUT", "/c.png", photo, rule, host=HOST)
        assert (refused.status, refused.code) == (400, "ImageTooLarge")
        assert server.request("HEAD", "/c.png", host=HOST).status == 404
        ignoring = {"Pic-Operations": '{"rules":[{"fileid":"b","rule":"imageMogr2/strip/ignore-error/1"}]}'}
        assert server.request("PUT", "/c.png", photo, ignoring, host=HOST).status == 200
        assert server.request("GET", "/b", host=HOST).body == photo


def test_a_restart_keeps_keys_and_objects(data: Path) -> None:
    """Credentials that the first start made are those of the second; an acknowledged object is there."""
    made = {"auth": {"secret_id": "", "secret_key": ""}}
    with ServerProcess(data, made) as server:
        kept = (data / "credentials.json").read_bytes()
        assert (data / "credentials.json").stat().st_mode & 0o077 == 0
        assert server.request("GET", "/").code == "InvalidAccessKeyId"
    with ServerProcess(data, made):
        assert (data / "credentials.json").read_bytes() == kept


def test_killed_in_the_middle_of_uploads(data: Path) -> None:
    """Every acknowledged object is there byte for byte; no other is there in part."""
    acknowledged: dict[str, bytes] = {}
    with ServerProcess(data) as server:
        server.request("PUT", "/", b"", host=HOST)

        def upload(worker: int) -> None:
            for number in itertools.count():
                body = f"{worker}-{number};".encode() * (1 + 5000 * (number % 4))
                try:
                    if server.request("PUT", f"/{worker}-{number}", body, host=HOST).status == 200:
                        acknowledged[f"{worker}-{number}"] = body
                except (OSError, http.client.HTTPException):
                    return

        with ThreadPoolExecutor(8) as pool:
            done = [pool.submit(upload, worker) for worker in range(8)]
            while len(acknowledged) < 40 and not all(future.done() for future in done):
                time.sleep(0.01)
            server.kill()
        assert not [future for future in done if future.exception()]
    assert len(acknowledged) >= 40
    with ServerProcess(data) as server:
        for key, body in acknowledged.items():
            assert server.request("GET", f"/{key}", host=HOST).body == body
        listed = re.findall(rb"<Key>(\d+)-(\d+)</Key>", server.request("GET", "/", host=HOST).body)
        for worker, number in ((int(first), int(second)) for first, second in listed):
            whole = f"{worker}-{number};".encode() * (1 + 5000 * (number % 4))
            assert server.request("GET", f"/{worker}-{number}", host=HOST).body == whole
