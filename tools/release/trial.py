"""Tries out an installation, with nothing but what is installed: every format, the command line and a server.

Run by ``tools/release/smoke.py`` in an environment of its own; prints what it has seen, and fails where something is
wrong. On Windows, where the service does not run, the native modules alone are tried.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import openmogr_pixels
import pillow_tpg
from openmogr_pixels.pillow import to_pillow
from PIL import Image, ImageChops

PROGRAMS = Path(sys.executable).parent


def try_modules() -> None:
    """TPG and JPEG, there and back."""
    assert shutil.which("cargo") is None, "Rust is in PATH, so this shows nothing"
    pillow_tpg.register_tpg_opener()
    picture = Image.linear_gradient("L").convert("RGB")
    stream = io.BytesIO()
    picture.save(stream, "TPG")
    with Image.open(io.BytesIO(stream.getvalue())) as found:
        assert (found.format, found.size) == ("TPG", (256, 256))
        assert max(ImageChops.difference(found, picture).convert("L").tobytes()) < 12
    stream = io.BytesIO()
    picture.save(stream, "JPEG")
    decoded, report = openmogr_pixels.decode_jpeg(stream.getvalue())
    assert to_pillow(decoded).size == (256, 256)
    assert not report.truncated
    assert openmogr_pixels.has_jpeg_simd(), "JPEG is slow: the module was built without an assembler"
    print(f"pillow-tpg {pillow_tpg.__version__}, openmogr-pixels {openmogr_pixels.__version__}: fine")


def openmogr(*arguments: str) -> str:
    """What a command of openmogr prints."""
    command = [str(PROGRAMS / "openmogr"), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def try_commands() -> None:
    """The doctor, and a picture in three formats."""
    report = openmogr("doctor")
    assert "Everything that is needed is here." in report, report
    Image.linear_gradient("L").convert("RGB").save("picture.png")
    for name, magic in (("tpg", b"TPG AVS2B"), ("avif", b"ftypavif"), ("webp", b"WEBP")):
        openmogr("compress", "picture.png", "--format", name, "--out", "small", "--write-larger")
        assert magic in Path(f"small/picture.{name}").read_bytes()[:16], name
    print("openmogr doctor, openmogr compress: fine")


def try_server() -> None:
    """A server with the sample picture, asked for TPG."""
    log = Path("log")
    with log.open("wb") as output:
        command = [str(PROGRAMS / "openmogr"), "serve", "--port", "0", "--demo", "--data", "data"]
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + 60
            while "/sample.png?" not in log.read_text():
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            words = log.read_text().split()
            host = next(word for word in words if word.startswith("http://127.0.0.1:")).split("/")[2]
            url = f"http://{host.rstrip(',.')}/examplebucket-1250000000/sample.png?imageMogr2/format/tpg"
            with urllib.request.urlopen(url, timeout=60) as answer:  # of the server that was just started
                assert answer.read(9) == b"TPG AVS2B"
        finally:
            server.terminate()
            server.wait(30)
    print("openmogr serve: fine")


if __name__ == "__main__":
    try_modules()
    if os.name == "posix":
        try_commands()
        try_server()
