"""Settings of the gateway: which buckets are served from stores elsewhere, and how long a store is waited for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = ["GatewaySettings", "StoreBucket"]

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?-\d{6,}")
_MAX_NAME = 60
_SCHEMES = ("s3", "cos", "gs", "az", "file")


class StoreBucket(BaseModel):
    """Where the objects of one bucket lie; a text stands for its ``url`` alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str = Field(
        description="s3://bucket/folder, cos://bucket-appid/folder, gs://, az:// or file:///folder"
    )
    endpoint: str = Field(default="", description="URL of a store that is not at its provider's place")
    region: str = Field(default="", description="Region of the store's bucket")
    anonymous: bool = Field(default=False, description="Read without keys, as from public buckets")
    public: bool = Field(default=False, description="Whether anybody may read and list the bucket here")

    @model_validator(mode="before")
    @classmethod
    def _url_alone(cls, value: object) -> object:
        return {"url": value} if isinstance(value, str) else value

    @field_validator("url", "endpoint")
    @classmethod
    def without_secrets(cls, text: str) -> str:
        """Refuse URLs that hold more than a place. Raises ``ValueError``."""
        # Said without the text, which would put a key into the log.
        try:
            parts = urlsplit(text)
        except ValueError:
            raise ValueError("it is no URL") from None
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("a URL holds neither keys nor a query; keys come from the environment")
        return text

    @field_validator("url")
    @classmethod
    def known(cls, text: str) -> str:
        """Refuse URLs of no store. Raises ``ValueError``."""
        parts = urlsplit(text)
        if parts.scheme not in _SCHEMES:
            raise ValueError(f"it begins with none of {', '.join(f'{scheme}://' for scheme in _SCHEMES)}")
        if parts.scheme == "file":
            if parts.netloc or not parts.path.startswith("/"):
                raise ValueError("a folder is file:///absolute/path")
        elif not parts.netloc:
            raise ValueError(f"it names no bucket: {parts.scheme}://bucket/folder")
        return text

    @field_validator("endpoint")
    @classmethod
    def _is_http(cls, text: str) -> str:
        if text and (urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).netloc):
            raise ValueError("it is no URL with http:// or https://")
        return text

    @model_validator(mode="after")
    def _fits(self) -> StoreBucket:
        scheme = urlsplit(self.url).scheme
        if scheme == "cos" and not (self.endpoint or self.region):
            raise ValueError("cos:// needs a region, like ap-shanghai")
        if scheme == "file" and (self.endpoint or self.region):
            raise ValueError("file:// takes neither endpoint nor region")
        if scheme in ("az", "gs") and self.region:
            raise ValueError(f"{scheme}:// takes no region")
        if scheme == "file" and self.anonymous:
            raise ValueError("file:// knows no keys, so anonymous means nothing")
        return self


class GatewaySettings(BaseModel):
    """Buckets that are served, read-only, from stores elsewhere: `photos-1250000000 = "s3://company-photos/folder"`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # What the table holds besides settings are the names of buckets; ``openmogr.settings`` gathers them here.
    names: ClassVar[str] = "buckets"

    timeout: float = Field(
        default=10.0,
        ge=0.1,
        le=300,
        description="For a store to answer one request, its repetitions included, in seconds; then the answer is 503",
    )
    max_requests: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="Requests to stores at the same time; others wait, within the timeout",
    )
    buckets: Mapping[str, StoreBucket] = Field(
        default_factory=dict,
        description="Buckets by name, each a line of this table, NAME = URL, or a table of its own,"
        " [gateway.NAME], with url, endpoint, region, anonymous (without keys) and public (anybody may read here);"
        " URLs are s3://, cos://, gs://, az:// and file:///",
    )

    @field_validator("buckets")
    @classmethod
    def _named_as_buckets(cls, buckets: Mapping[str, StoreBucket]) -> Mapping[str, StoreBucket]:
        for name in buckets:
            if not _NAME.fullmatch(name) or len(name) > _MAX_NAME:
                raise ValueError(
                    f"{name[:_MAX_NAME]} cannot be a bucket, which is named by lower-case letters, digits and inner"
                    " hyphens, then -APPID, like photos-1250000000"
                )
        return buckets
