"""``openmogr cache``, beside a running server too."""

from __future__ import annotations

from pathlib import Path

import openmogr.demo
from openmogr.testing import ServerProcess
from tests.cli.conftest import Run

PHOTO = Path(openmogr.demo.__file__).parent / openmogr.demo.KEY


def test_nothing_is_there_and_nothing_is_made(openmogr: Run, tmp_path: Path) -> None:
    for command in ("stats", "clear"):
        result = openmogr("cache", command, "--data", tmp_path / "data")
        assert (result.exit_code, result.output) == (0, f"There are no results in {tmp_path}/data/results.\n")
    assert not (tmp_path / "data").exists()


def test_results_of_a_running_server_are_counted_and_forgotten(openmogr: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    target = "/b-1250000000/a.png?imageMogr2/thumbnail/50x/format/webp"
    with ServerProcess(data) as server:
        server.request("PUT", "/b-1250000000", b"")
        server.request("PUT", "/b-1250000000/a.png", PHOTO.read_bytes())
        made = server.request("GET", target)
        result = openmogr("cache", "stats", "--data", data)
        assert result.exit_code == 0
        assert result.output.startswith("1 result, ")
        assert "of at most 2.00 GiB" in result.output
        assert "hit" in str(server.request("GET", target).headers)
        result = openmogr("cache", "clear", "--data", data)
        assert (result.exit_code, result.output) == (0, "1 result forgotten\n")
        again = server.request("GET", target)
        assert again.body == made.body
        assert "miss" in str(again.headers)
        assert "hit" in str(server.request("GET", target).headers)
        assert "Traceback" not in server.log


def test_that_nothing_is_remembered_is_said(openmogr: Run, tmp_path: Path) -> None:
    config = tmp_path / "openmogr.toml"
    config.write_text("[results]\nmax_bytes = 0\n")
    result = openmogr("cache", "stats", "--data", tmp_path, "--config", config)
    assert "max_bytes in [results] is 0" in result.output
