"""A bound on the requests of one caller, by key or by address."""

from __future__ import annotations

from pathlib import Path

import pytest

from openmogr.api import rate
from openmogr.api.rate import RateLimit, network_of
from openmogr.errors import SlowDown
from openmogr.testing import Answer, ServerProcess


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def sent(limit: RateLimit, caller: str, number: int) -> int:
    """How many of so many requests are taken."""
    taken = 0
    for _ in range(number):
        try:
            limit.count(caller)
            taken += 1
        except SlowDown:
            pass
    return taken


def test_a_second_s_worth_at_once_and_then_the_rate() -> None:
    clock = Clock()
    limit = RateLimit(10, clock)
    assert sent(limit, "a", 50) == 10
    assert sent(limit, "b", 50) == 10
    clock.now += 0.35
    assert sent(limit, "a", 50) == 3
    clock.now += 100
    assert sent(limit, "a", 50) == 10


def test_less_than_one_per_second_says_when() -> None:
    clock = Clock()
    limit = RateLimit(0.1, clock)
    limit.count("a")
    with pytest.raises(SlowDown) as refused:
        limit.count("a")
    assert refused.value.headers == {"Retry-After": "10"}
    clock.now += 10
    limit.count("a")


def test_without_a_limit_nothing_is_counted() -> None:
    assert sent(RateLimit(0, Clock()), "a", 1000) == 1000


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "_CALLERS", 3)
    limit = RateLimit(1, Clock())
    for caller in "abcd":
        limit.count(caller)
    assert list(limit._even) == ["b", "c", "d"]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("-", "-"),
    ],
)
def test_one_caller_is_one_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_keys_and_addresses_are_counted_apart(tmp_path: Path) -> None:
    settings = {"server": {"requests_per_second": 0.01, "trusted_proxies": ["127.0.0.0/8"]}}

    def asked(server: ServerProcess, address: str, *, signed: bool = False, key: str = "") -> Answer:
        headers = {"X-Forwarded-For": address}
        if key:
            headers["Authorization"] = key
        return server.request("GET", "/", headers=headers, signed=signed and not key)

    with ServerProcess(tmp_path / "data", settings) as server:
        assert asked(server, "203.0.113.1", signed=True).status == 200
        # From wherever: it is the key that is over its rate.
        again = asked(server, "203.0.113.2", signed=True)
        assert (again.status, again.code) == (503, "SlowDown")
        assert int(dict(again.headers).get("Retry-After") or dict(again.headers)["retry-after"]) > 90
        assert asked(server, "203.0.113.3").status == 403
        assert asked(server, "203.0.113.3").status == 503
        # Who names a key without having it does not use up its rate, but that of the address.
        wrong = (
            f"q-sign-algorithm=sha1&q-ak={server.credential.secret_id}&q-sign-time=1;9999999999"
            "&q-key-time=1;9999999999&q-header-list=&q-url-param-list=&q-signature=00"
        )
        assert asked(server, "203.0.113.4", key=wrong).code == "SignatureDoesNotMatch"
        assert asked(server, "203.0.113.4", key=wrong).code == "SlowDown"
        # Probes are never refused.
        assert {asked(server, "203.0.113.4").status for _ in range(2)} == {503}
        assert server.request("GET", "/-/health", signed=False).status == 200
