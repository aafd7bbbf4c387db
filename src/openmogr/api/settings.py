"""Settings of the HTTP service."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_network

from pydantic import BaseModel, ConfigDict, Field, field_validator

from openmogr.image import is_target
from openmogr.wire.limits import WireLimits

__all__ = ["Processing", "Sandbox", "ServerSettings"]

_SUFFIXES = ("myqcloud.com", "tencentcos.cn")
_PATTERN = re.compile(r"[a-z0-9.*-]+")

_HOST_PATTERNS = (
    *(
        f"*.{label}.*.{suffix}"
        for label in ("cos", "cos-internal", "cos-website", "pic", "ci")
        for suffix in _SUFFIXES
    ),
    *(f"*.{label}.accelerate.{suffix}" for label in ("cos", "cos-internal") for suffix in _SUFFIXES),
    "*.pic*.myqcloud.com",
    "*.file.myqcloud.com",
    "*.image.myqcloud.com",
)


class Sandbox(StrEnum):
    """At which hosts documents are shown without scripts, forms and the origin's storage."""

    PATH = "path"
    ALL = "all"
    OFF = "off"


class Processing(StrEnum):
    """Who may have pictures processed that are not stored."""

    OFF = "off"
    SIGNED = "signed"
    EVERYBODY = "everybody"


def _flat(table: Mapping[str, object]) -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in table.items():
        if isinstance(value, Mapping) and value:
            flat |= {f"{name}.{rest}": item for rest, item in _flat(value).items()}
        else:
            flat[name] = value
    return flat


class ServerSettings(BaseModel):
    """Where the server listens, how it finds the bucket of a request, and what a request may cost."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 for all of IPv4.")
    port: int = Field(default=9000, ge=0, le=65535, description="Port to listen on; 0 for any free one.")
    region: str = Field(
        default="ap-shanghai",
        pattern=r"^[a-z0-9-]+$",
        description="Region of buckets that are created under a host that names none.",
    )
    domains: tuple[str, ...] = Field(
        default=(),
        description="Own domains: a bucket answers at bucket.DOMAIN and, path style, at DOMAIN/bucket.",
    )
    custom_domains: Mapping[str, str] = Field(
        default_factory=dict, description="Domains that stand for one bucket each: DOMAIN=BUCKET, …"
    )
    website_domains: Mapping[str, str] = Field(
        default_factory=dict,
        description="The same for static websites, beside bucket.cos-website.DOMAIN: DOMAIN=BUCKET, …",
    )
    host_patterns: tuple[str, ...] = Field(
        default=_HOST_PATTERNS,
        description="Host names that name a bucket: the first * is the bucket, a second one the region.",
    )
    owner_id: str = Field(
        default="100000000001",
        pattern=r"^\d+$",
        description="Account number shown as the owner of everything.",
    )
    server_header: str = Field(
        default="tencent-cos", description="The Server header; some clients look at it."
    )
    cors_allow_origin: str = Field(
        default="*",
        description="Access-Control-Allow-Origin for buckets without a CORS configuration; empty: none.",
    )
    negotiate: Mapping[str, str] = Field(
        default_factory=dict,
        description="Formats for clients that name them in Accept, best first, by bucket, or by * for all others:"
        " BUCKET=tpg avif webp, …; an image, and an operation without format, is answered in the first that the client"
        " likes best, and with Vary: Accept.",
    )
    sandbox_documents: Sandbox = Field(
        default=Sandbox.PATH,
        description="Where HTML, SVG and XML that is shown inline gets a Content-Security-Policy that forbids it to run"
        " scripts and to load anything: path (at path style hosts, where all buckets share an origin), all or off.",
    )
    access_log: bool = Field(default=False, description="Log a line for every request.")
    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        description="Networks of proxies whose X-Forwarded-For tells who the client is, for the log, for policies"
        " and for requests_per_second: 10.0.0.0/8, …",
    )
    operate_address: str = Field(
        default="",
        description="Address of its own for /-/health, /-/ready and /-/metrics, like 127.0.0.1:9001; empty: they are"
        " at the main one.",
    )
    metrics: bool = Field(default=True, description="Whether there is /-/metrics.")
    console: bool = Field(
        default=True,
        description="Whether there is /-/console, to which / leads browsers; at the main address.",
    )
    console_bucket: str = Field(
        default="", description="Bucket that the console shows to whoever has not signed in; empty: none."
    )
    process: Processing = Field(
        default=Processing.SIGNED,
        description="Who may send pictures to /-/process, which answers what an operation makes of them and stores"
        " nothing: signed (requests with a key pair), everybody or off.",
    )
    shutdown_delay: float = Field(
        default=0.0,
        ge=0,
        description="From the signal to stop until no connection is taken any more, in seconds; /-/ready says 503"
        " meanwhile, so that a load balancer looks elsewhere first.",
    )
    requests_per_second: float = Field(
        default=0.0,
        ge=0,
        description="Most requests per second of one SecretId, or of one address (IPv6: /64 network) without a valid"
        " signature; more are refused with 503 and Retry-After; 0: any number.",
    )
    lifecycle_interval: float = Field(
        default=3600.0, gt=0, description="Between two rounds of removing what lifecycles say, in seconds."
    )
    max_xml_bytes: int = Field(
        default=2 * 1024 * 1024, gt=0, description="Longest XML body of a request, in bytes."
    )
    max_form_field_bytes: int = Field(
        default=64 * 1024, gt=0, description="Fields of a form upload without its file, together, in bytes."
    )
    max_head_bytes: int = Field(
        default=64 * 1024, ge=8192, description="Request line and headers together, in bytes."
    )
    max_connections: int = Field(
        default=4096,
        gt=0,
        description="Connections open at the same time; fewer where descriptors do not suffice.",
    )
    head_timeout: float = Field(
        default=30.0, gt=0, description="For the head of a request to arrive, in all, in seconds."
    )
    body_timeout: float = Field(
        default=60.0, gt=0, description="Between two pieces of a request's body, in seconds."
    )
    min_body_rate: int = Field(
        default=500,
        ge=0,
        description="Least rate of a request's body, averaged over body_timeout, in bytes per second; 0: any.",
    )
    body_deadline: float = Field(
        default=21_600.0,
        gt=0,
        description="For the body of a request to arrive, in all, in seconds; without the time in which the"
        " server itself is busy.",
    )
    write_timeout: float = Field(
        default=60.0, gt=0, description="For a client to take in what was sent to it, in seconds."
    )
    keep_alive_timeout: float = Field(default=60.0, gt=0, description="Between two requests, in seconds.")
    shutdown_timeout: int = Field(
        default=30, ge=0, description="For requests under way to end when the server stops, in seconds."
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            ip_network(text, strict=False)
        return texts

    @field_validator("operate_address")
    @classmethod
    def _address_and_port(cls, text: str) -> str:
        host, _, port = text.rpartition(":")
        if text and not (host and port.isascii() and port.isdigit() and int(port) <= 65535):
            raise ValueError("must be an address and a port, like 127.0.0.1:9001 or [::1]:9001")
        return text

    @field_validator("host_patterns", "domains")
    @classmethod
    def _lower_case_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not _PATTERN.fullmatch(name):
                raise ValueError(f"{name!r} is not a host name in lower case")
        return names

    @field_validator("custom_domains", "website_domains", mode="before")
    @classmethod
    def _dotted_names(cls, value: object) -> object:
        """TOML takes an unquoted ``img.example.com = "bucket"`` for tables in tables."""
        return _flat(value) if isinstance(value, Mapping) else value

    @field_validator("host_patterns")
    @classmethod
    def _name_a_bucket(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            if not pattern.startswith("*.") or pattern.count("*") > 2:
                raise ValueError(f"{pattern!r} must begin with '*.' and hold at most one more '*'")
        return patterns

    @field_validator("negotiate")
    @classmethod
    def _known_formats(cls, table: Mapping[str, str]) -> Mapping[str, str]:
        for bucket, names in table.items():
            for name in names.split():
                if not is_target(name):
                    raise ValueError(f"{name!r} of {bucket} is not the name of a format")
        return table

    def negotiated_formats(self, bucket: str) -> tuple[str, ...]:
        """What ``negotiate`` says of a bucket."""
        if not self.negotiate:
            return ()
        return tuple(self.negotiate.get(bucket, self.negotiate.get("*", "")).split())

    @property
    def operate_place(self) -> tuple[str, int]:
        """Host and port of ``operate_address``, which is not empty."""
        host, _, port = self.operate_address.rpartition(":")
        return host.removeprefix("[").removesuffix("]"), int(port)

    @property
    def wire_limits(self) -> WireLimits:
        """The bounds of a connection."""
        return WireLimits(
            head_bytes=self.max_head_bytes,
            head_timeout=self.head_timeout,
            body_timeout=self.body_timeout,
            min_body_rate=self.min_body_rate,
            body_deadline=self.body_deadline,
            write_timeout=self.write_timeout,
            keep_alive_timeout=self.keep_alive_timeout,
            connections=self.max_connections,
        )
