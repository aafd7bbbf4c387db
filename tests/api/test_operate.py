"""Pages of the server itself below ``/-/``."""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import socket
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from openmogr.app import App, create_app
from openmogr.settings import load_settings
from openmogr.storage import EmbeddedStorage, StorageUnusable
from openmogr.testing import ServerProcess


def get(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def ask_for(port: int, seconds: float) -> None:
    """Ask again and again, for at most so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        get(port, "/-/ready")
        time.sleep(0.1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def ask(app: App, path: str, *, alone: bool = False) -> tuple[int, bytes]:
    """One GET without a network."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "http_version": "1.1",
        "client": ("127.0.0.1", 1),
    }
    asyncio.run((app.operate if alone else app)(scope, receive, send))  # type: ignore[arg-type]
    return sent[0]["status"], sent[1]["body"]


def test_health_and_readiness_need_no_signature(server: ServerProcess) -> None:
    assert get(server.port, "/-/health") == (200, b'{"status": "ok"}\n')
    assert get(server.port, "/-/ready") == (200, b'{"status": "ready"}\n')
    assert get(server.port, "/-/health", "HEAD") == (200, b"")
    assert get(server.port, "/-/health", Authorization="Basic Zm9vOmJhcg==")[0] == 200
    assert get(server.port, "/-/health", "POST")[0] == 405
    assert get(server.port, "/-/nothing")[0] == 404
    assert get(server.port, "/-/")[0] == 404


def test_metrics_count_requests_by_what_they_were(
    server: ServerProcess, module_public: str, photo: bytes
) -> None:
    server.request("PUT", "/m.png", photo, host=module_public)
    server.request("GET", "/m.png", host=module_public)
    server.request("GET", "/m.png?imageMogr2/thumbnail/50x/format/png", host=module_public)
    status, text = get(server.port, "/-/metrics")
    assert status == 200
    counted = {
        (sample.labels["operation"], sample.labels["method"], sample.labels["status"])
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if sample.name == "openmogr_requests_total"
    }
    for expected in (
        ("put_object", "PUT", "200"),
        ("get_object", "GET", "200"),
        ("process_object", "GET", "200"),
    ):
        assert expected in counted
    assert b'openmogr_image_bytes_total{direction="out",format="png"}' in text
    assert b"openmogr_results_kept_bytes" in text


def test_at_a_bucket_s_host_they_are_objects(server: ServerProcess, bucket: str) -> None:
    assert server.request("GET", "/-/health", host=bucket).status == 404
    assert server.request("PUT", "/-/health", b"mine", host=bucket).status == 200
    assert server.request("GET", "/-/health", host=bucket).body == b"mine"
    assert server.request("GET", "/-/health", host=bucket, signed=False).status == 403


def test_an_address_of_their_own(tmp_path: Path) -> None:
    port = free_port()
    settings = {"server": {"operate_address": f"127.0.0.1:{port}", "metrics": False}}
    with ServerProcess(tmp_path / "data", settings) as server:
        assert get(port, "/-/health")[0] == 200
        assert get(port, "/-/ready")[0] == 200
        assert get(port, "/-/ready", "DELETE")[0] == 405
        assert get(port, "/-/metrics")[0] == 404
        assert get(port, "/")[0] == 404
        assert get(server.port, "/-/health")[0] in (403, 404)


def test_metrics_can_be_switched_off(tmp_path: Path) -> None:
    app = create_app(load_settings(overrides={"storage": {"data": tmp_path}, "server": {"metrics": False}}))
    assert ask(app, "/-/metrics")[0] == 404
    assert ask(app, "/-/metrics", alone=True)[0] == 404


def test_ready_goes_off_first_at_the_end(tmp_path: Path) -> None:
    # Long enough for three requests however busy the machine is.
    with ServerProcess(tmp_path / "data", {"server": {"shutdown_delay": 4}}) as server:
        assert server.request("PUT", "/end-1250000000", b"").status == 200
        server.signal(signal.SIGTERM)
        deadline = time.monotonic() + 3
        while (answer := get(server.port, "/-/ready"))[0] == 200 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert answer == (503, b'{"status": "stopping"}\n')
        assert get(server.port, "/-/health")[0] == 200
        assert server.request("GET", "/").status == 200
        with pytest.raises(OSError, match="refused"):
            ask_for(server.port, 30)


def test_while_starting_it_is_not_ready(tmp_path: Path) -> None:
    app = create_app(load_settings(overrides={"storage": {"data": tmp_path}}))
    for alone in (True, False):
        status, body = ask(app, "/-/ready", alone=alone)
        assert (status, json.loads(body)) == (503, {"status": "starting"})


class Silent(EmbeddedStorage):
    """A back-end whose disk is gone."""

    async def check(self) -> None:
        raise OSError("no disk")


def test_without_storage_it_is_not_healthy(tmp_path: Path) -> None:
    settings = load_settings(overrides={"storage": {"data": tmp_path}})
    app = create_app(settings, storage=Silent(settings.storage))
    assert ask(app, "/-/health") == (503, b'{"status": "the storage does not answer"}\n')
    assert ask(app, "/-/health", alone=True)[0] == 503


@pytest.mark.parametrize("reason", ["the folder is on the moon"])
def test_a_storage_that_cannot_start_is_told_in_words(tmp_path: Path, reason: str) -> None:
    class Unusable(EmbeddedStorage):
        async def __aenter__(self) -> Unusable:
            raise StorageUnusable(reason)

    settings = load_settings(overrides={"storage": {"data": tmp_path}})
    app = create_app(settings, storage=Unusable(settings.storage))
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app({"type": "lifespan"}, receive, send))
    assert sent == [{"type": "lifespan.startup.failed", "message": reason}]


@pytest.mark.parametrize("text", ["9001", "host:", ":9001", "a:b", "a:70000"])
def test_a_wrong_address_is_named(text: str) -> None:
    from openmogr.settings import SettingsError

    with pytest.raises(SettingsError, match="must be an address and a port"):
        load_settings(overrides={"server": {"operate_address": text}})
