"""Stores opened by ``obstore``, with keys from where the tools of their providers take them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from openmogr.installation import how_to_add

if TYPE_CHECKING:
    from obstore.store import ObjectStore

__all__ = ["CannotOpen", "cos_keys", "open_store", "secrets_at_hand"]

_COS_KEYS = (("COS_SECRET_ID", "COS_SECRET_KEY"), ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"))
# Words in the names of variables whose values are nobody's business.
_SECRET = ("SECRET", "PASSWORD", "TOKEN", "ACCESS_KEY", "ACCOUNT_KEY", "SAS")
_SHORTEST_SECRET = 6
# Google decompresses what has Content-Encoding: gzip for all who do not say so, whatever its length and range.
_AS_STORED = {"Accept-Encoding": "gzip"}


class CannotOpen(Exception):
    """A store that cannot be opened; the text says why, and holds no key."""


def secrets_at_hand() -> list[str]:
    """Values of the environment that no text for anybody may hold, the longest first."""
    found = {
        value
        for name, value in os.environ.items()
        if len(value) >= _SHORTEST_SECRET and any(word in name.upper() for word in _SECRET)
    }
    return sorted(found, key=len, reverse=True)


def open_store(
    url: str,
    *,
    endpoint: str = "",
    region: str = "",
    anonymous: bool = False,
    options: Mapping[str, Any] | None = None,
) -> ObjectStore:
    """The store of a URL, from its root on; the path of the URL means nothing but for ``file://``.

    Keys of ``s3://`` come from where AWS tools take them; those of ``cos://`` from ``COS_SECRET_ID`` and
    ``COS_SECRET_KEY`` or ``TENCENTCLOUD_…``.

    Args:
        url: ``s3://bucket``, ``cos://bucket-appid``, ``file:///folder``, or another that ``obstore`` knows (``gs://``,
            ``az://``, ``https://``).
        endpoint: of a store that is not at its provider's place.
        region: of the bucket.
        anonymous: without keys.
        options: ``client_options`` and ``retry_config`` of ``obstore``.

    Raises:
        CannotOpen: for whatever reason.
    """
    given = dict(options or {})
    if endpoint.startswith("http://"):
        client = given.get("client_options")
        given["client_options"] = {**(client if isinstance(client, dict) else {}), "allow_http": True}
    try:
        from obstore.exceptions import BaseError

        return _open(url, endpoint, region, anonymous, given)
    except ImportError:
        raise CannotOpen(f"obstore is missing: openmogr[stores] has it: {how_to_add('stores')}") from None
    except (BaseError, ValueError) as error:
        told = " ".join(str(error).split())[:300]
        for secret in secrets_at_hand():
            told = told.replace(secret, "***")
        raise CannotOpen(f"{url} cannot be opened: {told}") from error


def _open(url: str, endpoint: str, region: str, anonymous: bool, given: dict[str, Any]) -> ObjectStore:
    from obstore.store import AzureStore, GCSStore, LocalStore, S3Store, from_url

    parts = urlsplit(url)
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        if not folder.is_dir():
            raise CannotOpen(f"{folder} is no folder")
        return LocalStore(folder)
    if parts.scheme == "cos":
        given |= _cos(parts.netloc, endpoint, region, anonymous)
        return S3Store(parts.netloc, **given)
    if anonymous:
        given["skip_signature"] = True
    if endpoint:
        given["base_url" if parts.scheme == "gs" else "endpoint"] = endpoint
    if region:
        given["region"] = region
    if parts.scheme == "s3":
        return S3Store(parts.netloc, **given)
    if parts.scheme == "az":
        return AzureStore(parts.netloc, **given)
    if parts.scheme == "gs":
        given["client_options"] = {**given.get("client_options", {}), "default_headers": _AS_STORED}
        return GCSStore(parts.netloc, **given)
    return from_url(f"{parts.scheme}://{parts.netloc}", **given)


def _cos(bucket: str, endpoint: str, region: str, anonymous: bool) -> dict[str, object]:
    if not region and not endpoint:
        raise CannotOpen("cos:// needs a region, like ap-shanghai")
    place: dict[str, object] = {
        "endpoint": endpoint or f"https://{bucket}.cos.{region}.myqcloud.com",
        "region": region or "ap-shanghai",
    }
    if not endpoint:
        place["virtual_hosted_style_request"] = True
    if anonymous:
        return {**place, "skip_signature": True}
    key, secret = cos_keys()
    return {**place, "access_key_id": key, "secret_access_key": secret}


def cos_keys() -> tuple[str, str]:
    """SecretId and SecretKey from the environment. Raises ``CannotOpen``."""
    pairs = ((os.environ.get(first), os.environ.get(second)) for first, second in _COS_KEYS)
    key, secret = next((pair for pair in pairs if all(pair)), (None, None))
    if key is None or secret is None:
        raise CannotOpen("cos:// needs the key pair in COS_SECRET_ID and COS_SECRET_KEY")
    return key, secret
