"""Three servers over one S3 server and one PostgreSQL behind nginx, as ``docs/use/nodes.md`` has it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from openmogr.testing import ServerProcess
from tests.databases import PostgreSQLServer
from tests.versitygw import VersityGW

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "use" / "nodes.md"
BUCKET = "nodes-1250000000"
PIC = f"{BUCKET}.pic.ap-shanghai.myqcloud.com"
NODES = 3


def _nginx(folder: Path, port: int, upstreams: list[int]) -> list[str]:
    """The recipe for one server, with the lines of the page for several, but for ports and TLS."""
    recipe = (ROOT / "deploy" / "nginx.conf").read_text()
    upstream, passing = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for number, own in enumerate(upstreams, 1):
        assert f"10.0.0.{number}:9000" in upstream
        upstream = upstream.replace(f"10.0.0.{number}:9000", f"127.0.0.1:{own}")
    recipe = re.sub(r"upstream openmogr \{.*?\n\}\n", lambda _: upstream, recipe, flags=re.DOTALL)
    recipe = re.sub(r"^ *proxy_next_upstream off;\n", lambda _: passing, recipe, flags=re.MULTILINE)
    recipe = recipe.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    recipe = re.sub(r"^ *ssl_.*$", "", recipe, flags=re.MULTILINE)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    main = folder / "nginx.conf"
    main.write_text(
        f"{user} daemon off; pid {folder}/pid; error_log stderr; events {{}}"
        f" http {{ access_log off; {temporary} {recipe} }}"
    )
    return ["nginx", "-c", str(main), "-e", "stderr"]


@contextlib.contextmanager
def _proxy(folder: Path, upstreams: list[int]) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen(_nginx(folder, port, upstreams), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            assert process.poll() is None, (folder / "nginx.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def nodes(
    versitygw: VersityGW, postgresql: PostgreSQLServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[list[ServerProcess], int, str]]:
    """The servers, the port of the proxy, and the name of the database."""
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed")
    folder = tmp_path_factory.mktemp("nodes")
    versitygw.client.create_bucket(Bucket="nodes-of-one-store")
    place = {"endpoint": versitygw.endpoint, "region": "us-east-1"}
    with ExitStack() as stack:
        name = stack.enter_context(postgresql.fresh())
        settings: dict[str, dict[str, object]] = {
            "storage": {"url": "s3://nodes-of-one-store/images", **place},
            "database": {"url": postgresql.url(name)},
            "results": {
                "shared": "s3://nodes-of-one-store/results",
                **{f"shared_{key}": value for key, value in place.items()},
            },
            "jobs": {"lease": 3},
            "image": {"workers": 1},
        }
        servers = [
            stack.enter_context(ServerProcess(folder / f"node-{number}", settings)) for number in range(NODES)
        ]
        port = stack.enter_context(_proxy(folder, [server.port for server in servers]))
        yield servers, port, name


@pytest.mark.alone
def test_what_one_node_changes_the_others_see(nodes: tuple[list[ServerProcess], int, str]) -> None:
    servers, _, _ = nodes
    one, other, third = servers
    assert one.request("PUT", f"/{BUCKET}", b"").status == 200
    assert other.request("PUT", f"/{BUCKET}/a.txt", b"text").status == 200
    assert third.request("GET", f"/{BUCKET}/a.txt").body == b"text"
    assert third.request("GET", f"/{BUCKET}/a.txt", headers={"Origin": "http://a"}).status == 200
    rules = (
        b"<CORSConfiguration><CORSRule><AllowedOrigin>http://only.example</AllowedOrigin><AllowedMethod>GET"
    )
    rules += b"</AllowedMethod></CORSRule></CORSConfiguration>"
    answer = one.request("PUT", f"/{BUCKET}?cors", rules, headers={"Content-MD5": _md5(rules)})
    assert answer.status == 200, answer.body
    # A second is how long a node may take what it has read for right.
    time.sleep(1.1)
    for server in servers:
        answer = server.request("GET", f"/{BUCKET}/a.txt", headers={"Origin": "http://only.example"})
        names = {name.lower(): value for name, value in answer.headers}
        assert names["access-control-allow-origin"] == "http://only.example"
        answer = server.request("GET", f"/{BUCKET}/a.txt", headers={"Origin": "http://a"})
        assert "access-control-allow-origin" not in {name.lower() for name, _ in answer.headers}

    def add(number: int) -> int:
        body = f"<AddStyle><StyleName>style{number}</StyleName><StyleBody>imageMogr2/strip</StyleBody></AddStyle>"
        return servers[number % NODES].request("PUT", "/?style", body.encode(), host=PIC).status

    # Styles are one document, which each call changes: none of them is lost.
    with ThreadPoolExecutor(NODES) as threads:
        assert set(threads.map(add, range(12))) == {200}
    listed = third.request("GET", "/?style", host=PIC).body
    assert {f"style{number}" for number in range(12)} == set(
        re.findall(r"<StyleName>(\w+)<", listed.decode())
    )
    # And what a node answered from is gone once the bucket's object is.
    assert other.request("DELETE", f"/{BUCKET}/a.txt").status == 204
    assert {server.request("GET", f"/{BUCKET}/a.txt").status for server in servers} == {404}


def _md5(data: bytes) -> str:
    import base64

    return base64.b64encode(hashlib.md5(data).digest()).decode()
