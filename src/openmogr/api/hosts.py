"""Which bucket a host name means (``docs/spec/api/overview.md#3``)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import lru_cache

from openmogr.api.settings import Sandbox, ServerSettings

__all__ = ["Host", "HostTable", "Style"]


_WEBSITE = "cos-website"


class Style(Enum):
    """How requests to a host name their bucket."""

    VIRTUAL = auto()  # in the host
    PATH = auto()  # as the first segment of the path
    SERVICE = auto()  # not at all: the only request is GET Service


@dataclass(frozen=True, slots=True)
class Host:
    """A host name taken apart.

    Attributes:
        name: without port, in lower case.
        bucket: empty unless ``style`` is ``VIRTUAL``.
        region: empty where the host names none.
        website: requests are for pages of a website, and not for the API.
        ci: a ``.pic.`` or ``.ci.`` host, where the root means the CI service and not the bucket.
        sandboxed: documents of this host must not act on others of its origin, which are strangers'.
        known: named by a pattern, a domain or a mapping, and not just any host.
    """

    name: str
    style: Style
    bucket: str = ""
    region: str = ""
    ci: bool = False
    website: bool = False
    known: bool = True
    sandboxed: bool = False


class HostTable:
    """Resolves ``Host`` headers by custom domains, then patterns; any other host is path style."""

    def __init__(self, settings: ServerSettings) -> None:
        self._custom = {domain.lower(): bucket for domain, bucket in settings.custom_domains.items()}
        self._websites = {domain.lower(): bucket for domain, bucket in settings.website_domains.items()}
        self._domains = frozenset(settings.domains)
        own = [f"*.{label}{domain}" for label in ("", f"{_WEBSITE}.") for domain in settings.domains]
        self._patterns = [
            (_compile(pattern), _is_ci(pattern), pattern.startswith(f"*.{_WEBSITE}."))
            for pattern in (*own, *settings.host_patterns)
        ]
        self._sandbox = settings.sandbox_documents
        # Hosts come from clients, so the cache is bounded.
        self.resolve = lru_cache(maxsize=4096)(self._resolve)

    def _resolve(self, host: str) -> Host:
        found = self._find(host)
        shared = self._sandbox is Sandbox.PATH and found.style is Style.PATH
        return replace(found, sandboxed=shared or self._sandbox is Sandbox.ALL)

    def _find(self, host: str) -> Host:
        name = host.lower()
        if not name.endswith("]"):
            name = re.sub(r":\d*$", "", name)
        name = name.rstrip(".")
        if name in self._custom:
            return Host(name, Style.VIRTUAL, bucket=self._custom[name])
        if name in self._websites:
            return Host(name, Style.VIRTUAL, bucket=self._websites[name], website=True)
        if name in self._domains:
            return Host(name, Style.PATH)
        if re.fullmatch(r"service\.cos(-internal)?(\.[a-z0-9-]+)?\.(myqcloud\.com|tencentcos\.cn)", name):
            return Host(name, Style.SERVICE)
        for pattern, ci, website in self._patterns:
            if match := pattern.fullmatch(name):
                groups = match.groupdict("")
                region = groups.get("region", "")
                region = "" if region == "accelerate" else region
                return Host(name, Style.VIRTUAL, groups["bucket"], region, ci, website)
        if match := re.fullmatch(r"(cos|cos-internal)\.([a-z0-9-]+)\.(myqcloud\.com|tencentcos\.cn)", name):
            return Host(name, Style.PATH, region=match[2])
        return Host(name, Style.PATH, known=False)


def _compile(pattern: str) -> re.Pattern[str]:
    # Bucket names hold no dot, so the bucket is exactly the first label.
    text = re.escape(pattern.removeprefix("*"))
    return re.compile(r"(?P<bucket>[^.]+)" + text.replace(r"\*", r"(?P<region>[a-z0-9-]+)", 1))


def _is_ci(pattern: str) -> bool:
    return re.match(r"\*\.(pic\*?|ci)\.", pattern) is not None
