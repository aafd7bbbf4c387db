"""The key pairs the server knows, and the one it makes for itself at the first start."""

from __future__ import annotations

import json
import os
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from openmogr.auth.grants import Grant
from openmogr.auth.settings import AuthSettings

__all__ = ["Credential", "Credentials", "load_credentials"]

_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Credential:
    """A key pair. ``token`` and ``expires`` (Unix seconds) are those of a temporary one, else None.

    Attributes:
        grant: what it may do; None: everything.
    """

    secret_id: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    expires: int | None = None
    grant: Grant | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """All key pairs by SecretId.

    Attributes:
        owner: the permanent pair of the account.
        temporary: further pairs, those without end among them.
        generated: whether ``owner`` was made by this very start, so that it has to be shown to somebody.
    """

    owner: Credential
    temporary: Mapping[str, Credential] = field(default_factory=dict)
    generated: bool = False

    def find(self, secret_id: str) -> Credential | None:
        """The pair of that SecretId."""
        return self.owner if secret_id == self.owner.secret_id else self.temporary.get(secret_id)


def load_credentials(settings: AuthSettings, file: Path) -> Credentials:
    """Take the key pair from the settings, else from a file, else make one and keep it there (0600).

    Args:
        settings: keys, if they are given.
        file: of the pair that the first start makes; not looked at where the settings have one.

    Raises:
        ValueError: the file is not one that this function wrote.
        OSError: the file or its folder cannot be read or written.
    """
    temporary = {
        item.secret_id: Credential(
            item.secret_id, item.secret_key.get_secret_value(), item.token.get_secret_value(), item.expires
        )
        for item in settings.temporary
    }
    for key in settings.keys:
        secret = key.secret_key.get_secret_value()
        temporary[key.secret_id] = Credential(key.secret_id, secret, grant=Grant(read_only=key.read_only))
    if settings.secret_id:
        owner = Credential(settings.secret_id, settings.secret_key.get_secret_value())
        return Credentials(owner, temporary)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return Credentials(_read(file), temporary)
    except FileNotFoundError:
        pass
    owner = Credential(
        "AKID" + "".join(secrets.choice(_ALPHABET) for _ in range(32)),
        "".join(secrets.choice(_ALPHABET) for _ in range(32)),
    )
    try:
        _write(file, owner)
    except FileExistsError:  # another process was first
        return Credentials(_read(file), temporary)
    return Credentials(owner, temporary, generated=True)


def _read(path: Path) -> Credential:
    text = path.read_text(encoding="utf-8")
    try:
        document = json.loads(text)
        return Credential(str(document["secret_id"]), str(document["secret_key"]))
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} is damaged; delete it to have new credentials made") from None


def _write(path: Path, owner: Credential) -> None:
    # Linked into place when whole, so that no other process reads half of it.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"secret_id": owner.secret_id, "secret_key": owner.secret_key}, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
