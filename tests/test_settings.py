"""Settings: sources, precedence, and problems reported together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from openmogr.settings import PREFIX, SECTIONS, SHORT_NAMES, SettingsError, environment_name, load_settings
from openmogr.storage.stores import StoreBucket


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
    assert len(caught.value.problems) == 3
    for name in ("prot in [server]; is port meant?", "[nonsense]", "OPENMOGR_PORT: Input should be"):
        assert name in text
    assert caught.value.warnings == ("OPENMOGR_TYPO: there is no such setting",)


def test_problems_name_the_file_and_the_key(tmp_path: Path) -> None:
    config = tmp_path / "openmogr.toml"
    config.write_text(
        "[server]\nport = 70000\nhost_patterns = ['*.a.com', 'UPPER']\n[server.custom_domains]\n'a.com' = 1\n"
        "[[auth.temporary]]\nsecret_id = 'x'\n"
    )
    with pytest.raises(SettingsError) as caught:
        load_settings(config, {}, {"storage": {"io_threads": 0}})
    text = "\n".join(caught.value.problems)
    assert f"{config}: port in [server]: Input should be less than or equal to 65535" in text
    assert f"{config}: host_patterns in [server]: 'UPPER' is not a host name in lower case" in text
    assert f"{config}: custom_domains in [server], a.com: Input should be a valid string" in text
    assert f"{config}: temporary in [auth], 0, token: Field required" in text
    assert "--io_threads: Input should be greater than or equal to 1" in text


def test_the_last_source_is_the_one_at_fault(tmp_path: Path) -> None:
    config = tmp_path / "openmogr.toml"
    config.write_text("[server]\nport = 1\n")
    with pytest.raises(SettingsError, match=r"^OPENMOGR_SERVER_PORT: "):
        load_settings(config, {"OPENMOGR_SERVER_PORT": "x"})


def test_a_rule_over_two_settings_names_its_section() -> None:
    with pytest.raises(
        SettingsError, match=r"^\[auth\]: secret_id and secret_key are set both or not at all$"
    ):
        load_settings(None, {"OPENMOGR_SECRET_ID": "AKIDexample"})


def test_domains_are_a_table_however_they_are_quoted(tmp_path: Path) -> None:
    config = tmp_path / "openmogr.toml"
    for text in (
        '[server.custom_domains]\n"img.example.com" = "a-1"\n"b.example.com" = "b-1"\n',
        '[server.custom_domains]\nimg.example.com = "a-1"\nb.example.com = "b-1"\n',
        '[server]\ncustom_domains = { "img.example.com" = "a-1", "b.example.com" = "b-1" }\n',
    ):
        config.write_text(text)
        found = load_settings(config).server.custom_domains
        assert dict(found) == {"img.example.com": "a-1", "b.example.com": "b-1"}


KUBERNETES = {
    "OPENMOGR_PORT": "tcp://10.0.0.1:9000",
    "OPENMOGR_SERVICE_HOST": "10.0.0.1",
    "OPENMOGR_SERVICE_PORT": "9000",
    "OPENMOGR_SERVICE_PORT_HTTP": "9000",
    "OPENMOGR_PORT_9000_TCP": "tcp://10.0.0.1:9000",
    "OPENMOGR_PORT_9000_TCP_PROTO": "tcp",
    "OPENMOGR_PORT_9000_TCP_PORT": "9000",
    "OPENMOGR_PORT_9000_TCP_ADDR": "10.0.0.1",
    "OPENMOGR_SERVER_SERVICE_HOST": "10.0.0.2",
    "OPENMOGR_SERVER_PORT": "tcp://10.0.0.2:80",
    "OPENMOGR_SERVER_PORT_80_TCP": "tcp://10.0.0.2:80",
    "OPENMOGR_WEB_UI_PORT": "udp://10.0.0.3:80",
}


def test_variables_of_kubernetes_are_ignored() -> None:
    settings = load_settings(None, KUBERNETES)
    assert settings == load_settings()
    assert settings.warnings == ()
    assert load_settings(None, {**KUBERNETES, "OPENMOGR_PORT": "1234"}).server.port == 1234


def test_unknown_variables_are_warned_about() -> None:
    settings = load_settings(None, {"OPENMOGR_SERVER_REGOIN": "ap-beijing", "OPENMOGR_WHATEVER": "1"})
    assert settings.warnings == (
        "OPENMOGR_SERVER_REGOIN: there is no such setting; is OPENMOGR_SERVER_REGION meant?",
        "OPENMOGR_WHATEVER: there is no such setting",
    )


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


EXAMPLE = Path(__file__).parent.parent / "deploy" / "openmogr.example.toml"


def test_the_example_file_changes_nothing_as_it_is() -> None:
    assert load_settings(EXAMPLE) == load_settings()


def test_the_example_file_holds_every_setting_at_its_default(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    config = tmp_path / "openmogr.toml"
    config.write_text(re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE), encoding="utf-8")
    found, defaults = load_settings(config), load_settings()
    assert dict(found.server.custom_domains) == {"img.example.com": "examplebucket-1250000000"}
    assert found.server.negotiated_formats("other-1250000000") == ("tpg", "avif", "webp")
    assert found.server.negotiated_formats("examplebucket-1250000000") == ()
    assert found.gateway.buckets["photos-1250000000"] == StoreBucket(url="s3://company-photos/folder")
    assert found.gateway.buckets["scans-1250000000"].public
    assert [item.token.get_secret_value() for item in found.auth.temporary] == ["its session token"]
    for section, model in SECTIONS.items():
        given = getattr(found, section).model_fields_set
        assert given == set(model.model_fields), f"[{section}] lacks {set(model.model_fields) - given}"
        for name in given - {
            "custom_domains",
            "website_domains",
            "negotiate",
            "temporary",
            "buckets",
            "workers",
            "memory",
        }:
            assert getattr(getattr(found, section), name) == getattr(getattr(defaults, section), name), name


def test_buckets_of_the_gateway_are_lines_of_its_table(tmp_path: Path) -> None:
    config = tmp_path / "openmogr.toml"
    config.write_text(
        '[gateway]\ntimeout = 3\na-1250000000 = "s3://one/folder"\n'
        '[gateway.b-1250000000]\nurl = "file:///srv"\npublic = true\n'
    )
    found = load_settings(config).gateway
    assert found.timeout == 3
    assert {name: place.url for name, place in found.buckets.items()} == {
        "a-1250000000": "s3://one/folder",
        "b-1250000000": "file:///srv",
    }
    found = load_settings(
        None, {"OPENMOGR_GATEWAY_BUCKETS": "a-1250000000=gs://one,b-1250000000=az://two"}
    ).gateway
    assert [place.url for place in found.buckets.values()] == ["gs://one", "az://two"]


def test_bad_buckets_of_the_gateway_are_named_and_their_keys_are_not(tmp_path: Path) -> None:
    config = tmp_path / "openmogr.toml"
    config.write_text(
        '[gateway]\nmax_request = 3\na-1250000000 = "s3://key:hidden@one"\n'
        'b-1250000000 = { url = "s3://b", hidden = 1 }\n'
    )
    with pytest.raises(SettingsError) as caught:
        load_settings(config)
    problems = "\n".join(caught.value.problems)
    assert "unknown setting max_request in [gateway]; is max_requests meant?" in problems
    assert "a-1250000000, url: a URL holds neither keys nor a query" in problems
    assert "key:hidden" not in problems


def test_the_documentation_is_the_same_on_every_machine() -> None:
    """What depends on the machine is told in words."""
    reference = (Path(__file__).parent.parent / "docs" / "use" / "settings.md").read_text(encoding="utf-8")
    (line,) = [line for line in reference.splitlines() if "OPENMOGR_IMAGE_WORKERS" in line]
    assert not re.search(r"\d", line)
