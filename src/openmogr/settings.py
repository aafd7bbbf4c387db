"""Every setting of the server, gathered from its section's class, a TOML file, the environment and the command line.

Each concern declares its own frozen pydantic model beside the code that it configures. A setting ``field`` of the
section ``section`` is ``field`` in the TOML table ``[section]`` and ``OPENMOGR_SECTION_FIELD`` in the environment; the
few that everybody sets have a short name too (``SHORT_NAMES``). Later sources win: defaults, file, environment,
command line. All problems of all sources are reported together.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel, ValidationError

from openmogr.api.settings import ServerSettings
from openmogr.auth.settings import AuthSettings
from openmogr.database import DatabaseSettings
from openmogr.image import ImageSettings
from openmogr.jobs import JobSettings
from openmogr.observe import LogSettings
from openmogr.results import ResultSettings
from openmogr.storage.settings import StorageSettings
from openmogr.storage.stores import GatewaySettings

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
    "database": DatabaseSettings,
    "gateway": GatewaySettings,
    "image": ImageSettings,
    "results": ResultSettings,
    "jobs": JobSettings,
    "log": LogSettings,
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

# Options of the command line that are not named after their setting.
_OPTIONS = {("database", "url"): "--database"}

# What Kubernetes puts into the environment of every container for a service named openmogr or openmogr-something,
# and old Docker links too. A port there is a URL, so that OPENMOGR_PORT=9000 is still ours.
_KUBERNETES = re.compile(
    r"OPENMOGR_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?)"
)
_KUBERNETES_PORT = re.compile(r"OPENMOGR_(\w+_)?PORT")
_KUBERNETES_URL = re.compile(r"(tcp|udp|sctp)://")

_Values: TypeAlias = dict[str, dict[str, object]]


class SettingsError(Exception):
    """The settings do not hold together; ``problems`` names every one, one sentence each.

    Attributes:
        warnings: what :class:`Settings` would have told.
    """

    def __init__(self, problems: list[str], warnings: Sequence[str] = ()) -> None:
        self.problems = problems
        self.warnings = tuple(warnings)
        super().__init__("\n".join(problems))


@dataclass(frozen=True)
class Settings:
    """All sections. Built by :func:`load_settings`, or by hand in tests.

    Attributes:
        warnings: what looks like a mistake and stops nothing, one sentence each.
    """

    server: ServerSettings
    auth: AuthSettings
    storage: StorageSettings
    image: ImageSettings
    results: ResultSettings = field(default_factory=ResultSettings)
    jobs: JobSettings = field(default_factory=JobSettings)
    log: LogSettings = field(default_factory=LogSettings)
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    warnings: tuple[str, ...] = ()


@dataclass
class _Sources:
    """What was gathered: values, where each comes from in words, and what is wrong."""

    values: _Values = field(default_factory=lambda: {section: {} for section in SECTIONS})
    origins: dict[tuple[str, str], str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def put(self, section: str, name: str, value: object, origin: str) -> None:
        """A value of a setting, which takes the place of an earlier source's."""
        self.values[section][name] = value
        self.origins[section, name] = origin


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
    sources = _Sources()
    if config is not None:
        _read_file(config, sources)
    _read_environment(environment or {}, sources)
    for section, fields in (overrides or {}).items():
        for name, value in fields.items():
            sources.put(section, name, value, _OPTIONS.get((section, name), f"--{name}"))
    models: dict[str, BaseModel] = {}
    for section, model in SECTIONS.items():
        try:
            models[section] = model.model_validate(sources.values[section])
        except ValidationError as error:
            sources.problems.extend(_describe(section, error, sources))
    if sources.problems:
        raise SettingsError(sources.problems, sources.warnings)
    # Each model was validated by the class of its own section.
    return Settings(**models, warnings=tuple(sources.warnings))  # type: ignore[arg-type]


def _read_file(config: Path, sources: _Sources) -> None:
    problems = sources.problems
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
            known = SECTIONS[section].model_fields
            for name, value in _gathered(section, table).items():
                if name in known:
                    sources.put(section, name, value, f"{config}: {name} in [{section}]")
                else:
                    hint = _hint(name, known)
                    problems.append(f"{config}: unknown setting {name} in [{section}]{hint}")


def _gathered(section: str, table: Mapping[str, object]) -> Mapping[str, object]:
    """A table with the names that are no settings as one setting of its section, where that has one for them."""
    place: str | None = getattr(SECTIONS[section], "names", None)
    known = SECTIONS[section].model_fields
    if place is None or isinstance(table.get(place), str):
        return table
    # All others were mistyped.
    named = {
        name: value
        for name, value in table.items()
        if name not in known and (isinstance(value, dict) or "://" in str(value))
    }
    rest = {name: value for name, value in table.items() if name not in named}
    given = rest.get(place, {})
    if not named or not isinstance(given, dict):
        return rest
    return {**rest, place: {**given, **named}}


def _read_environment(environment: Mapping[str, str], sources: _Sources) -> None:
    places = {
        f"{PREFIX}{section}_{name}".upper(): (section, name)
        for section, model in SECTIONS.items()
        for name in model.model_fields
    } | dict(SHORT_NAMES)
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable in _OTHER_VARIABLES or _is_kubernetes(variable, text):
            continue
        if variable not in places:
            sources.warnings.append(f"{variable}: there is no such setting{_hint(variable, places)}")
            continue
        section, name = places[variable]
        sources.put(section, name, _parse(section, name, text), variable)


def _is_kubernetes(variable: str, text: str) -> bool:
    if _KUBERNETES.fullmatch(variable):
        return True
    return _KUBERNETES_PORT.fullmatch(variable) is not None and _KUBERNETES_URL.match(text) is not None


def _hint(name: str, known: Iterable[str]) -> str:
    # Without what all names have in common, which would make all of them alike.
    names = {other.removeprefix(PREFIX): other for other in known}
    close = get_close_matches(name.removeprefix(PREFIX), names, 1, 0.75)
    return f"; is {names[close[0]]} meant?" if close else ""


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


def _describe(section: str, error: ValidationError, sources: _Sources) -> list[str]:
    described = []
    for item in error.errors(include_url=False, include_input=False):
        name, *inner = map(str, item["loc"]) if item["loc"] else ("",)
        place = "".join(f", {part}" for part in inner)
        origin = sources.origins.get(
            (section, name), f"{environment_name(section, name)} ([{section}] {name})"
        )
        # A rule over several settings belongs to none of them.
        described.append(
            f"{origin if name else f'[{section}]'}{place}: {item['msg'].removeprefix('Value error, ')}"
        )
    return described
