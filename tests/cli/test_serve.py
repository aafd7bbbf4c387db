"""``openmogr serve`` and ``openmogr sign``, as processes on loopback."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import Result

from openmogr import demo
from openmogr.cli.exit_codes import ExitCode

Run = Callable[..., Result]
PHOTO = "examplebucket-1250000000/sample.png"


@dataclass
class Served:
    """A running server: where it listens, and what it has printed so far."""

    url: str
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)


@contextmanager
def served(*arguments: str | Path) -> Iterator[Served]:
    command = [sys.executable, "-m", "openmogr.cli", "serve", "--port", "0", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        log: list[str] = []
        reader = threading.Thread(target=lambda: log.extend(process.stderr or ()))
        reader.start()
        first = process.stdout.readline()
        found = re.search(r"http://\S+:\d+", first)
        assert found, "".join([first, *log])
        server = Served(found[0], process, [first])
        collector = threading.Thread(target=lambda: server.lines.extend(process.stdout or ()))
        collector.start()
        try:
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            collector.join()
            reader.join()


def request(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    asked = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_the_demonstration_and_a_signed_upload(openmogr: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with served("--data", data, "--demo") as server:
        status, photo = request(f"{server.url}/{PHOTO}")
        assert (status, photo[:4]) == (200, b"\x89PNG")
        status, body = request(f"{server.url}/{PHOTO}?imageMogr2/thumbnail/64x/format/webp")
        assert (status, body[:4]) == (200, b"RIFF")
        target = "/examplebucket-1250000000/mine.png"
        assert request(server.url + target, "PUT", photo)[0] == 403
        signature = openmogr("sign", "--data", data, "put", target)
        assert signature.exit_code == ExitCode.OK
        wrong = signature.output.strip()[:-1] + ("0" if signature.output.strip()[-1] != "0" else "1")
        assert request(server.url + target, "PUT", photo, Authorization=wrong)[0] == 403
        status, body = request(server.url + target, "PUT", photo, Authorization=signature.output.strip())
        assert (status, body) == (200, b"")
        assert request(server.url + target) == (200, photo)
    assert server.process.returncode in (0, -signal.SIGTERM)
    text = "".join(server.lines)
    assert "SecretId" in text
    assert "curl" in text
    with served("--data", data) as server:
        assert request(f"{server.url}/examplebucket-1250000000/mine.png") == (200, photo)
        assert request(f"{server.url}/-/process?imageMogr2/format/webp", "POST", photo)[0] == 403
    assert "SecretKey" not in "".join(server.lines)


def test_the_console_of_the_demonstration_is_open_unless_a_setting_says_otherwise(tmp_path: Path) -> None:
    photo = (Path(demo.__file__).parent / demo.KEY).read_bytes()
    config = tmp_path / "openmogr.toml"
    config.write_text('[server]\nprocess = "signed"\n')
    for more, status in (((), 200), (("--config", config), 403)):
        with served("--data", tmp_path / "data", "--demo", *more) as server:
            told = json.loads(request(f"{server.url}/-/console/server.json")[1])
            assert told["bucket"] == demo.BUCKET
            target = f"{server.url}/-/process?imageMogr2/thumbnail/64x/format/webp"
            assert request(target, "POST", photo)[0] == status
        assert f"The console is at {server.url}/-/console" in "".join(server.lines)


def test_a_folder_in_use(openmogr: Run, tmp_path: Path) -> None:
    with served("--data", tmp_path):
        result = openmogr("serve", "--port", "0", "--data", tmp_path)
    assert result.exit_code == ExitCode.FILES
    assert "in use by another OpenMogr process" in result.output


def test_a_port_in_use(openmogr: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = openmogr("serve", "--port", str(port), "--data", tmp_path / "data")
    assert result.exit_code == ExitCode.FILES
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use." in result.output
    assert not (tmp_path / "data").exists()


def test_a_data_folder_that_cannot_be(openmogr: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    result = openmogr("serve", "--port", "0", "--data", tmp_path / "file")
    assert result.exit_code == ExitCode.FILES
    assert "is not a folder" in result.output


def test_wrong_settings_are_all_named(openmogr: Run, tmp_path: Path) -> None:
    config = tmp_path / "openmogr.toml"
    config.write_text("[server]\nport = 70000\n[storage]\nio_threads = 0\nunknown = 1\n")
    for arguments in (["--config", str(config)], []):
        os.environ["OPENMOGR_CONFIG"] = str(config)
        try:
            result = openmogr("serve", "--data", tmp_path / "data", *arguments)
        finally:
            del os.environ["OPENMOGR_CONFIG"]
        assert result.exit_code == ExitCode.USAGE
        for word in ("port in [server]", "io_threads in [storage]", "unknown setting unknown"):
            assert f"{config}: {word}" in result.output
    assert not (tmp_path / "data").exists()


def test_options_win_over_the_file(tmp_path: Path) -> None:
    config = tmp_path / "openmogr.toml"
    config.write_text(f"[storage]\ndata = '{tmp_path / 'other'}'\n[server]\nport = 1\n")
    with served("--config", config, "--data", tmp_path / "data") as server:
        assert request(server.url)[0] == 403
    assert (tmp_path / "data").is_dir()
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["GET", "/a"], ExitCode.FILES, "no keys"),
        (["GET", "a"], ExitCode.USAGE, "begins with a slash"),
        (["GET", "/a", "--header", "none"], ExitCode.USAGE, "NAME: VALUE"),
        (["GET"], ExitCode.USAGE, "Missing argument"),
    ],
)
def test_signing_needs_keys_and_a_path(
    openmogr: Run, tmp_path: Path, arguments: list[str], code: ExitCode, words: str
) -> None:
    result = openmogr("sign", "--data", tmp_path, *arguments)
    assert result.exit_code == code
    assert words in result.output
    assert list(tmp_path.iterdir()) == []


def test_keys_of_the_environment_sign_too(
    openmogr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENMOGR_SECRET_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("OPENMOGR_SECRET_KEY", "secret")
    result = openmogr("sign", "--data", tmp_path, "GET", "/a?b=c", "--header", "Host: x", "--expires", "60")
    assert result.exit_code == ExitCode.OK
    fields = dict(pair.split("=", 1) for pair in result.output.strip().split("&"))
    assert (fields["q-ak"], fields["q-header-list"], fields["q-url-param-list"]) == (
        "AKIDEXAMPLE",
        "host",
        "b",
    )
    assert "secret" not in result.output


def test_an_operate_address_in_use(openmogr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("OPENMOGR_SERVER_OPERATE_ADDRESS", f"127.0.0.1:{port}")
        result = openmogr("serve", "--port", "0", "--data", tmp_path / "data")
    assert result.exit_code == ExitCode.FILES
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use." in result.output


def test_results_that_cannot_be_kept_are_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    environment = os.environ | {
        "OPENMOGR_RESULTS_FOLDER": str(tmp_path / "file"),
        "OPENMOGR_LOG_FORMAT": "json",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "openmogr", "serve", "--port", "0", "--data", str(tmp_path / "data")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == ExitCode.FILES
    assert "remembered results cannot be kept" in ended.stderr
    assert "Traceback" not in ended.stderr
