"""GET ``/-/errors``: what the server answered with errors of late, for holders of its own keys."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from openmogr.api.troubles import Troubles
from openmogr.auth import Grant, sign_request
from openmogr.auth.tokens import issue
from openmogr.errors import InternalError, NoSuchKey
from openmogr.testing import ServerProcess

BUCKET = "errors-1250000000"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("errors") / "data", {}) as process:
        assert process.request("PUT", f"/{BUCKET}", b"").status == 200
        yield process


def _errors(server: ServerProcess) -> list[dict[str, object]]:
    answer = server.request("GET", "/-/errors")
    assert (answer.status, answer.header("Content-Type")) == (200, "application/json")
    assert answer.header("Cache-Control") == "no-store"
    found: list[dict[str, object]] = json.loads(answer.body)["errors"]
    return found


def test_an_error_is_told_with_its_request(server: ServerProcess) -> None:
    since = time.time()
    missing = server.request("GET", f"/{BUCKET}/missing.png?imageMogr2/format/webp")
    assert missing.status == 404
    (newest, *_) = _errors(server)
    at = newest.pop("time")
    assert isinstance(at, float)
    assert since - 1 <= at <= time.time() + 1
    assert newest == {
        "request_id": missing.header("x-cos-request-id"),
        "method": "GET",
        "path": f"/{BUCKET}/missing.png",
        "status": 404,
        "code": "NoSuchKey",
        "message": "The specified key does not exist.",
    }


def test_neither_signatures_nor_tokens_are_kept(server: ServerProcess) -> None:
    secret = "0123456789abcdef0123456789abcdef01234567"
    query = f"q-sign-algorithm=sha1&q-ak=AKIDwrong&q-sign-time=1;2&q-key-time=1;2&q-signature={secret}"
    for target, headers in (
        (f"/{BUCKET}/a.png?{query}&x-cos-security-token={secret}", {}),
        (f"/{BUCKET}/a.png", {"Authorization": query, "x-cos-security-token": secret}),
        (f"/{BUCKET}/a.png", {"Authorization": secret}),
    ):
        assert server.request("GET", target, b"", headers, signed=False).status >= 400
    text = json.dumps(_errors(server))
    assert secret not in text
    assert "q-signature=" not in text


def test_they_are_for_keys_of_the_settings_alone(server: ServerProcess) -> None:
    assert server.request("GET", "/-/errors", signed=False).status == 403
    assert server.request("POST", "/-/errors").status in (404, 405)
    head = server.request("HEAD", "/-/errors")
    assert (head.status, head.body) == (200, b"")


def test_a_temporary_key_does_not_see_them(server: ServerProcess) -> None:
    key = issue(server.credential, Grant(False, (), ()), int(time.time()) + 600)
    headers = {"Host": f"127.0.0.1:{server.port}", "x-cos-security-token": key.token or ""}
    signature = sign_request(key, "GET", "/-/errors", {"host": headers["Host"]})
    refused = server.request("GET", "/-/errors", headers={**headers, "Authorization": signature})
    assert (refused.status, b"<Code>AccessDenied" in refused.body) == (403, True)
    assert (
        server.request(
            "GET",
            f"/{BUCKET}",
            headers={
                **headers,
                "Authorization": sign_request(key, "GET", f"/{BUCKET}", {"host": headers["Host"]}),
            },
        ).status
        == 200
    )


def test_clients_mistakes_do_not_push_out_what_is_the_servers() -> None:
    troubles = Troubles()
    troubles.note("GET", "/b/fault?q-signature=secret", InternalError("Out of luck."), "one")
    for number in range(1000):
        troubles.note("GET", f"/b/{number}" + "x" * 1000, NoSuchKey("m" * 1000), str(number))
    found = troubles.newest()
    assert len(found) == 101
    assert (found[0].request_id, found[-1].request_id) == ("999", "one")
    assert found[-1].path == "/b/fault"
    assert (
        max(len(trouble.path) for trouble in found) == max(len(trouble.message) for trouble in found) == 300
    )
