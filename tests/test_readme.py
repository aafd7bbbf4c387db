"""README's commands run as they are written, in a clone with a server as ``make run`` starts it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import openmogr.demo
from openmogr.errors import NotSupported
from openmogr.image import ImageSettings, Processor, Source, parse_operation
from openmogr.image.formats.registry import TARGETS

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = "http://127.0.0.1:9000"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("OPENMOGR_")}


def blocks() -> list[str]:
    """The shell blocks of README that are not about make."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [block for block in found if not block.startswith("make ")]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that looks like a clone after ``make setup``."""
    program = Path(sys.executable).with_name("openmogr")
    if not program.exists() or shutil.which("bash") is None or shutil.which("curl") is None:
        pytest.skip("README's commands need bash, curl and an installed openmogr")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "openmogr").symlink_to(program)
    (tmp_path / "src").symlink_to(ROOT / "src")
    return tmp_path


@pytest.fixture
def config(clone: Path) -> None:
    """A file with keys."""
    (clone / "keys.toml").write_text("[auth]\nsecret_id = 'AKIDOFTHEFILE'\nsecret_key = 'key of the file'\n")


@pytest.fixture
def started(clone: Path, config: None, request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """A server started as ``make run`` does, with further variables: its address and what it printed."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    arguments = ["--host", "127.0.0.1", "--port", port, "--data", "./data", "--demo"]
    printed = clone / "printed"
    with (
        printed.open("w") as output,
        subprocess.Popen(
            [".venv/bin/openmogr", "serve", *arguments],
            cwd=clone,
            stdout=output,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT | getattr(request, "param", {}),
        ) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(300):
                if "image_process" in printed.read_text() or process.poll() is not None:
                    break
                time.sleep(0.1)
            yield url, printed.read_text()
        finally:
            process.terminate()


def shell(script: str, folder: Path, **variables: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        env=ENVIRONMENT | variables,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_three_ways(clone: Path, started: tuple[str, str]) -> None:
    (script,) = [block for block in blocks() if ADDRESS in block]
    assert script.count("curl ") == 6
    output = shell(script.replace(ADDRESS, started[0]).replace("curl ", "curl -sSf "), clone)
    assert output.count("<UploadResult>") == 2
    for name, magic in (("sample.heif", b"ftyp"), ("sample.tpg", b"TPG"), ("small.webp", b"WEBP")):
        assert magic in (clone / name).read_bytes()[:16], name


def test_without_a_server(clone: Path) -> None:
    (script,) = [block for block in blocks() if "compress" in block]
    output = shell(script, clone)
    assert "Everything that is needed is here." in output
    assert {path.suffix for path in (clone / "compressed").rglob("*") if path.is_file()} == {".heif", ".webp"}


KEYS = {"OPENMOGR_SECRET_ID": "AKIDOFTHEENVIRONMENT", "OPENMOGR_SECRET_KEY": "key of the environment"}


@pytest.mark.parametrize("started", [{}, KEYS, {"OPENMOGR_CONFIG": "keys.toml"}], indirect=True, ids=str)
def test_what_the_server_prints_can_be_pasted(
    clone: Path, started: tuple[str, str], request: pytest.FixtureRequest
) -> None:
    """With the command as it was started, and the keys from where the server has them."""
    variables = request.node.callspec.params["started"]
    printed = started[1]
    place = {"": "--data data", "OPENMOGR_SECRET_ID": "PUT", "OPENMOGR_CONFIG": "--config keys.toml"}
    assert f".venv/bin/openmogr sign {place[next(iter(variables), '')]} " in printed
    assert "key of the environment" not in printed
    script = printed[printed.index("Process on download:") :]
    script = re.sub(r"^Process.*:$", "", script, flags=re.MULTILINE).replace("curl ", "curl -sSf ")
    # The shell of whoever exported the keys has them too; a file's name is told by the line itself.
    output = shell(script, clone, **(variables if variables == KEYS else {}))
    assert output.count("<UploadResult>") == 2


def fenced(page: str) -> list[tuple[str, str]]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_chinese_page_says_the_same() -> None:
    """Commands, figures, links and parts are those of README; only the words between are others."""
    assert fenced("README.zh.md") == fenced("README.md")
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md"))

    def links(text: str) -> set[str]:
        return set(re.findall(r"\]\(([^)]+)\)", text)) - {"README.md", "README.zh.md"}

    assert {link.partition("#")[0] for link in links(chinese)} == {
        link.partition("#")[0] for link in links(english)
    }
    for pattern in (r"^#+ ", r"^\|", r"^- \["):
        found = [len(re.findall(pattern, text, re.MULTILINE)) for text in (english, chinese)]
        assert found[0] == found[1], pattern
    # The code in tables: settings, addresses, calls.
    spans = [
        set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))
        for text in (english, chinese)
    ]
    assert spans[0] == spans[1]


SAVED = re.findall(
    r"^\| `(\w+)` \| ([\d.]+) KiB \| ([\d.]+) % \| ([\d.]+) \|$",
    (ROOT / "README.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def test_what_it_saves_has_rows() -> None:
    assert len(SAVED) == 4


@pytest.mark.parametrize(("name", "size", "less", "score"), SAVED, ids=[row[0] for row in SAVED])
def test_what_it_saves(name: str, size: str, less: str, score: str) -> None:
    """As far as versions of encoders allow: other ones write a little more or less."""
    source = (Path(openmogr.demo.__file__).parent / openmogr.demo.KEY).read_bytes()
    try:
        TARGETS[name].container.check_writable()
        pipeline = replace(parse_operation(f"imageMogr2/format/{name}"), scored=True)
        made = Processor(ImageSettings()).execute(pipeline, Source(data=source))
    except NotSupported as error:
        pytest.skip(error.message)
    assert len(made.data) / 1024 == pytest.approx(float(size), rel=0.03)
    assert 100 - 100 * len(made.data) / len(source) == pytest.approx(float(less), abs=0.2)
    assert made.score == pytest.approx(float(score), abs=0.5)
