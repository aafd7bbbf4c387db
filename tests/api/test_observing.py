"""The access line, and who a client is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openmogr.api.observing import Observer
from openmogr.api.settings import ServerSettings
from openmogr.observe import Metrics
from openmogr.settings import SettingsError, load_settings
from openmogr.testing import ServerProcess


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.1.2.3", "203.0.113.9", "203.0.113.9"),
        ("10.1.2.3", "198.51.100.1, 203.0.113.9, 10.9.9.9", "203.0.113.9"),
        ("10.1.2.3", "10.9.9.9", "10.9.9.9"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3", "somebody", "10.1.2.3"),
        ("10.1.2.3", "203.0.113.9, somebody, 10.9.9.9", "10.9.9.9"),
        ("203.0.113.1", "198.51.100.1", "203.0.113.1"),
        ("::ffff:10.1.2.3", "2001:db8::1", "2001:db8::1"),
        ("fd00::1", "203.0.113.9", "203.0.113.9"),
        ("-", "203.0.113.9", "-"),
    ],
)
def test_only_trusted_proxies_name_the_client(peer: str, forwarded: str, client: str) -> None:
    settings = ServerSettings(trusted_proxies=("10.0.0.0/8", "fd00::/8"))
    observer = Observer(Metrics(), settings)
    assert observer.client(peer, {b"x-forwarded-for": forwarded.encode()}) == client
    assert (
        Observer(Metrics(), ServerSettings()).client(peer, {b"x-forwarded-for": forwarded.encode()}) == peer
    )


def test_a_network_that_is_none_is_named() -> None:
    with pytest.raises(SettingsError, match=r"trusted_proxies.*10\.0\.0"):
        load_settings(overrides={"server": {"trusted_proxies": ["10.0.0/8"]}})


def test_the_access_line_has_fields_and_the_request_s_id(tmp_path: Path, photo: bytes) -> None:
    settings: dict[str, dict[str, object]] = {
        "server": {"access_log": True, "trusted_proxies": ["127.0.0.0/8"]},
        "log": {"format": "json"},
    }
    with ServerProcess(tmp_path / "data", settings) as server:
        server.request("PUT", "/b-1250000000", b"")
        server.request("PUT", "/b-1250000000/a.png", photo, {"X-Forwarded-For": "203.0.113.9"})
        found = server.request("GET", "/b-1250000000/a.png?imageMogr2/thumbnail/50x")
        refused = server.request("GET", "/b-1250000000/a.png?imageMogr2/nothing", signed=False)
    # A line is written when its answer has been sent, so it may come later.
    events = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    lines = [event for event in events if event["logger"] == "openmogr.access"]
    put, get, denied = lines[-3:]
    assert put["operation"] == "put_object"
    assert (put["client"], put["method"], put["path"]) == ("203.0.113.9", "PUT", "/b-1250000000/a.png")
    assert (get["operation"], get["bytes"], get["client"]) == ("process_object", len(found.body), "127.0.0.1")
    assert denied["status"] == 403
    assert 0 < get["milliseconds"] < 60_000
    for line, answer in ((get, found), (denied, refused)):
        assert line["request_id"] == dict(answer.headers)["x-cos-request-id"]
    assert not any("color_message" in event for event in events)
