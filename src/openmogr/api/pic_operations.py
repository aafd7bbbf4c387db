"""The ``Pic-Operations`` header (``docs/spec/api/persistent-processing.md#2``)."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import unquote, unquote_to_bytes

from openmogr.api.attributes import check_key
from openmogr.errors import InvalidArgument, InvalidPicOperations
from openmogr.image import ImageSettings, Pipeline, expand_styles, parse_operation
from openmogr.storage.errors import InvalidObjectName, KeyTooLong

__all__ = ["PicOperations", "Rule", "parse_pic_operations", "resolve_fileid"]

_MAX_RULES = 5
_MAX_KEY_BYTES = 850
_NO_STYLES: Mapping[str, str] = MappingProxyType({})
# ``docs/spec/api/errors.md#4``
_STYLE_MISSING = -60967
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Rule:
    """One output: where it goes, and what makes it. ``key`` is the resolved target key."""

    bucket: str
    key: str
    pipeline: Pipeline


@dataclass(frozen=True, slots=True)
class PicOperations:
    """The header, checked as a whole."""

    is_pic_info: bool
    rules: tuple[Rule, ...]


def parse_pic_operations(
    raw: bytes, bucket: str, key: str, settings: ImageSettings, styles: Mapping[str, str] = _NO_STYLES
) -> PicOperations:
    """Check every rule before anything is done.

    Args:
        raw: the header as received; UTF-8.
        bucket: of the source; the target of rules that name none.
        key: of the source; relative ``fileid``s lie beside it.
        settings: for the grammar.
        styles: texts by name.

    Raises:
        InvalidPicOperations: not the JSON described, or a bad ``fileid``.
        InvalidArgument, NotSupported: a rule that the grammar refuses, naming stage and token.
    """
    try:
        document = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise InvalidPicOperations("The Pic-Operations header is not UTF-8.") from None
    except (ValueError, RecursionError):
        raise InvalidPicOperations("The Pic-Operations header is not valid JSON.") from None
    if not isinstance(document, dict):
        raise InvalidPicOperations("The Pic-Operations header must be a JSON object.")
    _check_spelling(document, ("is_pic_info", "rules"))
    rules = document.get("rules")
    if rules is None:
        rules = []
    if not isinstance(rules, list):
        raise InvalidPicOperations("rules must be a list.")
    if len(rules) > _MAX_RULES:
        raise InvalidPicOperations(f"There are {len(rules)} rules; at most {_MAX_RULES} are allowed.")
    return PicOperations(
        _flag(document.get("is_pic_info")),
        tuple(
            _rule(number, item, bucket, key, settings, styles) for number, item in enumerate(rules, start=1)
        ),
    )


def _check_spelling(given: Collection[str], names: Collection[str]) -> None:
    """Refuse a member whose name is one in another case: passed over as unknown, it would be work that is not done."""
    for name in given:
        if name not in names and name.lower() in names:
            raise InvalidPicOperations(f"the member {name} is spelled {name.lower()}.")


def _flag(value: object) -> bool:
    if value in (None, 0, 1, "0", "1", "", "true", "false"):
        return value in (1, "1", "true")
    raise InvalidPicOperations("is_pic_info must be 0 or 1.")


def _rule(
    number: int, item: object, bucket: str, key: str, settings: ImageSettings, styles: Mapping[str, str]
) -> Rule:
    if not isinstance(item, dict):
        raise InvalidPicOperations(f"rule {number} must be a JSON object.")
    try:
        _check_spelling(item, ("bucket", "fileid", "rule"))
    except InvalidPicOperations as error:
        raise InvalidPicOperations(f"rule {number}: {error.message}") from None
    text, fileid = _member(number, item, "rule"), _member(number, item, "fileid")
    target = item.get("bucket")
    if target is not None and not (isinstance(target, str) and target.isascii()):
        raise InvalidPicOperations(f"rule {number}: bucket must be the name of a bucket.")
    if "/" not in text and ("%2F" in text or "%2f" in text or "%7C" in text or "%7c" in text):
        text = unquote(text)
    try:
        text = expand_styles(text, styles)
    except InvalidArgument as error:
        raise InvalidArgument(f"rule {number}: {error.message}", number=_STYLE_MISSING) from None
    pipeline = parse_operation(text, strict=settings.strict, max_stages=settings.max_stages)
    if pipeline.info is not None:
        raise InvalidArgument(f"rule {number}: {pipeline.info.value} gives no picture that could be stored.")
    try:
        resolved = resolve_fileid(fileid, key)
    except InvalidPicOperations as error:
        raise InvalidPicOperations(f"rule {number}: {error.message}") from None
    return Rule(target or bucket, resolved, pipeline)


def _member(number: int, item: dict[str, object], name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InvalidPicOperations(f"rule {number}: {name} must be a non-empty string.")
    return value


def resolve_fileid(fileid: str, key: str) -> str:
    """The target key of a ``fileid`` (``docs/spec/api/persistent-processing.md#2.1``), which is URL-decoded first.

    Raises:
        InvalidPicOperations: it names no key that could be stored and listed.
    """
    try:
        text = unquote_to_bytes(fileid).decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        raise InvalidPicOperations("fileid is not valid UTF-8.") from None
    if text.startswith("/"):
        target = text[1:]
    else:
        folder, slash, _ = key.rpartition("/")
        target = folder + slash + text
    try:
        check_key(target)
    except InvalidObjectName:
        raise InvalidPicOperations("fileid holds a control character.") from None
    if _CONTROL.search(target):
        raise InvalidPicOperations("fileid holds a control character.")
    if not target or target.endswith("/"):
        raise InvalidPicOperations("fileid must not end with a slash.")
    if ".." in text.split("/"):
        raise InvalidPicOperations("fileid must not hold '..' as a segment.")
    if len(target.encode()) > _MAX_KEY_BYTES:
        raise KeyTooLong()
    return target
