"""Which bucket a host means (``docs/spec/api/overview.md#3``, ``docs/spec/api/clients.md#line-1``)."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from openmogr.api.copying import parse_copy_source
from openmogr.api.errors import InvalidCopySource
from openmogr.api.hosts import HostTable, Style
from openmogr.api.settings import ServerSettings

TABLE = HostTable(
    ServerSettings(
        domains=("cos.example.com",),
        custom_domains={"img.example.org": "mapped-1250000000"},
        website_domains={"www.example.org": "site-1250000000"},
    )
)
B = "examplebucket-1250000000"


@pytest.mark.parametrize(
    ("host", "bucket", "region"),
    [
        (f"{B}.cos.ap-beijing.myqcloud.com", B, "ap-beijing"),
        (f"{B}.cos.ap-beijing.myqcloud.com:9000", B, "ap-beijing"),
        (f"{B}.cos.ap-beijing.tencentcos.cn", B, "ap-beijing"),
        (f"{B}.cos-internal.ap-beijing.tencentcos.cn", B, "ap-beijing"),
        (f"{B}.cos.accelerate.myqcloud.com", B, ""),
        (f"{B}.pic.ap-beijing.myqcloud.com", B, "ap-beijing"),
        (f"{B}.ci.ap-beijing.myqcloud.com", B, "ap-beijing"),
        (f"{B}.picsh.myqcloud.com", B, "sh"),
        (f"{B}.file.myqcloud.com", B, ""),
        (f"{B}.image.myqcloud.com", B, ""),
        (f"{B.upper()}.COS.AP-BEIJING.MYQCLOUD.COM", B, "ap-beijing"),
        ("cos-python-v5-test-3-11-ap-shanghai-1250000000.cos.ap-shanghai.myqcloud.com",
         "cos-python-v5-test-3-11-ap-shanghai-1250000000", "ap-shanghai"),
        (f"{B}.cos.example.com:80", B, ""),
        ("img.example.org", "mapped-1250000000", ""),
        ("IMG.example.org:8080", "mapped-1250000000", ""),
    ],
)  # fmt: skip
def test_virtual_hosts(host: str, bucket: str, region: str) -> None:
    resolved = TABLE.resolve(host)
    assert (resolved.style, resolved.bucket) == (Style.VIRTUAL, bucket)
    assert resolved.region == region


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        (f"{B}.cos-website.ap-beijing.myqcloud.com", B),
        (f"{B}.cos-website.ap-beijing.tencentcos.cn:80", B),
        (f"{B}.cos-website.cos.example.com", B),
        ("WWW.example.org", "site-1250000000"),
    ],
)
def test_websites(host: str, bucket: str) -> None:
    resolved = TABLE.resolve(host)
    assert (resolved.style, resolved.bucket, resolved.website) == (Style.VIRTUAL, bucket, True)
    assert not TABLE.resolve(host.replace("cos-website", "cos").replace("WWW", "img")).website


@pytest.mark.parametrize(
    ("host", "style", "known"),
    [
        ("127.0.0.1:9000", Style.PATH, False),
        ("localhost", Style.PATH, False),
        ("[::1]:9000", Style.PATH, False),
        ("whatever.example.net", Style.PATH, False),
        ("cos.ap-beijing.myqcloud.com", Style.PATH, True),
        ("cos.example.com", Style.PATH, True),
        ("service.cos.myqcloud.com", Style.SERVICE, True),
        ("service.cos.ap-beijing.tencentcos.cn", Style.SERVICE, True),
    ],
)
def test_other_hosts(host: str, style: Style, known: bool) -> None:
    resolved = TABLE.resolve(host)
    assert (resolved.style, resolved.bucket, resolved.known) == (style, "", known)


def test_ci_hosts_are_told_apart() -> None:
    assert TABLE.resolve(f"{B}.pic.ap-beijing.myqcloud.com").ci
    assert TABLE.resolve(f"{B}.ci.ap-beijing.myqcloud.com").ci
    assert not TABLE.resolve(f"{B}.cos.ap-beijing.myqcloud.com").ci
    assert not TABLE.resolve(f"{B}.cos.example.com").ci


@pytest.mark.parametrize(
    ("text", "bucket", "key"),
    [
        (f"{B}.cos.ap-beijing.myqcloud.com/a%2Fb%20c", B, "a/b c"),
        (f"{B}.cos.ap-beijing.myqcloud.com/a?versionId=null", B, "a"),
        (f"{B}.cos.ap-beijing.myqcloud.com//a", B, "/a"),
        (f"http://{B}.cos.ap-beijing.myqcloud.com/a", B, "a"),
        (f"/{B}/a/b", B, "a/b"),
        (f"{B}/a%3Fb", B, "a?b"),
        (f"cos.ap-beijing.myqcloud.com/{B}/a", B, "a"),
        (f"127.0.0.1:9000/{B}/a", B, "a"),
        ("img.example.org/a", "mapped-1250000000", "a"),
    ],
)
def test_copy_sources(text: str, bucket: str, key: str) -> None:
    assert parse_copy_source(text, TABLE, "127.0.0.1:9000") == (bucket, key)


@pytest.mark.parametrize("text", ["", "/", B, f"{B}/", f"{B}.cos.ap-beijing.myqcloud.com/"])
def test_copy_sources_that_name_nothing(text: str) -> None:
    with pytest.raises(InvalidCopySource):
        parse_copy_source(text, TABLE, "127.0.0.1:9000")


@pytest.mark.parametrize("pattern", ["cos.example.com", "*.a.*.b.*", "*.Upper.com", "*.a b"])
def test_bad_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(ValidationError, match="host_patterns"):
        ServerSettings(host_patterns=(pattern,))
