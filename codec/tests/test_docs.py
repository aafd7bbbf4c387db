"""What the documentation shows is true."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image
from pillow_tpg.__main__ import main

ROOT = Path(__file__).resolve().parents[2]


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [body for name, body in fences if name == language]


@pytest.fixture
def example(tmp_path: Path, malformed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("picture.tpg").write_bytes((malformed / "base_alpha.tpg").read_bytes())
    return tmp_path


def test_the_example_in_python_runs(example: Path) -> None:
    (code,) = blocks("codec/README.md", "python")
    exec(compile(code, "README.md", "exec"), {})
    with Image.open(example / "picture.png") as picture:
        assert picture.size == (70, 51)


def test_the_commands_run(example: Path, shared: Path) -> None:
    stream = shared / "vectors/avs2/intra/i001_one_cu_dc_nocoef_16x16.avs"
    (example / "stream.avs").write_bytes(stream.read_bytes())
    commands = [line for block in blocks("codec/README.md", "") for line in block.splitlines()]
    decoding = [command for command in commands if shlex.split(command)[3] in {"info", "decode", "yuv"}]
    assert len(decoding) == 4
    for command in decoding:
        assert main(shlex.split(command)[3:]) == 0


def test_the_bytes_shown_are_those_of_the_file(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = corpus / "dingdang_tpg.gif"
    _, dump, fields = blocks("docs/format/tpg.md", "")
    shown = bytearray()
    for line in dump.splitlines():
        match = re.match(r"(?: ?\d+  |    )((?:[0-9A-F]{2} )*[0-9A-F]{2})(?: |$)", line)
        if match is not None:
            shown += bytes.fromhex(match[1])
    assert len(shown) == 66
    assert file.read_bytes().startswith(shown)
    assert main(["info", str(file)]) == 0
    assert set(fields.splitlines()) <= set(capsys.readouterr().out.splitlines())
