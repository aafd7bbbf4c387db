"""Where callbacks may go."""

from __future__ import annotations

import pytest

from openmogr.api.jobs.callback import CallbackError, _address
from openmogr.jobs import JobSettings


def resolved(*addresses: str) -> list[tuple[object, ...]]:
    return [(0, 0, 0, "", (address, 80)) for address in addresses]


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "224.0.0.1", "ff0e::1", "::ffff:127.0.0.1"),
    ],
)
def test_no_address_that_is_not_public(address: str) -> None:
    with pytest.raises(CallbackError, match="public"):
        _address("a.test", 80, JobSettings(), lambda *_, **__: resolved(address))


def test_the_first_address_that_may_be() -> None:
    settings = JobSettings(callback_networks=("10.0.0.0/8",))

    def found(*addresses: str) -> tuple[str, int]:
        return _address("a.test", 80, settings, lambda *_, **__: resolved(*addresses))

    assert found("127.0.0.1", "93.184.215.14") == ("93.184.215.14", 80)
    assert found("10.1.1.1") == ("10.1.1.1", 80)
    assert found("::ffff:10.1.1.1") == ("::ffff:10.1.1.1", 80)
