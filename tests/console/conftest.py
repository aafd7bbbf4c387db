"""A server with pictures, and what one browser sees of its console; all visits are made by one start of Chromium."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias, cast
from urllib.parse import quote

import pytest
from PIL import Image

import openmogr.demo
from openmogr.testing import ServerProcess

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "tests/clients/node_modules"
BUCKET = "gallery-1250000000"
BULK = "bulk-1250000000"
# What is not text has to be shown as text all the same.
MARKUP = '<img src=x onerror="harmed=1">.jpg'
TAG = "<script>harmed = 1</script><b>bold</b>"

Seen: TypeAlias = Mapping[str, object]
Visits: TypeAlias = Mapping[str, Mapping[str, object]]
Walk: TypeAlias = Callable[..., Visits]


@pytest.fixture(scope="session")
def walk() -> Walk:
    """Visits a server's console; screenshots go to ``build/console``."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    node = shutil.which("node")
    if node is None or browser is None:
        pytest.skip("node or chromium is not installed; on Debian: apt install nodejs chromium")
    for package in ("playwright-core", "axe-core"):
        if not (CLIENTS / package).is_dir():
            pytest.skip(f"{package} is not installed: make clients")
    pictures = ROOT / "build/console"
    pictures.mkdir(parents=True, exist_ok=True)

    def visit(server: ServerProcess, names: list[str], files: Mapping[str, Path], **more: object) -> Visits:
        keys = {"id": server.credential.secret_id, "key": server.credential.secret_key}
        given = {name: str(path) for name, path in files.items()}
        request = {
            "at": f"http://127.0.0.1:{server.port}",
            "keys": keys,
            "files": given,
            "visits": names,
            **more,
        }
        command = [node, str(Path(__file__).parent / "walk.mjs"), str(ROOT), browser, str(pictures)]
        done = subprocess.run(
            command, input=json.dumps(request), capture_output=True, text=True, timeout=900, check=False
        )
        assert done.returncode == 0, done.stderr
        return cast(Visits, json.loads(done.stdout.splitlines()[-1]))

    return visit


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Files to drop: the photo of the demonstration in two sizes."""
    folder = tmp_path_factory.mktemp("pictures")
    files = {}
    with Image.open(Path(openmogr.demo.__file__).parent / openmogr.demo.KEY) as photo:
        for name, size in (("photo.png", (384, 256)), ("small.png", (96, 64))):
            files[name] = folder / name
            photo.resize(size).save(files[name])
    files["text.png"] = folder / "text.png"
    files["text.png"].write_text("no picture")
    return files


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, pictures: Mapping[str, Path]) -> Iterator[ServerProcess]:
    """One whose console everybody may use, with a bucket of pictures."""
    settings: dict[str, dict[str, object]] = {
        "server": {"process": "everybody", "console_bucket": BUCKET},
    }
    with ServerProcess(tmp_path_factory.mktemp("console") / "data", settings) as process:
        photo = pictures["photo.png"].read_bytes()
        assert process.request("PUT", f"/{BUCKET}", b"", {"x-cos-acl": "public-read"}).status == 200
        tpg = process.request("POST", "/-/process?imageMogr2/format/tpg", photo)
        objects = {"photo.png": photo, "tpg/a.tpg": tpg.body, "tp.tpg": tpg.body, "evil.js": b"harmed = 1"}
        for key, data in {**objects, MARKUP: _with_exif(photo)}.items():
            assert process.request("PUT", f"/{BUCKET}/{quote(key)}", data).status == 200
        assert process.request("PUT", f"/{BULK}", b"").status == 200
        for key in ("in/a.png", "in/deep/b.png", *(f"many/{number}.png" for number in range(30))):
            assert process.request("PUT", f"/{BULK}/{key}", photo).status == 200
        for key in ("in/broken.png", "in/notes.txt"):
            assert process.request("PUT", f"/{BULK}/{key}", b"no picture").status == 200
        yield process
        assert "Traceback" not in process.log, process.log


def _with_exif(photo: bytes) -> bytes:
    data = io.BytesIO()
    with Image.open(io.BytesIO(photo)) as image:
        exif = image.getexif()
        exif[0x010E] = TAG  # ImageDescription
        image.convert("RGB").save(data, "JPEG", exif=exif)
    return data.getvalue()
