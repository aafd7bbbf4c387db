"""The recipes of ``deploy/`` in front of a real server: what clients sign arrives as they sent it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from openmogr.auth import sign_request
from openmogr.testing import Answer, ServerProcess

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
BUCKET = "b-1250000000"


@dataclass
class Proxy:
    """A proxy in front of a server; signs as a client of the proxy does."""

    server: ServerProcess
    port: int

    def request(self, method: str, target: str, body: bytes | None = None, **headers: str) -> Answer:
        host = headers.pop("Host", f"127.0.0.1:{self.port}")
        sent = {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
        sent["Authorization"] = sign_request(self.server.credential, method, target, {"host": host})
        direct, self.server.port = self.server.port, self.port
        try:
            return self.server.request(method, target, body, sent, host=host)
        finally:
            self.server.port = direct


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def nginx(folder: Path, port: int, upstream: int) -> Sequence[str]:
    """The recipe, but for its port and TLS."""
    recipe = (DEPLOY / "nginx.conf").read_text()
    recipe = recipe.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};").replace(":9000;", f":{upstream};")
    return nginx_of(folder, re.sub(r"^ *ssl_.*$", "", recipe, flags=re.MULTILINE))


def nginx_of(folder: Path, recipe: str) -> Sequence[str]:
    """The command that runs a recipe, which is a part of a whole configuration."""
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    main = folder / "main.conf"
    main.write_text(
        f"{user} daemon off; pid {folder}/pid; error_log stderr; events {{}}"
        f" http {{ access_log off; {temporary} {recipe} }}"
    )
    return ["nginx", "-c", str(main), "-e", "stderr"]


def caddy(folder: Path, port: int, upstream: int) -> Sequence[str]:
    recipe = (DEPLOY / "Caddyfile").read_text()
    recipe = recipe.replace("cos.example.com {", f"http://:{port} {{").replace(":9000 ", f":{upstream} ")
    main = folder / "Caddyfile"
    main.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + recipe)
    return ["caddy", "run", "--config", str(main), "--adapter", "caddyfile"]


@pytest.fixture(scope="module", params=[nginx, caddy], ids=lambda make: make.__name__)
def proxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    make = request.param
    if shutil.which(make.__name__) is None:
        pytest.skip(f"{make.__name__} is not installed")
    folder = tmp_path_factory.mktemp(make.__name__)
    settings = {"server": {"trusted_proxies": ["127.0.0.1/32"], "access_log": True}}
    with ServerProcess(folder / "data", settings) as server:
        port = free_port()
        with running(make(folder, port, server.port), folder, port):
            found = Proxy(server, port)
            assert found.request("PUT", f"/{BUCKET}", b"").status == 200
            yield found


@contextmanager
def running(command: Sequence[str], folder: Path, port: int) -> Iterator[None]:
    """A proxy that takes connections at a port."""
    environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                words = (folder / "proxy.log").read_text()
                assert process.poll() is None, words
                assert time.monotonic() < deadline, words
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize(
    "key",
    [
        "plain.txt",
        "a//b",
        "/leading",
        "trailing/",
        "enc%2Foded",
        "sp%20ace",
        "plus+sign",
        "%E5%9B%BE.png",
        "per%25cent",
    ],
)
def test_keys_arrive_as_they_were_signed(proxy: Proxy, key: str) -> None:
    path = f"/{BUCKET}/{key}"
    assert proxy.request("PUT", path, key.encode()).status == 200
    assert proxy.request("GET", path).body == key.encode()
    # And straight at the server it is the same object.
    assert proxy.server.request("GET", path).body == key.encode()


def test_dots_are_no_steps(proxy: Proxy) -> None:
    answer = proxy.request("PUT", f"/{BUCKET}/a/%2E%2E/b", b"dots")
    assert answer.status == 200
    assert proxy.server.request("GET", f"/{BUCKET}/a/%2E%2E/b").body == b"dots"


def test_hosts_name_buckets_through_it(proxy: Proxy) -> None:
    proxy.request("PUT", f"/{BUCKET}/hosted", b"here")
    host = f"{BUCKET}.cos.ap-shanghai.myqcloud.com"
    assert proxy.request("GET", "/hosted", Host=host).body == b"here"


def test_operations_and_their_errors_come_through(proxy: Proxy) -> None:
    proxy.request("PUT", f"/{BUCKET}/text", b"no picture")
    answer = proxy.request("GET", f"/{BUCKET}/text?imageMogr2/thumbnail/!50p|imageMogr2/quality/80")
    assert (answer.status, answer.code) == (400, "InvalidImageFormat")
    assert "x-errno" in [name.lower() for name, _ in answer.headers]


def test_a_large_upload_goes_through_whole(proxy: Proxy) -> None:
    body = os.urandom(1024) * 24 * 1024  # 24 MiB
    answer = proxy.request("PUT", f"/{BUCKET}/large", body)
    assert answer.header("ETag") or answer.header("etag") or answer.header("Etag")
    found = proxy.request("GET", f"/{BUCKET}/large")
    assert hashlib.sha256(found.body).digest() == hashlib.sha256(body).digest()
    part = proxy.request("GET", f"/{BUCKET}/large", Range="bytes=5-9")
    assert (part.status, part.body) == (206, body[5:10])


def test_the_log_knows_the_client_and_believes_no_other(proxy: Proxy) -> None:
    proxy.request("GET", f"/{BUCKET}/who-asks", X_Forwarded_For="203.0.113.7")
    deadline = time.monotonic() + 10
    # The line is written after the answer.
    while not (
        lines := [line for line in proxy.server.log.splitlines() if "who-asks" in line and "client=" in line]
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert all("203.0.113.7" not in line for line in lines)


def cluster(folder: Path, port: int, nodes: Sequence[int]) -> Sequence[str]:
    """The recipe for three nodes, but for addresses."""
    recipe = (DEPLOY / "nginx.cluster.conf").read_text()
    recipe = recipe.replace("listen 9000;", f"listen 127.0.0.1:{port};")
    for number, node in enumerate(nodes, 1):
        recipe = recipe.replace(f"server node{number}:9000 ", f"server 127.0.0.1:{node} ")
    return nginx_of(folder, recipe)


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_a_node_that_is_away_is_left_out(tmp_path: Path) -> None:
    key = f"/{BUCKET}/a%2Fb//c"
    with ExitStack() as stack:
        nodes = [stack.enter_context(ServerProcess(tmp_path / f"node{number}")) for number in range(3)]
        # Each has its own embedded storage here, in which the same lies.
        for node in nodes:
            assert node.request("PUT", f"/{BUCKET}", b"").status == 200
            assert node.request("PUT", key, b"the same").status == 200
        port = free_port()
        command = cluster(tmp_path, port, [node.port for node in nodes])
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        stack.enter_context(running(command, tmp_path, port))
        front = Proxy(nodes[0], port)
        assert front.request("GET", key).body == b"the same"
        nodes[1].kill()
        assert [front.request("GET", key).status for _ in range(12)] == [200] * 12
        assert [front.request("DELETE", f"/{BUCKET}/none").status for _ in range(12)] == [204] * 12
        nodes[0].kill()
        assert front.request("PUT", f"/{BUCKET}/large", os.urandom(1 << 20)).status == 200
        nodes[2].kill()
        # Nobody is left: the proxy's own words, and soon.
        assert front.request("GET", key).status in {502, 504}


def test_three_nodes_are_composed_of_services_that_exist() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.cluster.yaml").read_text())
    services = compose["services"]
    named = set(re.findall(r"server (\w+):9000 ", (DEPLOY / "nginx.cluster.conf").read_text()))
    assert named == {"node1", "node2", "node3"} <= set(services)
    front = services["front"]
    assert set(front["depends_on"]) == named
    address = front["networks"]["inside"]["ipv4_address"]
    for name in named:
        node = services[name]
        assert json.loads(node["environment"]["OPENMOGR_SERVER_TRUSTED_PROXIES"]) == [f"{address}/32"]
        # Keys and passwords are asked for, and none is written here.
        for variable, value in node["environment"].items():
            if re.search(r"SECRET|PASSWORD|ACCESS_KEY", variable):
                assert re.fullmatch(r"\$\{\w+:\?.+\}", value), variable


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "openmogr.service"
    text = (DEPLOY / "openmogr.service").read_text()
    unit.write_text(text.replace("/opt/openmogr/bin/openmogr", shutil.which("true") or "/bin/true"))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    complaints = [line for line in checked.stderr.splitlines() if "openmogr.service" in line]
    assert (checked.returncode, complaints) == (0, [])
