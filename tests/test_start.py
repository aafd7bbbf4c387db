"""The pages for beginners do what they say: every ``sh`` and ``python`` block is run, in order, page by page.

A block that starts a server is started and stays; ``console`` blocks are for eyes: they install, need root or another
machine. Ports are free ones.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "src" / "openmogr" / "demo" / "sample.png"
PAGES = [*sorted((ROOT / "docs" / "start").glob("*.md")), ROOT / "docs" / "use" / "move-here.md"]
PROGRAMS = Path(sys.executable).parent


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of each fenced block."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@dataclass
class Reader:
    """Somebody who types what a page says."""

    folder: Path
    port: int
    variables: dict[str, str]
    servers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def follow(self, language: str, text: str) -> None:
        text = text.replace("127.0.0.1:9000", f"127.0.0.1:{self.port}").replace(
            "Port=9000", f"Port={self.port}"
        )
        if language == "python":
            self.run([sys.executable, "-c", text])
            return
        for variable, value in re.findall(r"(OPENMOGR_\w+)=('[^']*'|\S+)", text):
            self.variables[variable] = value.strip("'")
        text = re.sub(r"^export .*\n", "", text, flags=re.MULTILINE)
        if "openmogr serve " in text:
            self.start(text.strip())
        else:
            self.run(["bash", "-euo", "pipefail", "-c", text])

    def run(self, command: list[str]) -> None:
        done = subprocess.run(command, cwd=self.folder, env=self.variables, capture_output=True, text=True)
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout}{done.stderr}"

    def start(self, line: str) -> None:
        assert "\n" not in line, "a server is started by a line of its own"
        log = self.folder / "server.log"
        with log.open("wb") as output:
            command = [*line.split(), "--port", str(self.port)]
            command[0] = str(PROGRAMS / command[0])
            self.servers.append(
                subprocess.Popen(command, cwd=self.folder, env=self.variables, stdout=output, stderr=output)
            )
        deadline = time.monotonic() + 60
        while "sample.png?" not in log.read_text():
            assert self.servers[-1].poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """In a folder with photos, a logo and a picture."""
    if shutil.which("bash") is None or shutil.which("curl") is None:
        pytest.skip("the commands need bash and curl")
    (tmp_path / "photos" / "summer").mkdir(parents=True)
    with Image.open(SAMPLE) as image:
        small = image.convert("RGB").resize((384, 256))
    small.save(tmp_path / "photos" / "a.jpg", quality=95)
    small.rotate(180).save(tmp_path / "photos" / "summer" / "b.png")
    small.resize((64, 48)).save(tmp_path / "logo.png")
    small.save(tmp_path / "picture.png")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("OPENMOGR_")}
    variables["PATH"] = os.pathsep.join([str(PROGRAMS), variables["PATH"]])
    found = Reader(tmp_path, port, variables)
    yield found
    for server in found.servers:
        server.terminate()
        server.wait(30)


def test_there_is_a_page_for_each_kind_of_user() -> None:
    assert {page.stem for page in PAGES} == {
        "cos-app",
        "front-end",
        "move-here",
        "operator",
        "photo-folder",
        "pillow",
    }
    known = {"console", "html", "python", "sh"}
    assert {language for page in PAGES for language, _ in blocks(page)} == known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_can_be_followed(page: Path, reader: Reader) -> None:
    if page.stem == "cos-app":
        pytest.importorskip("qcloud_cos", reason="the COS SDK is not installed")
    if page.stem == "move-here":
        pytest.importorskip("obstore", reason="obstore is not installed")
    done = [language for language, text in blocks(page) if language in {"python", "sh"}]
    for language, text in blocks(page):
        if language in {"python", "sh"}:
            reader.follow(language, text)
    assert len(done) >= 2
    expected = {
        "photo-folder": ["small/summer/b.avif", "smaller/a.webp", "slim/a.jpg", "web/a.jpg", "photos/a.avif"],
        "pillow": ["picture.tpg", "again.png", "decoded.png", "small.tpg"],
        "operator": ["restored/index.sqlite3", "backup"],
        "cos-app": ["small.webp"],
        "move-here": ["cos/index.sqlite3", "report.json"],
        "front-end": ["site-data"],
    }
    for name in expected[page.stem]:
        assert (reader.folder / name).exists(), name


def test_the_html_for_front_ends_names_pictures_that_are_there() -> None:
    page = ROOT / "docs" / "start" / "front-end.md"
    (text,) = [text for language, text in blocks(page) if language == "html" and "srcset" in text]
    assert text.count("imageMogr2/thumbnail/") == 3
    with Image.open(SAMPLE) as image:
        assert f'width="{image.width}" height="{image.height}"' in text
