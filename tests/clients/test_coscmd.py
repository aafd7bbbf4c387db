"""``coscmd``, the official command line, through a proxy setting. To run it: ``pip install coscmd``."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from openmogr.testing import ServerProcess

CLIENT = "coscmd 1.9"
Run = Callable[..., str]


@pytest.fixture
def run(server: ServerProcess, tmp_path: Path) -> Run:
    """Runs coscmd, configured for a bucket that it creates, and gives what it printed."""
    program = shutil.which("coscmd", path=os.environ.get("COSCMD_PATH", os.environ["PATH"]))
    if program is None:
        pytest.skip("coscmd is not installed: pip install coscmd, and name its folder in COSCMD_PATH")
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "http_proxy": f"http://127.0.0.1:{server.port}",
        "HOME": str(tmp_path),
    }

    def command(*arguments: str) -> str:
        files = ["-c", str(tmp_path / "configuration"), "-l", str(tmp_path / "log")]
        done = subprocess.run(
            [program, *files, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    key = server.credential
    command(
        "config", "-a", key.secret_id, "-s", key.secret_key, "-b", "coscmd-1250000000", "-r", "ap-shanghai",
        "--do-not-use-ssl",
    )  # fmt: skip
    command("createbucket")
    return command


@pytest.mark.compat("PUT/GET/HEAD/DELETE Object", client=CLIENT)
@pytest.mark.compat("Multipart upload", client=CLIENT)
@pytest.mark.compat("Copy", client=CLIENT)
def test_a_folder_up_and_down(run: Run, tmp_path: Path) -> None:
    """Line 3: all requests arrive in absolute form."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a b 图.txt").write_text("text")
    (folder / "large.bin").write_bytes(os.urandom(25_000_000))
    assert "2 files uploaded" in run("upload", "-r", f"{folder}/", "dir/")
    assert "large.bin" in run("list", "-r", "dir/")
    run("download", "dir/large.bin", str(tmp_path / "down.bin"))
    assert (tmp_path / "down.bin").read_bytes() == (folder / "large.bin").read_bytes()
    run("copy", "coscmd-1250000000.cos.ap-shanghai.myqcloud.com/dir/a b 图.txt", "copied.txt")
    assert "ETag" in run("info", "copied.txt")
    assert "2 files successful" in run("delete", "-r", "-f", "dir/")
    assert "copied.txt" in run("list")
