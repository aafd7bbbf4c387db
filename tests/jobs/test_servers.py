"""What a server says and does while the database that nodes have in common is lost."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from openmogr.testing import ServerProcess
from tests.databases import PASSWORD, PostgreSQLServer

BUCKET = "examplebucket-1250000000"
CI = f"{BUCKET}.ci.ap-shanghai.myqcloud.com"


def _until(server: ServerProcess, target: str, status: int) -> bytes:
    deadline = time.monotonic() + 30
    while (answer := server.request("GET", target, host=CI if target == "/queue" else None)).status != status:
        assert time.monotonic() < deadline, (answer, server.log)
        time.sleep(0.1)
    return answer.body


@pytest.mark.alone
def test_a_lost_database_is_503_and_found_again(postgresql: PostgreSQLServer, tmp_path: Path) -> None:
    with postgresql.fresh() as name:
        settings: dict[str, dict[str, object]] = {
            "database": {"url": postgresql.url(name), "timeout": 2},
            "image": {"workers": 1},
        }
        with ServerProcess(tmp_path / "data", settings) as server:
            server.request("PUT", f"/{BUCKET}", b"")
            server.request("PUT", f"/{BUCKET}/a.txt", b"text")
            _until(server, "/queue", 200)
            assert server.request("GET", "/-/ready").status == 200
            postgresql.stop()
            try:
                lost = server.request("GET", "/queue", host=CI)
                assert (lost.status, lost.code) == (503, "ServiceUnavailable")
                assert lost.header("Retry-After") or lost.header("retry-after")
                assert b"the database does not answer" in _until(server, "/-/ready", 503)
                # What does not need it goes on.
                assert server.request("GET", "/-/health").status == 200
                assert server.request("GET", f"/{BUCKET}/a.txt").body == b"text"
            finally:
                postgresql.start()
            _until(server, "/queue", 200)
            _until(server, "/-/ready", 200)
        assert PASSWORD not in server.log
        assert "Traceback" not in server.log


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "postgresql://me:hidden-word@127.0.0.1:1/x",
            "the database postgresql://127.0.0.1:1/x cannot be used",
        ),
        (
            "mysql://me:hidden-word@127.0.0.1:1/x",
            "--database: it begins with neither postgresql:// nor sqlite:///",
        ),
    ],
)
def test_a_start_that_cannot_reach_it_says_so(url: str, words: str, tmp_path: Path) -> None:
    pytest.importorskip("asyncpg")
    command = [
        sys.executable,
        "-m",
        "openmogr.cli",
        "serve",
        "--port",
        "0",
        "--data",
        str(tmp_path),
        "--database",
    ]
    done = subprocess.run([*command, url], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode not in (0, 1)
    assert words in done.stdout + done.stderr
    assert "hidden-word" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
