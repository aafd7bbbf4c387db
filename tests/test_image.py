"""The container image, as far as can be seen without an engine: its files agree, and its health check works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from openmogr.testing import ServerProcess
from tools.release.distributions import VERSIONS, version_of_release

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")


def instructions(name: str) -> list[str]:
    """The instructions of a name in the file, each as one line."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [line.partition(" ")[2] for line in joined.splitlines() if line.startswith(f"{name} ")]


def stages() -> list[str]:
    return re.split(r"^(?=FROM )", DOCKERFILE, flags=re.MULTILINE)[1:]


def bake() -> Mapping[str, Any]:
    """The targets of the build file, with what they inherit."""
    document = hcl2.loads((DEPLOY / "docker-bake.hcl").read_text(encoding="utf-8"))

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {plain(key): plain(one) for key, one in value.items() if key != "__is_block__"}
        if isinstance(value, list):
            return [plain(one) for one in value]
        return value.strip('"') if isinstance(value, str) else value

    targets = {name: body for block in plain(document["target"]) for name, body in block.items()}
    for body in targets.values():
        for parent in body.get("inherits", []):
            merged = {**targets[parent], **body}
            merged["args"] = {**targets[parent].get("args", {}), **body.get("args", {})}
            body.update(merged)
    return targets


def test_hadolint_has_nothing_to_say(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        pytest.skip("hadolint is not installed")
    command = [str(program), "--config", str(ROOT / ".hadolint.yaml")]
    done = subprocess.run([*command, str(DEPLOY / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    worse = tmp_path / "Dockerfile"
    worse.write_text("FROM python:latest\nRUN cd /tmp && sudo pip install x\n")
    assert subprocess.run([*command, str(worse)], capture_output=True, check=False).returncode == 1


def test_bases_are_pinned_by_digest() -> None:
    bases = instructions("FROM")
    assert len(bases) == 4
    for base in bases:
        words = [word for word in base.split() if not word.startswith("--")]
        assert re.fullmatch(r"(rust|python):\d+\.\d+\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", words[0]), base
    # What is compiled and what is installed are for one Python.
    assert len({word for base in bases for word in base.split() if word.startswith("python:")}) == 1


def test_the_image_itself_has_no_compiler_and_is_not_root() -> None:
    last = stages()[-1]
    assert not re.search(r"\b(gcc|rust|cargo|nasm)\b", re.sub(r"^#.*$", "", last, flags=re.MULTILINE))
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert last.index("\nUSER ") < last.index("\nENTRYPOINT ")
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)", last))
    assert labels >= {"title", "description", "licenses", "version", "revision"}


def test_everything_downloaded_has_its_hash() -> None:
    for command in instructions("RUN"):
        for install in re.findall(r"pip[^&]*install[^&]*", command):
            hashed = "--require-hashes" in install and "--only-binary :all:" in install
            assert hashed or ("--no-index" in install and "--no-deps" in install), install


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for copy in instructions("COPY"):
        words = [word for word in copy.split() if not word.startswith("--")]
        if "--from=" in copy:
            continue
        for source in words[:-1]:
            assert (ROOT / source).exists(), source
            assert any(source.rstrip("/") == one or source.startswith(f"{one}/") for one in kept), source


def test_both_flavours_are_built_for_both_processors() -> None:
    targets = bake()
    assert set(targets) == {"common", "plain", "heif"}
    for name in ("plain", "heif"):
        target = targets[name]
        assert target["platforms"] == ["linux/amd64", "linux/arm64"]
        assert (ROOT / target["dockerfile"]).is_file()
        assert (DEPLOY / "locked" / f"{target['args']['FLAVOUR']}.txt").is_file()
        declared = {one.partition("=")[0] for one in instructions("ARG")}
        assert set(target["args"]) <= declared
    assert "GPL" not in targets["plain"]["args"]["LICENCES"]
    assert "GPL" in targets["heif"]["args"]["LICENCES"]
    tags = [tag for name in ("plain", "heif") for tag in targets[name]["tags"]]
    assert len(set(tags)) == 4


def test_the_files_name_the_version() -> None:
    text = (DEPLOY / "docker-bake.hcl").read_text(encoding="utf-8")
    (version,) = re.findall(r'variable "VERSION" \{\n  default = "(.+)"', text)
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    assert version == version_of_release(), VERSIONS
    assert compose["services"]["openmogr"]["image"] == f"openmogr:{version}"


def health(**variables: str) -> int:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("the check needs bash")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENMOGR_")}
    done = subprocess.run(
        [bash, DEPLOY / "healthcheck"], env=environment | variables, capture_output=True, check=False
    )
    return done.returncode


def test_the_health_check_knows_a_well_server_from_others(tmp_path: Path) -> None:
    assert os.access(DEPLOY / "healthcheck", os.X_OK)
    with ServerProcess(tmp_path / "data", {}) as server:
        port = str(server.port)
        assert health(OPENMOGR_PORT=port) == 0
        assert health(OPENMOGR_PORT="1", OPENMOGR_SERVER_OPERATE_ADDRESS=f"0.0.0.0:{port}") == 0
    assert health(OPENMOGR_PORT=port) != 0


def test_the_health_check_wants_200() -> None:
    import socket
    import threading

    for status, expected in ((b"503 Service Unavailable", 1), (b"200 OK", 0)):
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def answer(listener: socket.socket = listener, status: bytes = status) -> None:
                connection, _ = listener.accept()
                with connection:
                    request = b""
                    while b"\r\n\r\n" not in request:  # the shell may write line by line
                        request += connection.recv(1000)
                    connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")

            thread = threading.Thread(target=answer)
            thread.start()
            assert health(OPENMOGR_PORT=str(listener.getsockname()[1])) == expected
            thread.join()
