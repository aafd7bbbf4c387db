"""A store that is down, hangs, breaks off, refuses the keys or is no store: told in words, and nothing else suffers."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from openmogr.auth import sign_request
from openmogr.testing import Answer, ServerProcess
from tests.gateway.conftest import BUCKET, SECRET, S3Bucket, VersityGW

HOST = f"{BUCKET}.cos.ap-shanghai.myqcloud.com"
OTHER = "other-1250000000"
TIMEOUT = 1.5
TARGETS = [
    "/a.png",
    "/a.png?imageMogr2/thumbnail/10x",
    "/a.png?imageMogr2/thumbnail/11x",
    "/",
    "/?delimiter=%2F",
    "/none.png",
]


@contextmanager
def serving(folder: Path, *places: dict[str, object]) -> Iterator[ServerProcess]:
    """A server with the first place as the usual bucket, and a second one as another."""
    buckets = dict(zip((BUCKET, OTHER), places, strict=False))
    settings: dict[str, dict[str, object]] = {
        "gateway": {"timeout": TIMEOUT, "buckets": buckets},
        "image": {"workers": 1},
        "storage": {"chunk_bytes": 65536},
    }
    with ServerProcess(folder / "data", settings) as process:
        yield process
        assert "Traceback" not in process.log, process.log
        assert SECRET not in process.log


@pytest.fixture
def gateway(versitygw: VersityGW, tmp_path: Path) -> Iterator[VersityGW]:
    """One of its own, for what it does not outlive."""
    with VersityGW(tmp_path / "versitygw") as running:
        yield running


def get(server: ServerProcess, target: str, host: str = HOST) -> Answer:
    return server.request("GET", target, host=host)


def assert_unavailable(answer: Answer, words: bytes = b"store of this bucket") -> None:
    assert (answer.status, answer.code) == (503, "ServiceUnavailable"), answer.body
    assert int(answer.header("Retry-After") or answer.header("retry-after") or 0) > 0
    assert words in answer.body


def test_a_store_that_dies_and_comes_back(gateway: VersityGW, tmp_path: Path, photo: bytes) -> None:
    bucket = S3Bucket(gateway, "company-photos")
    bucket.put("a.png", photo)
    with serving(tmp_path, bucket.place) as server:
        assert get(server, TARGETS[1]).status == 200
        gateway.kill()
        for target in TARGETS:
            # What is remembered too: whether it is still right, only the store knows.
            assert_unavailable(get(server, target))
        assert server.request("GET", "/", host="service.cos.myqcloud.com").status == 200
        assert server.request("GET", "/-/ready", signed=False).status == 200
        assert server.request("PUT", "/a.png", b"x", host=HOST).status == 405
        gateway.start()
        assert get(server, TARGETS[0]).body == photo
        assert get(server, TARGETS[1]).header("x-openmogr-cache") == "hit"


def test_a_store_that_hangs_is_waited_for_so_long(gateway: VersityGW, tmp_path: Path, photo: bytes) -> None:
    bucket = S3Bucket(gateway, "company-photos")
    bucket.put("a.png", photo)
    with serving(tmp_path, bucket.place) as server:
        assert get(server, "/a.png").status == 200
        gateway.signal(signal.SIGSTOP)
        try:
            answers: list[tuple[float, Answer]] = []

            def ask(target: str) -> None:
                started = time.monotonic()
                answer = get(server, target)
                answers.append((time.monotonic() - started, answer))

            threads = [threading.Thread(target=ask, args=(target,)) for target in TARGETS]
            for thread in threads:
                thread.start()
            assert server.request("GET", "/-/health", signed=False).status == 200
            for thread in threads:
                thread.join()
        finally:
            gateway.signal(signal.SIGCONT)
        assert len(answers) == len(TARGETS)
        for seconds, answer in answers:
            assert_unavailable(answer)
            # Beside other tests; what counts is that it ends.
            assert seconds < TIMEOUT + 8
        assert get(server, "/a.png").body == photo


def test_a_store_that_dies_while_an_object_is_sent(gateway: VersityGW, tmp_path: Path) -> None:
    bucket = S3Bucket(gateway, "company-photos")
    size = 30_000_000
    bucket.put("long", os.urandom(size))
    with serving(tmp_path, bucket.place) as server:
        signature = sign_request(server.credential, "GET", "/long", {"host": HOST})
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        try:
            connection.request("GET", "/long", headers={"Host": HOST, "Authorization": signature})
            response = connection.getresponse()
            assert response.getheader("Content-Length") == str(size)
            assert len(response.read(100_000)) == 100_000
            gateway.kill()
            # Never fewer bytes that look like all.
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                response.read()
        finally:
            connection.close()
        assert "breaks off" in server.log


def test_refused_keys_bad_tls_and_missing_buckets_are_told(
    gateway: VersityGW, tmp_path: Path, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = S3Bucket(gateway, "company-photos")
    bucket.put("a.png", photo)
    wrong = "wrong-and-never-to-be-told"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", wrong)
    missing = {**bucket.place, "url": "s3://not-there"}
    with serving(tmp_path, bucket.place, missing) as server:
        for target in TARGETS:
            assert_unavailable(get(server, target), b"refuses the keys of this server")
        assert "PermissionDenied" in server.log or "Unauthenticated" in server.log
        assert wrong not in server.log
    monkeypatch.undo()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKVERSITYGW")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    tls = {**bucket.place, "endpoint": gateway.endpoint.replace("http:", "https:")}
    with serving(tmp_path, tls, missing) as server:
        for target in TARGETS:
            assert_unavailable(get(server, target))
        assert "HTTP error" in server.log
        other = f"{OTHER}.cos.ap-shanghai.myqcloud.com"
        assert get(server, "/a.png", other).status == 404
        assert_unavailable(get(server, "/", other), b"has no such bucket")


def test_a_bucket_for_everybody_is_read_without_keys(
    gateway: VersityGW, tmp_path: Path, photo: bytes
) -> None:
    bucket = S3Bucket(gateway, "company-photos")
    bucket.put("a.png", photo)
    place = {**bucket.place, "anonymous": True, "public": True}
    with serving(tmp_path, place) as server:
        refused = server.request("GET", "/a.png", host=HOST, signed=False)
        assert (refused.status, refused.code) == (403, "AccessDenied")
        assert b"does not give this to everybody" in refused.body
        policy = (
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",'
            '"Action":["s3:GetObject","s3:ListBucket"],'
            '"Resource":["arn:aws:s3:::company-photos/*","arn:aws:s3:::company-photos"]}]}'
        )
        gateway.client.put_bucket_policy(Bucket="company-photos", Policy=policy)
        # And anybody may read it here, which is a setting of its own.
        assert server.request("GET", "/a.png", host=HOST, signed=False).body == photo
        assert b"<Key>a.png</Key>" in server.request("GET", "/", host=HOST, signed=False).body
        refused = server.request("PUT", "/a.png", b"x", host=HOST, signed=False)
        assert refused.status in (403, 405)


def serve(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``openmogr serve``, which has to end by itself."""
    command = [sys.executable, *arguments, "--data", str(folder / "data"), "--port", "0"]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_server_without_the_extra_says_so_and_ends(tmp_path: Path) -> None:
    blocked = tmp_path / "path" / "obstore"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('not here')\n")
    done = serve(
        tmp_path,
        *("-m", "openmogr", "serve"),
        OPENMOGR_GATEWAY_BUCKETS=f"{BUCKET}=s3://company-photos",
        PYTHONPATH=str(blocked.parent),
    )
    assert done.returncode != 0
    assert f"[gateway] {BUCKET}: obstore is missing: openmogr[stores] has it" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_asks_the_stores(versitygw: VersityGW, tmp_path: Path) -> None:
    bucket = S3Bucket(versitygw, "seen-by-a-doctor")
    config = tmp_path / "openmogr.toml"
    place = "\n".join(f"{name} = {json.dumps(value)}" for name, value in bucket.place.items())
    config.write_text(f'[gateway]\n{OTHER} = "file:///gone"\n[gateway.{BUCKET}]\n{place}\n')
    command = [
        sys.executable,
        "-m",
        "openmogr",
        "doctor",
        "--config",
        str(config),
        "--data",
        str(tmp_path / "data"),
    ]
    for secret, said in ((SECRET, "answers, and is only read"), ("wrong-secret", "refuses the keys of this")):
        environment = {**os.environ, "AWS_SECRET_ACCESS_KEY": secret}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 10
        told = " ".join(done.stdout.split())
        assert said in told
        assert "/gone is no folder" in told
        assert secret not in done.stdout + done.stderr


def test_a_bucket_that_has_objects_of_its_own_stops_the_start(tmp_path: Path, photo: bytes) -> None:
    pytest.importorskip("obstore")
    with ServerProcess(tmp_path / "data", {"image": {"workers": 1}}) as server:
        server.request("PUT", "/", b"", host=HOST)
        server.request("PUT", "/own.png", photo, host=HOST)
    done = serve(
        tmp_path, "-m", "openmogr", "serve", OPENMOGR_GATEWAY_BUCKETS=f"{BUCKET}={tmp_path.as_uri()}"
    )
    assert done.returncode != 0
    assert "has objects or uploads of its own" in done.stderr
    assert "Traceback" not in done.stderr
