"""What a key pair may do that is not the owner's own."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Grant"]

_ACTION = re.compile(r"\*|[A-Z][A-Za-z0-9]*\*?")


@dataclass(frozen=True, slots=True)
class Grant:
    """Limits of a key pair; without any it may do what the owner may.

    Attributes:
        read_only: nothing that changes anything.
        actions: names like ``GetObject``; a star at the end stands for any further letters. Empty: all.
        resources: bucket and prefix of keys, with a slash between: ``photos-1250000000/in/``. Empty: all.
    """

    read_only: bool = False
    actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()

    def allows_action(self, name: str) -> bool:
        """Whether an action is among ``actions``."""
        return not self.actions or any(
            name.startswith(action[:-1]) if action.endswith("*") else name == action
            for action in self.actions
        )

    def allows_place(self, bucket: str, prefix: str) -> bool:
        """Whether all keys with that prefix, a whole key for one of them, are within ``resources``."""
        return not self.resources or any(
            f"{bucket}/{prefix}".startswith(resource) for resource in self.resources
        )

    def allows_bucket(self, bucket: str) -> bool:
        """Whether anything in a bucket is within ``resources``."""
        return not self.resources or any(resource.partition("/")[0] == bucket for resource in self.resources)

    @staticmethod
    def parse_action(text: str) -> str:
        """The action that a text names, with the prefix of COS's policies or without. Raises ``ValueError``."""
        name = text.removeprefix("name/").removeprefix("cos:").removeprefix("ci:")
        if not _ACTION.fullmatch(name):
            raise ValueError(f"{text!r} is not an action, like GetObject, name/cos:GetObject or Get*")
        return name

    @staticmethod
    def parse_resource(text: str) -> str:
        """The bucket and prefix that a text names. Raises ``ValueError``."""
        bucket, slash, prefix = text.removesuffix("*").partition("/")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", bucket) or "*" in prefix or (not slash and "*" in text):
            raise ValueError(
                f"{text!r} is not a bucket, or a bucket and a prefix, like photos-1250000000/in/*"
            )
        return f"{bucket}/{prefix}"
