"""Settings of credentials and signatures."""

from __future__ import annotations

import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

__all__ = ["AuthSettings", "FurtherCredential", "TemporaryCredential"]


class FurtherCredential(BaseModel):
    """A key pair beside the owner's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret_id: str = Field(min_length=1, pattern=r"^[!-~]+$", description="SecretId of the key.")
    secret_key: SecretStr = Field(min_length=1, description="SecretKey of the key.")
    read_only: bool = Field(
        default=True,
        description="Whether it may change nothing, and only read, list and process what is there.",
    )


class TemporaryCredential(BaseModel):
    """A key pair that is good only together with its token, and only for a while."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret_id: str = Field(min_length=1, description="SecretId of the temporary key.")
    secret_key: SecretStr = Field(description="SecretKey of the temporary key.")
    token: SecretStr = Field(description="What clients send as x-cos-security-token.")
    expires: int = Field(description="End of validity, in Unix seconds.")

    @property
    def expired(self) -> bool:
        """Whether the end of validity has passed."""
        return time.time() > self.expires


class AuthSettings(BaseModel):
    """Who may use the server, and how exact its clock is taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret_id: str = Field(
        default="",
        description="SecretId of the owner; empty: made at the first start and kept in a file.",
    )
    secret_key: SecretStr = Field(
        default=SecretStr(""),
        description="SecretKey of the owner; empty: made at the first start and kept in a file.",
    )
    file: str = Field(
        default="",
        description="File of the key pair that the first start makes; empty: credentials.json in the data folder.",
    )
    temporary: tuple[TemporaryCredential, ...] = Field(
        default=(),
        description="Temporary keys, each of secret_id, secret_key, token and expires (Unix seconds).",
    )
    keys: tuple[FurtherCredential, ...] = Field(
        default=(),
        description="Further keys, each of secret_id, secret_key and read_only (true where it is not given).",
    )
    clock_skew: int = Field(
        default=900,
        ge=0,
        description="How far the clocks of client and server may differ, in seconds (COS: 900).",
    )
    regions: tuple[str, ...] = Field(
        default=(),
        description="Regions that signatures of S3 may be for; others are refused; empty: any, as with COS.",
    )
    strict: bool = Field(
        default=False,
        description="Whether subresources, operations and headers that copy, grant or process count only if they "
        "are signed, in requests signed in their headers too; in presigned URLs all but operations always need it.",
    )

    def place(self, data: Path) -> Path:
        """The file of the key pair, where ``data`` is the data folder."""
        return Path(self.file) if self.file else data / "credentials.json"

    @model_validator(mode="after")
    def _both_or_none(self) -> AuthSettings:
        if bool(self.secret_id) != bool(self.secret_key.get_secret_value()):
            raise ValueError("secret_id and secret_key are set both or not at all")
        if not self.secret_id.isascii() or any(char in self.secret_id for char in "&=;% \t"):
            raise ValueError("secret_id holds a character that cannot stand in an Authorization header")
        return self
