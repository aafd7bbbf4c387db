"""``openmogr token``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from openmogr.auth import Credential, Grant
from openmogr.auth.tokens import recognise
from openmogr.cli.exit_codes import ExitCode


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "credentials.json").write_text('{"secret_id": "AKIDOWNER", "secret_key": "key"}')
    return tmp_path


def test_a_temporary_key_pair(openmogr: Callable[..., Result], data: Path) -> None:
    done = openmogr(
        *("token", "--data", data, "--expires", "900", "--read-only"),
        *("--allow", "name/cos:GetObject", "--allow", "Head*", "--prefix", "photos-1250000000/in/*"),
    )
    assert done.exit_code == 0, done.output
    document = json.loads(done.output)
    keys = document["Credentials"]
    pair = recognise(Credential("AKIDOWNER", "key"), keys["TmpSecretId"], keys["Token"])
    assert pair is not None
    assert pair.secret_key == keys["TmpSecretKey"]
    assert pair.grant == Grant(True, ("GetObject", "Head*"), ("photos-1250000000/in/",))
    assert document["ExpiredTime"] == pair.expires
    assert 890 <= document["ExpiredTime"] - time.time() <= 901


@pytest.mark.parametrize(
    "arguments",
    [("--allow", "getobject"), ("--prefix", "*"), ("--expires", "1"), ("--expires", "1000000")],
)
def test_wrong_options(openmogr: Callable[..., Result], data: Path, arguments: tuple[str, str]) -> None:
    done = openmogr("token", "--data", data, *arguments)
    assert done.exit_code == 2
    assert arguments[1] in done.output


def test_without_keys(openmogr: Callable[..., Result], tmp_path: Path) -> None:
    done = openmogr("token", "--data", tmp_path)
    assert done.exit_code == ExitCode.FILES
    assert "There are no keys" in done.output
