"""Keys of results: a pattern over the key of the source."""

from __future__ import annotations

import re
from dataclasses import dataclass

from openmogr.bulk.errors import BulkError
from openmogr.bulk.places import STATE_FOLDER
from openmogr.image import AUTO_FORMAT, Pipeline
from openmogr.image.formats.registry import TARGETS

__all__ = ["MAX_KEY", "KeyRule", "key_problem"]

# Bytes of UTF-8; that is what S3 takes, and no other store takes more.
MAX_KEY = 1024
_FIELD = re.compile(r"\{([a-z]*)\}")
_FIELDS = ("key", "path", "folder", "name", "suffix")


@dataclass(frozen=True)
class KeyRule:
    """A pattern such as ``{path}{suffix}``.

    ``{key}`` is the source's key (below the folder that was named), ``{path}`` the same without its suffix,
    ``{folder}`` the part up to the last slash, ``{name}`` what is between that and the suffix, and ``{suffix}`` the
    suffix of the result's format, or of the source where the operation keeps its format.

    Attributes:
        pattern: the text.
        suffix: of all results, with the dot; None: each has that of its source.
    """

    pattern: str
    suffix: str | None

    @classmethod
    def of(cls, pattern: str, pipeline: Pipeline) -> KeyRule:
        """The rule for a pipeline. Raises ``BulkError`` where the pattern cannot be used, in words."""
        fields = _FIELD.findall(pattern)
        for name in fields:
            if name not in _FIELDS:
                raise BulkError(f"--keys knows no {{{name}}}; there are {{{'}, {'.join(_FIELDS)}}}")
        if "{" in (rest := _FIELD.sub("", pattern)) or "}" in rest:
            raise BulkError("--keys has a brace that belongs to no name")
        if not set(fields) & {"key", "path", "name"}:
            raise BulkError("--keys gives all results one key: it needs {key}, {path} or {name}")
        if pipeline.info is not None:
            return cls(pattern, ".json")
        format_name = pipeline.encoding.format
        if format_name == AUTO_FORMAT:
            if "suffix" in fields:
                raise BulkError(
                    "format/auto tells no suffix beforehand: give --keys without {suffix}, such as --keys '{key}'"
                )
            return cls(pattern, None)
        return cls(pattern, None if format_name is None else TARGETS[format_name].suffixes[0])

    @property
    def may_clash(self) -> bool:
        """Whether two sources may get one key. With ``{key}`` in it, all that is beside it being fixed, they cannot."""
        if self.suffix is None and self.pattern.replace("{path}{suffix}", "{key}") == "{key}":
            return False
        fields = set(_FIELD.findall(self.pattern))
        return not (fields == {"key"} or (fields == {"key", "suffix"} and self.suffix is not None))

    def target(self, key: str) -> str:
        """The key of what is made of ``key``."""
        folder, slash, name = key.rpartition("/")
        stem, dot, suffix = name.rpartition(".")
        if not stem:
            stem, dot, suffix = name, "", ""
        values = {
            "key": key,
            "path": f"{folder}{slash}{stem}",
            "folder": f"{folder}{slash}",
            "name": stem,
            "suffix": f"{dot}{suffix}" if self.suffix is None else self.suffix,
        }
        return _FIELD.sub(lambda match: values[match[1]], self.pattern)


def key_problem(key: str) -> str:
    """What is wrong with a key of a result, in words; empty if nothing is."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        return "the key is no UTF-8"
    if size > MAX_KEY:
        return f"the key has {size} bytes, more than {MAX_KEY}"
    if key.startswith(f"{STATE_FOLDER}/"):
        return f"{STATE_FOLDER} is where runs keep what is theirs"
    for part in key.split("/"):
        if part in ("", ".", ".."):
            return "the key has an empty part, or . or .. as one"
        if any(ord(char) < 0x20 or ord(char) == 0x7F for char in part):
            return "the key has control characters"
    return ""
