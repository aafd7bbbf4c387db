"""Dates outside the calendar are no dates, wherever a client may send one."""

from __future__ import annotations

import pytest

from openmogr.dates import parse_http_date
from openmogr.testing import ServerProcess

OUTSIDE = [
    "Fri, 31 Dec 9999 23:59:59 -1200",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "Mon, 01 Jan 99999 00:00:00 GMT",
    "Mon, 01 Jan 2026 99999999999999999999:00:00 GMT",
    "Mon, 31 Feb 2026 00:00:00 GMT",
    "Mon, 01 Jan 2026 00:00:00 +9999",
    "Mon, 01 Jan " + "9" * 5000 + " 00:00:00 GMT",
    "0",
    "-1",
]


@pytest.mark.parametrize("text", OUTSIDE)
def test_what_is_no_date(text: str) -> None:
    assert parse_http_date(text) is None


@pytest.mark.parametrize("text", OUTSIDE)
@pytest.mark.parametrize("name", ["If-Modified-Since", "If-Unmodified-Since", "If-Range", "Date"])
def test_conditions_on_no_date_are_ignored(server: ServerProcess, bucket: str, name: str, text: str) -> None:
    assert server.request("PUT", "/a", b"body", host=bucket).status == 200
    headers = {name: text, "Range": "bytes=0-0"} if name == "If-Range" else {name: text}
    answer = server.request("GET", "/a", headers=headers, host=bucket)
    assert (answer.status, answer.body) == (200, b"body")


@pytest.mark.parametrize("text", OUTSIDE[:5])
@pytest.mark.parametrize("name", ["If-Modified-Since", "If-Unmodified-Since"])
def test_copies_ignore_them_too(server: ServerProcess, bucket: str, name: str, text: str) -> None:
    assert server.request("PUT", "/a", b"body", host=bucket).status == 200
    headers = {"x-cos-copy-source": f"{bucket}/a", f"x-cos-copy-source-{name}": text}
    assert server.request("PUT", "/b", b"", headers, host=bucket).status == 200
