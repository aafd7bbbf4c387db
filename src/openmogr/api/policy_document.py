"""Bucket policies: a document taken apart into statements, and what they say of a request.

Both languages are read, that of COS (document 436/46205: ``"version": "2.0"``) and that of S3 (``"Version":
"2012-10-17"``), into one form. What is not understood is refused: a policy that is kept is one that is kept to.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import TypeAlias

from openmogr.api.errors import MalformedPolicy
from openmogr.api.policy_names import ACTIONS, GRANTABLE, S3_ACTIONS
from openmogr.errors import NotSupported

__all__ = ["MAX_BYTES", "Asked", "Policy", "Verdict", "read_policy"]

MAX_BYTES = 20 * 1024
_MAX_STATEMENTS = 100
_MAX_VALUES = 200
_S3_VERSIONS = ("2012-10-17", "2008-10-17")
_MEMBERS = frozenset({"sid", "principal", "effect", "action", "resource", "condition"})
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class Verdict(Enum):
    """What a policy says of a request."""

    NOTHING = auto()
    ALLOWED = auto()
    DENIED = auto()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for.

    Attributes:
        action: as COS names it.
        key: of the object; None: it is for the bucket.
        prefix: of a listing; None: it names none.
        is_owner: a key pair of the account signed it.
        client: the address that it comes from.
        referer: the page that it names; None: none.
    """

    action: str
    key: str | None
    prefix: str | None
    is_owner: bool
    client: str
    referer: str | None


@dataclass(frozen=True, slots=True)
class _Condition:
    """One key with its values, any of which will do.

    Attributes:
        negated: none of them may match.
    """

    key: str
    negated: bool
    patterns: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()

    def holds(self, asked: Asked) -> bool:
        """Whether it does; what a request does not say matches nothing."""
        if self.key == "ip":
            found = _in_networks(asked.client, self.networks)
        else:
            value = asked.referer if self.key == "referer" else asked.prefix
            found = value is not None and any(_matches(pattern, value) for pattern in self.patterns)
        return found is not self.negated


@dataclass(frozen=True, slots=True)
class _Statement:
    """Who may, or may not, do what with what.

    Attributes:
        anyone: everybody, else the account alone.
        actions: patterns of names.
        keys: patterns of keys.
        prefixes: patterns of what a request for the bucket lists; empty for other requests.
    """

    allow: bool
    anyone: bool
    actions: tuple[str, ...]
    keys: tuple[str, ...]
    prefixes: tuple[str, ...]
    conditions: tuple[_Condition, ...]

    def applies(self, asked: Asked) -> bool:
        text, patterns = (asked.prefix or "", self.prefixes) if asked.key is None else (asked.key, self.keys)
        return (
            (self.anyone or asked.is_owner)
            and any(_matches(pattern, asked.action) for pattern in self.actions)
            and (not self.allow or asked.is_owner or asked.action in GRANTABLE)
            and any(_matches(pattern, text) for pattern in patterns)
            and all(condition.holds(asked) for condition in self.conditions)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """The statements of a bucket."""

    statements: tuple[_Statement, ...]

    def verdict(self, asked: Asked) -> Verdict:
        """What the statements say together: one that denies goes before all others."""
        found = {statement.allow for statement in self.statements if statement.applies(asked)}
        if not found:
            return Verdict.NOTHING
        return Verdict.DENIED if False in found else Verdict.ALLOWED

    @property
    def is_public(self) -> bool:
        """Whether anything is allowed to everybody, from everywhere."""
        return any(
            item.allow and item.anyone and not any(part.key == "ip" for part in item.conditions)
            for item in self.statements
        )


@lru_cache(maxsize=256)
def read_policy(document: bytes, bucket: str, owner: str) -> Policy:
    """A policy from its JSON.

    Args:
        document: as it was put.
        bucket: that it is put with; its resources lie in it.
        owner: the number of the account.

    Raises:
        MalformedPolicy: it makes no sense.
        NotSupported: it does, but this server cannot keep to it.
    """
    try:
        text = json.loads(document, object_pairs_hook=_members)
    except (ValueError, RecursionError):
        raise MalformedPolicy("The policy is not valid JSON.") from None
    root = _object(text, "The policy")
    version = root.pop("version", None)
    if version not in ("2.0", *_S3_VERSIONS):
        raise MalformedPolicy(f'version must be "2.0", or {" or ".join(_S3_VERSIONS)} in the language of S3.')
    language = _S3(bucket, owner) if version in _S3_VERSIONS else _Cos(bucket, owner)
    statements, shared = root.pop("statement", None), root.pop("principal", None)
    root.pop("id", None)
    if root:
        raise NotSupported(f"{next(iter(root))[:100]!r} in a policy is not supported.")
    items = statements if isinstance(statements, list) else [statements]
    if not 1 <= len(items) <= _MAX_STATEMENTS:
        raise MalformedPolicy(f"A policy holds 1 to {_MAX_STATEMENTS} statements.")
    return Policy(tuple(_statement(_object(item, "A statement"), shared, language) for item in items))


class _Members(dict[str, object]):
    """A JSON object, by lower-case names."""


def _members(pairs: list[tuple[str, object]]) -> _Members:
    found = _Members()
    for name, value in pairs:
        if name.lower() in found:
            raise MalformedPolicy(f"{name[:100]!r} is there twice.")
        found[name.lower()] = value
    return found


def _object(value: object, what: str) -> _Members:
    if not isinstance(value, _Members):
        raise MalformedPolicy(f"{what} must be a JSON object.")
    return value


def _texts(value: object, what: str) -> list[str]:
    """A text, or a list of some."""
    values = value if isinstance(value, list) else [value]
    texts = [item for item in values if isinstance(item, str) and item]
    if len(texts) != len(values) or not 1 <= len(texts) <= _MAX_VALUES:
        raise MalformedPolicy(f"{what} must be a text or a list of 1 to {_MAX_VALUES} texts.")
    return texts


def _statement(item: _Members, shared: object, language: _Cos | _S3) -> _Statement:
    if unknown := [name for name in item if name not in _MEMBERS]:
        raise NotSupported(f"{unknown[0][:100]!r} in a statement is not supported.")
    effect = item.get("effect")
    if not isinstance(effect, str) or effect.lower() not in ("allow", "deny"):
        raise MalformedPolicy("effect must be allow or deny.")
    allow, anyone = effect.lower() == "allow", language.anyone(item.get("principal", shared))
    named: list[str] = []
    for text in _texts(item.get("action"), "action"):
        names = language.actions(text)
        if allow and anyone and not any(_matches(name, known) for name in names for known in GRANTABLE):
            raise NotSupported(f"{text[:100]!r} cannot be allowed to everybody; only the account may do it.")
        named += names
    conditions = item.get("condition")
    places = [language.places(text) for text in _texts(item.get("resource"), "resource")]
    return _Statement(
        allow=allow,
        anyone=anyone,
        actions=tuple(named),
        keys=tuple(key for key, _ in places if key is not None),
        prefixes=tuple(prefix for _, prefix in places if prefix is not None),
        conditions=()
        if conditions is None
        else tuple(_conditions(_object(conditions, "condition"), language)),
    )


def _conditions(operators: _Members, language: _Cos | _S3) -> Sequence[_Condition]:
    found = []
    for operator, keys in operators.items():
        known = language.operators.get(operator)
        if known is None:
            raise NotSupported(
                f"The condition {operator[:100]!r} is not supported; these are: {', '.join(language.operators)}."
            )
        for name, values in _object(keys, operator).items():
            key = language.condition_keys.get(name)
            if key is None or (key == "ip") is not (known[0] == "ip"):
                raise NotSupported(
                    f"The condition key {name[:100]!r} with {operator} is not supported; "
                    f"known are: {', '.join(language.condition_keys)}."
                )
            found.append(_condition(key, known, _texts(values, name)))
    return found


def _condition(key: str, operator: tuple[str, bool], values: Sequence[str]) -> _Condition:
    kind, negated = operator
    if kind == "ip":
        try:
            networks = tuple(ipaddress.ip_network(text, strict=False) for text in values)
        except ValueError as error:
            raise MalformedPolicy(f"An address of a condition is none: {str(error)[:200]}.") from None
        return _Condition(key, negated, networks=networks)
    if kind == "equal" and any("*" in text for text in values):
        raise NotSupported("A star in a condition needs the operator for patterns: string_like, StringLike.")
    return _Condition(key, negated, patterns=tuple(values))


def _matches(pattern: str, text: str) -> bool:
    """Whether a text is a pattern's, in which a star stands for anything."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    last = rest.pop()
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    position, end = len(first), len(text) - len(last)
    for part in rest:
        position = text.find(part, position, end)
        if position < 0:
            return False
        position += len(part)
    return True


def _in_networks(client: str, networks: Sequence[Network]) -> bool:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return any((mapped or address) in network for network in networks)


class _Cos:
    """The language of COS."""

    operators: Mapping[str, tuple[str, bool]] = {
        "ip_equal": ("ip", False),
        "ip_not_equal": ("ip", True),
        "string_equal": ("equal", False),
        "string_not_equal": ("equal", True),
        "string_like": ("like", False),
        "string_not_like": ("like", True),
    }
    condition_keys: Mapping[str, str] = {"qcs:ip": "ip", "cos:prefix": "prefix"}

    def __init__(self, bucket: str, owner: str) -> None:
        self._bucket, self._owner = bucket, owner

    def anyone(self, principal: object) -> bool:
        """Whether a principal is everybody, and not the account alone."""
        if isinstance(principal, _Members):
            if set(principal) != {"qcs"}:
                raise NotSupported('principal must be "*" or an object with "qcs".')
            principal = principal["qcs"]
        found = set()
        for text in _texts(principal, "principal"):
            if text in ("*", "qcs::cam::anyone:anyone"):
                found.add(True)
            elif re.fullmatch(
                rf"qcs::cam::uin/{re.escape(self._owner)}:(uin|root)/{re.escape(self._owner)}", text
            ):
                found.add(False)
            else:
                raise NotSupported(f"{text[:200]!r} is no account here, where there is one: {self._owner}.")
        return True in found

    def actions(self, text: str) -> Sequence[str]:
        """The actions that a text names, or a pattern of them."""
        name = text.removeprefix("name/").removeprefix("cos:")
        if name == "*" or ("*" in name and any(_matches(name, known) for known in ACTIONS)):
            return [name]
        if name not in ACTIONS:
            raise NotSupported(f"{text[:100]!r} is no action that this server knows.")
        return [name]

    def places(self, text: str) -> tuple[str | None, str | None]:
        """The patterns of keys and of prefixes that a resource is."""
        if text == "*":
            return "*", "*"
        match = re.fullmatch(r"qcs::cos:([a-z0-9-]*|\*):(uid/(\d+|\*))?:([^/]+)(/.*)?", text, re.DOTALL)
        if match is None:
            raise MalformedPolicy(f'{text[:200]!r} is not "*" or qcs::cos:REGION:uid/APPID:BUCKET/KEY.')
        appid = self._bucket.rpartition("-")[2]
        if match[4] not in (self._bucket, "*") or match[3] not in (None, "*", appid):
            raise MalformedPolicy(f"{text[:200]!r} does not lie in {self._bucket}.")
        pattern = (match[5] or "/")[1:]
        return pattern, pattern


class _S3:
    """The language of S3, where a bucket is ``arn:aws:s3:::bucket`` and its objects ``…/key``."""

    operators: Mapping[str, tuple[str, bool]] = {
        "ipaddress": ("ip", False),
        "notipaddress": ("ip", True),
        "stringequals": ("equal", False),
        "stringnotequals": ("equal", True),
        "stringlike": ("like", False),
        "stringnotlike": ("like", True),
    }
    condition_keys: Mapping[str, str] = {
        "aws:sourceip": "ip",
        "aws:referer": "referer",
        "s3:prefix": "prefix",
    }

    def __init__(self, bucket: str, owner: str) -> None:
        self._bucket, self._owner = bucket, owner

    def anyone(self, principal: object) -> bool:
        """Whether a principal is everybody, and not the account alone."""
        if isinstance(principal, _Members):
            if set(principal) != {"aws"}:
                raise NotSupported('Principal must be "*" or an object with "AWS".')
            principal = principal["aws"]
        found = set()
        for text in _texts(principal, "Principal"):
            if text == "*":
                found.add(True)
            elif text in (self._owner, f"arn:aws:iam::{self._owner}:root"):
                found.add(False)
            else:
                raise NotSupported(f"{text[:200]!r} is no account here, where there is one: {self._owner}.")
        return True in found

    def actions(self, text: str) -> Sequence[str]:
        """The actions of COS that a text stands for."""
        name = text.removeprefix("s3:")
        found = [item for pattern, items in S3_ACTIONS.items() if _matches(name, pattern) for item in items]
        if not found or (not text.startswith("s3:") and text != "*"):
            raise NotSupported(f"{text[:100]!r} is no action that this server knows.")
        return ["*"] if name == "*" else found

    def places(self, text: str) -> tuple[str | None, str | None]:
        """The patterns of keys and of prefixes that a resource is: it is either objects or the bucket."""
        if text == "*":
            return "*", "*"
        match = re.fullmatch(r"arn:aws:s3:::([^/]+)(/.*)?", text, re.DOTALL)
        if match is None or "?" in text or "${" in text:
            raise MalformedPolicy(
                f'{text[:200]!r} is not "*" or arn:aws:s3:::BUCKET/KEY, with stars and without other patterns.'
            )
        if match[1] not in (self._bucket, "*"):
            raise MalformedPolicy(f"{text[:200]!r} does not lie in {self._bucket}.")
        return (None, "*") if match[2] is None else (match[2][1:], None)
