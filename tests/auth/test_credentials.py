"""Credentials from the settings, the data folder, or made new."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from openmogr.auth import AuthSettings, load_credentials


def test_made_once_and_kept_private(tmp_path: Path) -> None:
    first = load_credentials(AuthSettings(), tmp_path / "data" / "credentials.json")
    assert first.generated
    assert len(first.owner.secret_key) == 32
    (file,) = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    second = load_credentials(AuthSettings(), tmp_path / "data" / "credentials.json")
    assert not second.generated
    assert second.owner == first.owner


def test_settings_win_and_leave_no_file(tmp_path: Path) -> None:
    settings = AuthSettings(secret_id="AKIDX", secret_key=SecretStr("s"))
    credentials = load_credentials(settings, tmp_path / "credentials.json")
    assert (credentials.owner.secret_id, credentials.owner.secret_key) == ("AKIDX", "s")
    assert list(tmp_path.iterdir()) == []


def test_secrets_are_not_printed(tmp_path: Path) -> None:
    credentials = load_credentials(AuthSettings(), tmp_path / "credentials.json")
    assert credentials.owner.secret_key not in repr(credentials)
    assert "topsecret" not in repr(AuthSettings(secret_id="a", secret_key=SecretStr("topsecret")))


def test_damaged_file_is_named(tmp_path: Path) -> None:
    load_credentials(AuthSettings(), tmp_path / "credentials.json")
    (file,) = tmp_path.iterdir()
    file.write_text("{")
    with pytest.raises(ValueError, match=r"credentials\.json"):
        load_credentials(AuthSettings(), tmp_path / "credentials.json")


@pytest.mark.parametrize(
    "values", [{"secret_id": "a"}, {"secret_key": "a"}, {"secret_id": "a&b", "secret_key": "c"}]
)
def test_half_a_pair_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        AuthSettings.model_validate(values)
