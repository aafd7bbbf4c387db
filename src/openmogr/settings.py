"""Every setting of the server, gathered from its section's class, a TOML file, the environment and the command line.

Each concern declares its own frozen pydantic model beside the code that it configures. A setting ``field`` of the
section ``section`` is ``field`` in the TOML table ``[section]`` and ``OPENMOGR_SECTION_FIELD`` in the environment; the
few that everybody sets have a short name too (``SHORT_NAMES``). Later sources win: defaults, file, environment,
command line. All problems of all sources are reported together.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel, ValidationError

from openmogr.api.settings import ServerSettings
from openmogr.auth.settings import AuthSettings
from openmogr.image import ImageSettings
from openmogr.storage.settings import StorageSettings

__all__ = [
    "PREFIX",
    "SECTIONS",
    "SHORT_NAMES",
    "Settings",
    "SettingsError",
    "environment_name",
    "load_settings",
]

PREFIX = "OPENMOGR_"

SECTIONS: Mapping[str, type[BaseModel]] = {
    "server": ServerSettings,
    "auth": AuthSettings,
    "storage": StorageSettings,
    "image": ImageSettings,
}

SHORT_NAMES: Mapping[str, tuple[str, str]] = {
    "OPENMOGR_HOST": ("server", "host"),
    "OPENMOGR_PORT": ("server", "port"),
    "OPENMOGR_DATA": ("storage", "data"),
    "OPENMOGR_SECRET_ID": ("auth", "secret_id"),
    "OPENMOGR_SECRET_KEY": ("auth", "secret_key"),
}

# Variables of the same prefix that are not settings: the path of the TOML file, and the test suite's data.
_OTHER_VARIABLES = frozenset({"OPENMOGR_CONFIG", "OPENMOGR_SHARED"})

_Values: TypeAlias = dict[str, dict[str, object]]


class SettingsError(Exception):
    """The settings do not hold together; ``problems`` names every one, one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass(frozen=True)
class Settings:
    """All sections. Built by :func:`load_settings`, or by hand in tests."""

    server: ServerSettings
    auth: AuthSettings
    storage: StorageSettings
    image: ImageSettings


def environment_name(section: str, field: str) -> str:
    """The environment variable of a setting."""
    for short, place in SHORT_NAMES.items():
        if place == (section, field):
            return short
    return f"{PREFIX}{section}_{field}".upper()


def load_settings(
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Mapping[str, object]] | None = None,
) -> Settings:
    """Read and check all settings.

    Args:
        config: a TOML file, or None for none.
        environment: variables to look through, usually ``os.environ``.
        overrides: values of the command line, by section and field.

    Raises:
        SettingsError: with all problems of the file, the environment and the values.
    """
    problems: list[str] = []
    values: _Values = {section: {} for section in SECTIONS}
    if config is not None:
        _read_file(config, values, problems)
    _read_environment(environment or {}, values, problems)
    for section, fields in (overrides or {}).items():
        values[section].update(fields)
    models: dict[str, BaseModel] = {}
    for section, model in SECTIONS.items():
        try:
            models[section] = model.model_validate(values[section])
        except ValidationError as error:
            problems.extend(_describe(section, error))
    if problems:
        raise SettingsError(problems)
    return Settings(**models)  # type: ignore[arg-type]  # each model was validated by the class of its own section


def _read_file(config: Path, values: _Values, problems: list[str]) -> None:
    try:
        document = tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(f"{config}: cannot be read: {error.strerror}")
        return
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{config}: not valid TOML: {error}")
        return
    for section, table in document.items():
        if section not in SECTIONS:
            problems.append(f"{config}: unknown section [{section}]; there are {', '.join(SECTIONS)}")
        elif not isinstance(table, dict):
            problems.append(f"{config}: {section} must be a table, [{section}]")
        else:
            for field, value in table.items():
                if field in SECTIONS[section].model_fields:
                    values[section][field] = value
                else:
                    problems.append(f"{config}: unknown setting {field} in [{section}]")


def _read_environment(environment: Mapping[str, str], values: _Values, problems: list[str]) -> None:
    places = {
        f"{PREFIX}{section}_{field}".upper(): (section, field)
        for section, model in SECTIONS.items()
        for field in model.model_fields
    } | dict(SHORT_NAMES)
    for name, text in sorted(environment.items()):
        if not name.startswith(PREFIX) or name in _OTHER_VARIABLES:
            continue
        if name not in places:
            problems.append(f"{name}: there is no such setting")
            continue
        section, field = places[name]
        values[section][field] = _parse(section, field, text)


def _parse(section: str, field: str, text: str) -> object:
    """A variable's text as a value: JSON or a comma-separated list where the setting holds several, else the text."""
    default = SECTIONS[section].model_fields[field].get_default(call_default_factory=True, validated_data={})
    if isinstance(default, (list, tuple, set, frozenset, dict)):
        if text.lstrip().startswith(("[", "{")):
            try:
                value: object = json.loads(text)
                return value
            except ValueError:
                return text
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if isinstance(default, dict):
            return dict(part.split("=", 1) for part in parts) if all("=" in part for part in parts) else text
        return parts
    return text


def _describe(section: str, error: ValidationError) -> list[str]:
    return [
        f"{environment_name(section, str(item['loc'][0])) if item['loc'] else section}"
        f" ([{section}] {'.'.join(map(str, item['loc']))}): {item['msg']}"
        for item in error.errors(include_url=False, include_input=False)
    ]
