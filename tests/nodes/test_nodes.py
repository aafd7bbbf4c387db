"""Three servers over one S3 server and one PostgreSQL behind nginx, as ``docs/use/nodes.md`` has it; one is killed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

import openmogr.demo
from openmogr.testing import ServerProcess
from tests.databases import PASSWORD, PostgreSQLServer
from tests.versitygw import SECRET, VersityGW

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "use" / "nodes.md"
BUCKET = "nodes-1250000000"
CI = f"{BUCKET}.ci.ap-shanghai.myqcloud.com"
PIC = f"{BUCKET}.pic.ap-shanghai.myqcloud.com"
CLIENTS, ROUNDS = 3, 6
NODES = 3
# A node that is killed takes what it was about to answer with it; SDKs ask again, and so does everybody here.
TRIES = 40
T = TypeVar("T")


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


class Client:
    """The COS SDK at the proxy, and what it was told to be stored."""

    def __init__(self, number: int, server: ServerProcess, port: int) -> None:
        from qcloud_cos import CosConfig, CosS3Client

        keys = {"SecretId": server.credential.secret_id, "SecretKey": server.credential.secret_key}
        place = {"IP": "127.0.0.1", "Port": port, "ServiceDomain": f"127.0.0.1:{port}"}
        self._cos = CosS3Client(CosConfig(Region="ap-shanghai", Scheme="http", **keys, **place), retry=0)
        self._number = number
        self._server, self._port = server, port
        self.stored: dict[str, bytes] = {}
        self.jobs: dict[str, str] = {}

    def again(self, work: Callable[[], T]) -> T:
        """Until it is answered: what is not acknowledged was perhaps not done, and all here may be done twice."""
        for attempt in range(TRIES):
            try:
                return work()
            except Exception as error:
                if _is_final(error) or attempt == TRIES - 1:
                    raise
                time.sleep(0.25)
        raise AssertionError

    def round(self, number: int, photo: bytes) -> None:
        """One of everything."""
        name = f"{self._number}/{number}"
        data = random.randbytes(20_000) + name.encode()
        put = self.again(lambda: self._cos.put_object(Bucket=BUCKET, Key=f"{name}/a", Body=data))
        assert put["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
        self.stored[f"{name}/a"] = data
        self._is(f"{name}/a")
        source = {"Bucket": BUCKET, "Key": f"{name}/a", "Region": "ap-shanghai"}
        self.again(lambda: self._cos.copy_object(Bucket=BUCKET, Key=f"{name}/b", CopySource=source))
        self.stored[f"{name}/b"] = data
        self._upload(f"{name}/c")
        self.again(lambda: self._cos.put_object(Bucket=BUCKET, Key=f"{name}/in.png", Body=photo))
        self.stored[f"{name}/in.png"] = photo
        rule = f"imageMogr2/thumbnail/{60 + number}x/format/webp"
        answer = self.again(lambda: self._processed(f"/{BUCKET}/{name}/in.png?{rule}"))
        assert answer[8:12] == b"WEBP"
        self._submit(name)
        listed = self.again(lambda: self._cos.list_objects(Bucket=BUCKET, Prefix=f"{name}/"))
        keys = {item["Key"] for item in listed["Contents"]}
        assert {key for key in self.stored if key.startswith(f"{name}/")} <= keys

    def _processed(self, target: str) -> bytes:
        answer = _through(self._server, self._port, "GET", target, host=None)
        if answer.status != 200:
            raise OSError(answer.status)
        return bytes(answer.body)

    def _is(self, key: str) -> None:
        found = self.again(
            lambda: self._cos.get_object(Bucket=BUCKET, Key=key)["Body"].get_raw_stream().read()
        )
        assert found == self.stored[key], key

    def _upload(self, key: str) -> None:
        parts = [random.randbytes(1 << 20), b"end of " + key.encode()]
        made = self.again(lambda: self._cos.create_multipart_upload(Bucket=BUCKET, Key=key))
        upload = made["UploadId"]
        etags = []
        for number, part in enumerate(parts, 1):
            place = {"Key": key, "PartNumber": number, "UploadId": upload}
            etags.append(
                self.again(partial(self._cos.upload_part, Bucket=BUCKET, Body=part, **place))["ETag"]
            )
        named = {"Part": [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]}
        for attempt in range(TRIES):
            try:
                self._cos.complete_multipart_upload(
                    Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload=named
                )
                break
            except Exception as error:
                # It may have been completed by the node that could not say so any more.
                if getattr(error, "get_error_code", str)() == "NoSuchUpload" and attempt:
                    break
                if _is_final(error) or attempt == TRIES - 1:
                    raise
                time.sleep(0.25)
        self.stored[key] = b"".join(parts)
        self._is(key)

    def _submit(self, name: str) -> None:
        rule = "imageMogr2/thumbnail/50x/format/png"
        body = f"""<Request><Tag>PicProcess</Tag><Input><Object>{name}/in.png</Object></Input><Operation>
<PicProcess><ProcessRule>{rule}</ProcessRule></PicProcess><Output><Region>ap-shanghai</Region>
<Bucket>{BUCKET}</Bucket><Object>{name}/out.png</Object></Output></Operation></Request>"""

        def submit() -> str:
            answer = _through(self._server, self._port, "POST", "/jobs", body.encode())
            assert answer.status < 500, answer.body
            assert answer.status == 200, answer.body
            return str(answer.body.partition(b"<JobId>")[2].partition(b"</JobId>")[0].decode())

        # A POST is not repeated by nginx. One that was lost may have been taken in: then there are two jobs.
        for _ in range(TRIES):
            with contextlib.suppress(OSError, AssertionError):
                self.jobs[submit()] = f"{name}/out.png"
                return
            time.sleep(0.25)
        raise AssertionError("no job was taken in")

    def check(self) -> None:
        """All that was acknowledged is there as it was sent."""
        for key in self.stored:
            self._is(key)


def _is_final(error: Exception) -> bool:
    """Whether the client is told that it is at fault."""
    status: int = getattr(error, "get_status_code", lambda: 0)()
    return 400 <= status < 500


def _through(
    server: ServerProcess,
    port: int,
    method: str,
    target: str,
    body: bytes | None = None,
    host: str | None = CI,
) -> Any:
    """A request to the proxy."""
    direct = ServerProcess.__new__(ServerProcess)
    direct.credential, direct.port = server.credential, port
    return direct.request(method, target, body, host=host)


@pytest.fixture(scope="module")
def nodes(
    versitygw: VersityGW, postgresql: PostgreSQLServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[list[ServerProcess], int, str]]:
    """The servers, the port of the proxy, and the name of the database; for all tests, the last of which kills one."""
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


@pytest.mark.alone
def test_a_node_is_killed_amid_all_kinds_of_work(
    nodes: tuple[list[ServerProcess], int, str], postgresql: PostgreSQLServer
) -> None:
    servers, port, name = nodes
    photo = (Path(openmogr.demo.__file__).parent / openmogr.demo.KEY).read_bytes()
    assert servers[0].request("PUT", f"/{BUCKET}", b"").status in (200, 409)
    clients = [Client(number, servers[0], port) for number in range(CLIENTS)]

    def work(client: Client) -> None:
        for number in range(ROUNDS):
            client.round(number, photo)

    with ThreadPoolExecutor(CLIENTS) as threads:
        running = [threads.submit(work, client) for client in clients]
        while sum(len(client.jobs) for client in clients) < CLIENTS * ROUNDS // 3:
            for future in running:
                if future.done():
                    future.result()
            time.sleep(0.05)
        servers[1].kill()
        for future in running:
            future.result(200)
        list(threads.map(Client.check, clients))
    jobs = {identifier: key for client in clients for identifier, key in client.jobs.items()}
    assert len(jobs) == CLIENTS * ROUNDS
    rows = _ended(postgresql, name)
    for identifier, output in jobs.items():
        state, attempts = rows[identifier]
        assert state == "Success"
        # A second time only what the killed node had.
        assert attempts in ("1", "2")
        assert servers[0].request("HEAD", f"/{BUCKET}/{output}").status == 200
    assert sum(attempts == "2" for _, attempts in rows.values()) <= 2
    for server in (servers[0], servers[2]):
        assert "Traceback" not in server.log, server.log
        assert not {secret for secret in (SECRET, PASSWORD) if secret in server.log}


def _ended(postgresql: PostgreSQLServer, name: str) -> dict[str, tuple[str, str]]:
    """State and attempts of all jobs, once all have ended."""
    deadline = time.monotonic() + 60
    while int(postgresql.sql("SELECT count(*) FROM jobs WHERE ended IS NULL", name)):
        assert time.monotonic() < deadline, "jobs do not end"
        time.sleep(0.2)
    text = postgresql.sql("SELECT id, state, attempts FROM jobs", name)
    return {row[0]: (row[1], row[2]) for row in (line.split("|") for line in text.splitlines())}
