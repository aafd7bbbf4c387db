"""How long tags may be."""

from __future__ import annotations

import pytest

from openmogr.testing import ServerProcess


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("k" * 128, "v" * 256, 200),
        ("k" * 129, "v", 400),
        ("k", "v" * 257, 400),
        ("k", "", 200),
        ("", "v", 400),
    ],
)
def test_lengths(server: ServerProcess, bucket: str, key: str, value: str, status: int) -> None:
    header = server.request("PUT", "/tagged", b"", {"x-cos-tagging": f"{key}={value}"}, host=bucket)
    assert header.status == status
    body = f"<Tagging><TagSet><Tag><Key>{key}</Key><Value>{value}</Value></Tag></TagSet></Tagging>".encode()
    assert server.request("PUT", "/plain", b"", host=bucket).status == 200
    document = server.request("PUT", "/plain?tagging", body, host=bucket)
    assert document.status == status
    if status == 400:
        assert {header.code, document.code} == {"InvalidTag"}
