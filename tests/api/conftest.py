"""A real server process, and buckets in it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

import openmogr.demo
from openmogr.testing import ServerProcess

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """With short timeouts, so that they can be waited for."""
    settings: dict[str, dict[str, object]] = {
        "server": {
            "domains": ["cos.example.com"],
            "custom_domains": {"img.example.org": "mapped-1250000000"},
            "body_timeout": 1.0,
            "head_timeout": 1.5,
        },
        "storage": {"max_buckets": 1000},
        "auth": {
            "keys": [{"secret_id": "AKIDREADER", "secret_key": "readerkey"}],
            "temporary": [
                {"secret_id": "AKIDTEMP", "secret_key": "tempkey", "token": "tok", "expires": 4_000_000_000},
                {"secret_id": "AKIDOLD", "secret_key": "oldkey", "token": "tok", "expires": 1_000_000_000},
            ],
        },
    }
    with ServerProcess(tmp_path_factory.mktemp("api") / "data", settings) as process:
        yield process
        assert "Traceback" not in process.log, process.log


@pytest.fixture
def bucket(server: ServerProcess) -> str:
    """The host of a new private bucket."""
    host = f"api{next(_numbers)}-1250000000.cos.ap-shanghai.myqcloud.com"
    assert server.request("PUT", "/", b"", host=host).status == 200
    return host


@pytest.fixture
def public(server: ServerProcess) -> str:
    """The host of a new bucket that everybody may read."""
    host = f"pub{next(_numbers)}-1250000000.cos.ap-shanghai.myqcloud.com"
    assert server.request("PUT", "/", b"", {"x-cos-acl": "public-read"}, host=host).status == 200
    return host


@pytest.fixture(scope="module")
def module_bucket(server: ServerProcess) -> str:
    """The host of a private bucket that the tests of a module have in common: an account holds 200."""
    host = f"api{next(_numbers)}-1250000000.cos.ap-shanghai.myqcloud.com"
    assert server.request("PUT", "/", b"", host=host).status == 200
    return host


@pytest.fixture(scope="module")
def module_public(server: ServerProcess) -> str:
    """The host of one that everybody may read."""
    host = f"pub{next(_numbers)}-1250000000.cos.ap-shanghai.myqcloud.com"
    assert server.request("PUT", "/", b"", {"x-cos-acl": "public-read"}, host=host).status == 200
    return host


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A PNG photo, 768x512."""
    return (Path(openmogr.demo.__file__).parent / openmogr.demo.KEY).read_bytes()
