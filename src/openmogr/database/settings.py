"""Settings of the database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

__all__ = ["DatabaseSettings"]

_SCHEMES = ("postgresql", "postgres")


def _known(url: SecretStr) -> SecretStr:
    # Said without the text, which may hold a password.
    text = url.get_secret_value()
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("it is no URL") from None
    if text and parts.scheme == "sqlite":
        if parts.netloc or not parts.path.startswith("/"):
            raise ValueError("a file of SQLite is sqlite:///absolute/path")
    elif text and parts.scheme not in _SCHEMES:
        raise ValueError("it begins with neither postgresql:// nor sqlite:///")
    return url


class DatabaseSettings(BaseModel):
    """The database of jobs and of all else that is no object: a file of SQLite, or PostgreSQL for several nodes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Annotated[SecretStr, AfterValidator(_known)] = Field(
        default=SecretStr(""),
        description="postgresql://user@host:5432/name (as libpq takes it: sslmode, several hosts, …; a password in it,"
        " in PGPASSWORD or in ~/.pgpass), or sqlite:///absolute/path; empty: SQLite, database.sqlite3 in the data"
        " folder.",
    )
    timeout: float = Field(
        default=10.0,
        ge=0.1,
        le=300,
        description="For the database to connect or answer, in seconds; then the answer is 503.",
    )
    max_connections: int = Field(
        default=10, ge=2, le=1000, description="Most connections of this node, and one more to listen."
    )

    @property
    def shared(self) -> bool:
        """Whether several nodes may have it in common."""
        return urlsplit(self.url.get_secret_value()).scheme in _SCHEMES

    def place(self, data: Path) -> Path:
        """The file of SQLite, where ``data`` is the data folder."""
        assert not self.shared, "the database is no file"
        text = self.url.get_secret_value()
        return Path(unquote(urlsplit(text).path)) if text else data / "database.sqlite3"

    @property
    def shown(self) -> str:
        """Where it is, for the operator: without user, password and options."""
        parts = urlsplit(self.url.get_secret_value())
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.scheme else "SQLite"
