"""Writes the generated parts of the documentation.

They are ``docs/use/settings.md``, ``deploy/openmogr.example.toml``, the tables of formats in
``docs/use/operations.md``, ``docs/compatibility.md`` and its table in README, in both languages. The settings come from
the settings' classes, the formats from their registry. The compatibility comes from the tests: a feature that a test
marked ``@pytest.mark.compat(feature, client=...)`` shows to work with a real client is "verified"; the features of
``docs/compatibility.toml`` that no such test names are "from documentation" or "not yet", as it says there; and so are
calls by what clients called (``tools/compatibility.py``).

    python tools/generate_docs.py          write
    python tools/generate_docs.py --check  exit 1 if a file would change
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from openmogr.image.formats.registry import CONTAINERS
from openmogr.settings import SECTIONS, environment_name

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.compatibility import Features, features, page, summary

ROOT = Path(__file__).resolve().parent.parent
OPERATIONS = ROOT / "docs" / "use" / "operations.md"


# Settings that are tables of their own, with an entry to show how.
TABLES: Mapping[tuple[str, str], Sequence[str]] = {
    ("server", "custom_domains"): (
        "[server.custom_domains]",
        '"img.example.com" = "examplebucket-1250000000"',
    ),
    ("server", "website_domains"): (
        "[server.website_domains]",
        '"www.example.com" = "examplebucket-1250000000"',
    ),
    ("server", "negotiate"): (
        "[server.negotiate]",
        '"*" = "tpg avif webp"',
        '"examplebucket-1250000000" = ""',
    ),
    ("auth", "temporary"): (
        "[[auth.temporary]]",
        'secret_id = "AKIDTEMPORARY"',
        'secret_key = "its key"',
        'token = "its session token"',
        "expires = 4102444800",
    ),
    ("gateway", "buckets"): (
        'photos-1250000000 = "s3://company-photos/folder"',
        "[gateway.scans-1250000000]",
        'url = "s3://scans"',
        'endpoint = "http://127.0.0.1:7070"',
        'region = "us-east-1"',
        "anonymous = false",
        "public = true",
    ),
}


class _Collector:
    """A pytest plugin that notes the compat marks of the collected tests."""

    def __init__(self) -> None:
        self.clients: dict[str, set[str]] = defaultdict(set)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for mark in item.iter_markers("compat"):
                self.clients[mark.args[0]].add(mark.kwargs["client"])


def settings_page() -> str:
    """The reference of all settings, as Markdown."""
    lines = [
        "# Settings",
        "",
        "Made by `tools/generate_docs.py` from the settings' classes. A setting is a field of a table in a TOML file",
        "(`openmogr serve --config FILE`, or `OPENMOGR_CONFIG`) or an environment variable; the environment wins",
        "over the file, and the command line over both. All problems are reported together at start, each with the",
        "file and key or the variable it comes from.",
        "",
        "[deploy/openmogr.example.toml](../../deploy/openmogr.example.toml) is a file with every setting.",
        "Settings that hold names and values are tables, `[server.custom_domains]`; lists of such are",
        "`[[auth.temporary]]`. In the environment a list is separated by commas or is JSON, a table is",
        "`NAME=VALUE,NAME=VALUE` or JSON.",
        "",
        "Variables `OPENMOGR_...` that are no setting are warned about. Those that Kubernetes makes for services named",
        "`openmogr` or `openmogr-...` (`OPENMOGR_SERVICE_HOST`, `OPENMOGR_PORT=tcp://...`) are ignored.",
    ]
    for section, model in SECTIONS.items():
        lines += [
            "",
            f"## [{section}]",
            "",
            (model.__doc__ or "").strip().split("\n\n")[0].replace("\n", " "),
            "",
        ]
        lines += ["| TOML | environment | default | what it is |", "|---|---|---|---|"]
        for name, field in model.model_fields.items():
            shown = _default(field)
            text = (field.description or "").replace("|", "\\|")
            lines.append(f"| `{name}` | `{environment_name(section, name)}` | {shown} | {text} |")
    return "\n".join(lines) + "\n"


def example_file() -> str:
    """A TOML file with every setting at its default, commented out."""
    lines = [
        "# Every setting of OpenMogr, at its default. Made by tools/generate_docs.py;",
        "# docs/use/settings.md says the same.",
        "# Take away the # of what you change:  openmogr serve --config FILE",
    ]
    for section, model in SECTIONS.items():
        lines += ["", f"[{section}]"]
        tables: list[str] = []
        for name, field in model.model_fields.items():
            words = [f"# {field.description}"]
            if (section, name) in TABLES:
                tables += ["", *words, *(f"#{line}" for line in TABLES[section, name])]
                continue
            extra = field.json_schema_extra
            if isinstance(extra, dict) and "default_in_words" in extra:
                words.append(f"# Default: {extra['default_in_words']}.")
                value = str(extra.get("example", 2))
            else:
                value = _toml(field.get_default(call_default_factory=True, validated_data={}))
            lines += [*words, f"#{name} = {value}"]
        lines += tables
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    """A default as TOML writes it."""
    match value:
        case bool() | int() | float():
            return json.dumps(value)
        case None | "":
            return '""'
        case list() | tuple() | set() | frozenset():
            return "[" + ", ".join(_toml(item) for item in value) + "]"
        case dict():
            raise SystemExit("a setting that holds names and values needs an example in TABLES")
        case SecretStr():
            return _toml(value.get_secret_value())
    return json.dumps(str(value), ensure_ascii=False)


def _default(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "default_in_words" in extra:
        return str(extra["default_in_words"])  # it differs from machine to machine
    default = field.get_default(call_default_factory=True, validated_data={})
    return "required" if default is PydanticUndefined else _show(default)


def _show(default: object) -> str:
    if default is None or str(default) == "":
        return "none"
    if isinstance(default, (list, tuple, set, frozenset)):
        return "<br>".join(f"`{item}`" for item in default).replace("|", "\\|") or "none"
    if isinstance(default, dict):
        return "<br>".join(f"`{key}={value}`" for key, value in default.items()) or "none"
    return f"`{default}`"


def shown_features() -> Features:
    """The features, and with which clients the tests show them."""
    collector = _Collector()
    arguments = ["--collect-only", "-p", "no:terminal", "-p", "no:cacheprovider", str(ROOT / "tests")]
    if pytest.main(arguments, plugins=[collector]) != pytest.ExitCode.OK:
        raise SystemExit("the tests could not be collected")
    return features(collector.clients)


def sources_table() -> str:
    """What is read of each format, as Markdown."""
    rows = [f"| {found.title} | {found.reading} |" for found in CONTAINERS.values() if found.title]
    return "\n".join(["| Input | Taken as |", "|---|---|", *rows])


# Colour spaces of ICC profiles.
_SPACES = {"RGB": "colour", "GRAY": "grey"}


def results_table() -> str:
    """How each format is written, as Markdown."""
    lines = [
        "| `format/` | `Content-Type` | Quality | Alpha | Animation | EXIF, XMP | `icc/keep` |",
        "|---|---|---|---|---|---|---|",
    ]
    for found in CONTAINERS.values():
        alpha = ("yes" if found.alpha_levels else "one level") if found.alpha else "white"
        animation = (
            "first frame" if not found.animated else "yes" if found.repeats else "yes, repeated endlessly"
        )
        quality = "yes" if found.lossy else "–"
        for optimised in (False, True):
            names = [name for name in found.names if name.optimise is optimised]
            if not names:
                continue
            types = dict.fromkeys(name.content_type for name in names)
            cells = [
                ", ".join(f"`{name.name}`" for name in names),
                ", ".join(f"`{content_type}`" for content_type in types),
                quality,
                alpha,
                animation,
                "likewise; progressive" if optimised else found.metadata,
                " and ".join(_SPACES[space] for space in sorted(found.profile_spaces, reverse=True))
                or "converts",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _filled(text: str, part: str, content: str) -> str:
    """The text with ``content`` between the two markers of a part.

    Raises:
        SystemExit: a marker is not there once.
    """
    begin, end = f"<!-- {part}: made by tools/generate_docs.py -->\n", f"\n<!-- end of {part} -->"
    head, found, rest = text.partition(begin)
    if not found or ("\n" + rest).count(end) != 1:
        raise SystemExit(f"the markers of {part} are not there once")
    return head + begin + content + end + ("\n" + rest).partition(end)[2]


def pages() -> dict[Path, str]:
    """The generated files with their text."""
    shown = shown_features()
    table = summary(shown)
    readmes = {
        path: _filled(path.read_text(encoding="utf-8"), "compatibility", table)
        for path in (ROOT / "README.md", ROOT / "README.zh.md")
    }
    operations = _filled(OPERATIONS.read_text(encoding="utf-8"), "sources", sources_table())
    return {
        ROOT / "docs" / "use" / "settings.md": settings_page(),
        ROOT / "deploy" / "openmogr.example.toml": example_file(),
        OPERATIONS: _filled(operations, "results", results_table()),
        ROOT / "docs" / "compatibility.md": page(shown),
        **readmes,
    }


def main() -> None:
    """Write the files, or with ``--check`` only compare them."""
    wanted = pages()
    stale = [
        path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        if stale:
            raise SystemExit(f"run `make docs`: {', '.join(path.name for path in stale)} is not up to date")
        return
    for path in stale:
        path.write_text(wanted[path], encoding="utf-8")


if __name__ == "__main__":
    main()
