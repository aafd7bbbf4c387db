"""Settings: sources, precedence, and problems reported together."""

from __future__ import annotations

from pathlib import Path

import pytest

from openmogr.settings import PREFIX, SECTIONS, SHORT_NAMES, SettingsError, environment_name, load_settings


def test_defaults_need_no_source() -> None:
    settings = load_settings()
    assert settings.server.host == "127.0.0.1"
    assert settings.server.port == 9000


def test_later_sources_win(tmp_path: Path) -> None:
    config = tmp_path / "openmogr.toml"
    config.write_text('[server]\nhost = "10.0.0.1"\nport = 1001\n[storage]\ndata = "from-file"\n')
    environment = {"OPENMOGR_PORT": "1002", "OPENMOGR_DATA": "from-environment"}
    settings = load_settings(config, environment, {"storage": {"data": tmp_path}})
    assert settings.server.host == "10.0.0.1"
    assert settings.server.port == 1002
    assert settings.storage.data == tmp_path


def test_long_and_short_names_are_the_same_setting() -> None:
    assert load_settings(None, {"OPENMOGR_SERVER_PORT": "1234"}).server.port == 1234
    assert load_settings(None, {"OPENMOGR_PORT": "1234"}).server.port == 1234


def test_all_problems_are_reported_together(tmp_path: Path) -> None:
    config = tmp_path / "bad.toml"
    config.write_text("[server]\nprot = 1\n[nonsense]\na = 1\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(config, {"OPENMOGR_PORT": "many", "OPENMOGR_TYPO": "1"})
    text = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 4
    for name in ("prot", "[nonsense]", "OPENMOGR_PORT", "OPENMOGR_TYPO"):
        assert name in text


def test_a_secret_never_stands_in_a_problem() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(
            None, {"OPENMOGR_SECRET_KEY": "", "OPENMOGR_SECRET_ID": "AKIDexample", "OPENMOGR_PORT": "x"}
        )
    assert "AKIDexample" not in str(caught.value)


@pytest.mark.parametrize("text", ["not toml [", None])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, text: str | None) -> None:
    config = tmp_path / "broken.toml"
    if text is not None:
        config.write_text(text)
    with pytest.raises(SettingsError, match=r"broken\.toml"):
        load_settings(config)


def test_every_setting_is_described_and_documented() -> None:
    reference = (Path(__file__).parent.parent / "docs" / "use" / "settings.md").read_text(encoding="utf-8")
    for section, model in SECTIONS.items():
        for name, field in model.model_fields.items():
            assert field.description, f"{section}.{name} has no description"
            assert environment_name(section, name) in reference, (
                f"{section}.{name} is not in docs/use/settings.md"
            )


def test_short_names_point_at_settings() -> None:
    for short, (section, field) in SHORT_NAMES.items():
        assert short.startswith(PREFIX)
        assert field in SECTIONS[section].model_fields
