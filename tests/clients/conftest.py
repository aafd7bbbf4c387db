"""A real server, and real clients pointed at it."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from qcloud_cos import CosConfig, CosS3Client

import openmogr.demo
from openmogr.testing import ServerProcess

REGION = "ap-shanghai"
CUSTOM_DOMAINS = {"go.pictures.test": "go-custom-domains-1250000000"}
TEMPORARY = {
    "secret_id": "AKIDTEMPORARY",
    "secret_key": "temporarykey",
    "token": "a+token/with=signs",
    "expires": 4_000_000_000,
}
_numbers = itertools.count(1)
# The file to which calls are recorded, with ``--record-calls``.
_CALLS = pytest.StashKey[Path]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-calls",
        metavar="FILE",
        help="Bring the table of calls up to a run of this folder, with -n0: docs/compatibility.tsv.",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--record-calls", default=None):
        descriptor, name = tempfile.mkstemp(suffix=".jsonl")
        os.close(descriptor)
        config.stash[_CALLS] = Path(name)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note whose calls follow, for clients that do not say who they are; before fixtures that call."""
    if (lines := item.config.stash.get(_CALLS, None)) is not None:
        clients = {mark.kwargs["client"] for mark in item.iter_markers("compat")}
        with lines.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"clients": sorted(clients)}) + "\n")


def pytest_unconfigure(config: pytest.Config) -> None:
    if (lines := config.stash.get(_CALLS, None)) is not None:
        from tools.recorded import update

        update(Path(config.getoption("--record-calls")), lines)
        lines.unlink()


def node_modules(*names: str) -> str:
    """The path of node; skips the test where it or a module that the test needs is missing."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    folders = [
        Path(__file__).parent / "node_modules",
        *map(Path, os.environ.get("NODE_PATH", "").split(os.pathsep)),
    ]
    for name in names:
        if not any((folder / name).is_dir() for folder in folders):
            pytest.skip(f"{name} is not installed: make clients")
    return node


def run_script(node: str, name: str, *arguments: object) -> dict[str, object]:
    """What a script of this folder saw: the last line it prints, a JSON object."""
    command = [node, str(Path(__file__).parent / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    return cast(dict[str, object], json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[ServerProcess]:
    settings: dict[str, dict[str, object]] = {
        "server": {"domains": ["localhost"], "custom_domains": CUSTOM_DOMAINS},
        "auth": {"temporary": [TEMPORARY]},
    }
    folder = tmp_path_factory.mktemp("clients")
    recording = pytestconfig.stash.get(_CALLS, None)
    recorder = str(Path(__file__).with_name("recorder.py"))
    launcher = None if recording is None else (sys.executable, recorder, str(recording))
    with ServerProcess(folder / "data", settings, launcher=launcher) as process:
        yield process


@pytest.fixture(scope="session")
def configure(server: ServerProcess) -> Callable[..., CosConfig]:
    """Makes the SDK's configuration as ``docs/spec/api/clients.md`` has it, with some options changed."""

    def make(**options: object) -> CosConfig:
        values: dict[str, object] = {
            "Region": REGION,
            "SecretId": server.credential.secret_id,
            "SecretKey": server.credential.secret_key,
            "Scheme": "http",
            "IP": "127.0.0.1",
            "Port": server.port,
            "ServiceDomain": f"127.0.0.1:{server.port}",
        }
        return CosConfig(**{**values, **options})

    return make


@pytest.fixture(scope="session")
def cos(configure: Callable[..., CosConfig]) -> CosS3Client:
    """The official Python SDK, without retries: what needs one is a fault."""
    return CosS3Client(configure(), retry=0)


@pytest.fixture(scope="session")
def proxied(server: ServerProcess, configure: Callable[..., CosConfig]) -> CosS3Client:
    """The SDK behind a proxy setting: its requests arrive in absolute form."""
    proxies = {"http": f"http://127.0.0.1:{server.port}"}
    return CosS3Client(configure(IP=None, Port=None, Proxies=proxies), retry=0)


@pytest.fixture
def bucket(cos: CosS3Client) -> str:
    name = f"test{next(_numbers)}-1250000000"
    cos.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A PNG photo, 768x512."""
    return (Path(openmogr.demo.__file__).parent / openmogr.demo.KEY).read_bytes()
