"""Signatures against the worked examples of ``docs/spec/api/signature.md`` and its rules of verification."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openmogr.auth import Credential, Credentials, SignedRequest, Verifier, sign_request
from openmogr.auth.errors import (
    ExpiredToken,
    InvalidAccessKeyId,
    RequestTimeTooSkewed,
    SignatureDoesNotMatch,
)
from openmogr.errors import AccessDenied, InvalidArgument

ID, KEY = "AKIDEXAMPLE00000000000000000000000000", "SecretKeyExample0123456789abcdef"
TIME = "1700000000;1700003600"
HOST = b"examplebucket-1250000000.cos.ap-beijing.myqcloud.com"
OWNER = Credential(ID, KEY)
PIC = '{"is_pic_info":1,"rules":[{"fileid":"out/sample.%s","rule":"imageMogr2/format/%s"}]}'


def verifier(now: float = 1_700_000_100, **temporary: Credential) -> Verifier:
    return Verifier(Credentials(OWNER, temporary), clock=lambda: now)


def authorization(signature: str, headers: str = "host", parameters: str = "", time: str = TIME) -> str:
    return (
        f"q-sign-algorithm=sha1&q-ak={ID}&q-sign-time={time}&q-key-time={time}"
        f"&q-header-list={headers}&q-url-param-list={parameters}&q-signature={signature}"
    )


def request(method: str, target: str, auth: str | None = None, **headers: str) -> SignedRequest:
    path, _, query = target.partition("?")
    raw = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    if auth is not None:
        raw[b"authorization"] = auth.encode()
    return SignedRequest(method, path.encode(), [item for item in query.split("&") if item], raw, [HOST])


EXAMPLES = {
    "5.1 op, key beyond ASCII": request(
        "GET",
        "/folder/photo%20%E5%9B%BE.jpg?imageMogr2%2Fthumbnail%2F300x%2Fformat%2Fheif",
        authorization(
            "244e4419c6ca6d4d550440a439837a6c7114f5f2",
            parameters="imagemogr2%2fthumbnail%2f300x%2fformat%2fheif",
        ),
    ),
    "5.2 put with Pic-Operations": request(
        "PUT",
        "/folder/sample.png",
        authorization(
            "f129a4e74f62502ed2e44bde3a2e01425486fba2", "content-length;content-type;host;pic-operations"
        ),
        content_type="image/png",
        content_length="12345",
        pic_operations=PIC % ("tpg", "tpg"),
    ),
    "5.3 image_process": request(
        "POST",
        "/folder/sample.png?image_process",
        authorization(
            "df629a25e79ec1b781caaa75923551c3c26a1c99", "content-length;host;pic-operations", "image_process"
        ),
        content_length="0",
        pic_operations=PIC % ("heif", "heif"),
    ),
    "5.4 list": request(
        "GET",
        "/?prefix=a%20b%2F&max-keys=10",
        authorization("8d48ab0004087616b9d5a9ea715d2b49e69da4a1", parameters="max-keys;prefix"),
    ),
}
PRESIGNED = (
    f"/folder/sample.png?q-sign-algorithm=sha1&q-ak={ID}&q-sign-time=1700000000%3B1700003600"
    "&q-key-time=1700000000%3B1700003600&q-header-list=host&q-url-param-list="
)
PRESIGNED_OP = PRESIGNED + (
    "imagemogr2%252fformat%252ftpg&q-signature=2f2ee7beae0be80bbab1d20d235a0689776edadc&imageMogr2%2Fformat%2Ftpg="
)


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_worked_examples_verify(example: SignedRequest) -> None:
    assert verifier().verify(example)


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
@pytest.mark.parametrize("change", ["method", "path", "host", "signature", "secret"])
def test_worked_examples_fail_when_anything_signed_changes(example: SignedRequest, change: str) -> None:
    checker = verifier()
    match change:
        case "method":
            example = replace(example, method="DELETE")
        case "path":
            example = replace(example, path=example.path + b"x")
        case "host":
            example = replace(example, hosts=[b"other.example.com"])
        case "signature":
            auth = example.headers[b"authorization"]
            example = replace(example, headers={**example.headers, b"authorization": auth[:-1] + b"f"})
            if auth.endswith(b"f"):
                pytest.skip("the last digit is the one it would become")
        case "secret":
            checker = Verifier(Credentials(Credential(ID, "other")), clock=lambda: 1_700_000_100)
    with pytest.raises(SignatureDoesNotMatch) as caught:
        checker.verify(example)
    assert KEY not in caught.value.message


@pytest.mark.parametrize(
    "target",
    [
        PRESIGNED_OP,
        PRESIGNED_OP.removesuffix("="),
        PRESIGNED_OP.replace("%2F", "/"),
        PRESIGNED_OP.replace("%3B", ";"),
        PRESIGNED_OP.replace("%252f", "%25252f"),
        PRESIGNED + "&q-signature=d591af3edf4cd7ee886d88b961dedf8ce3ba2a94",
        PRESIGNED + "&q-signature=d591af3edf4cd7ee886d88b961dedf8ce3ba2a94&imageMogr2/format/tpg",
        PRESIGNED + "imagemogr2%252fformat%252ftpg%3Bresponse-content-type"
        "&q-signature=fdc182461080e4449b6f86b21a1566a0fd0546d8&imageMogr2%2Fformat%2Ftpg="
        "&response-content-type=image%2Fx-test",
    ],
    ids=[
        "sdk",
        "no =",
        "raw op",
        "raw semicolon",
        "node's list",
        "plain",
        "op appended unsigned",
        "two parameters",
    ],
)
def test_presigned_urls_of_section_5_5(target: str) -> None:
    assert verifier().verify(request("GET", target))


def test_single_sign_parameter() -> None:
    auth = EXAMPLES["5.4 list"].headers[b"authorization"].decode()
    target = f"/?prefix=a+b%2F&max-keys=10&sign={quote(auth, safe='')}"
    assert verifier().verify(request("GET", target))


@pytest.mark.parametrize("auth", [None, "", "  "])
def test_no_or_empty_authorization_is_anonymous(auth: str | None) -> None:
    assert not verifier().verify(request("GET", "/a?prefix=b", auth))


@pytest.mark.parametrize("field", ["q-sign-algorithm", "q-ak", "q-sign-time", "q-key-time", "q-signature"])
def test_missing_field_is_denied(field: str) -> None:
    auth = authorization("0" * 40).replace(f"{field}=", "x=")
    with pytest.raises(AccessDenied, match=field):
        verifier().verify(request("GET", "/", auth))


def test_other_algorithm_is_denied() -> None:
    with pytest.raises(AccessDenied, match="sha1"):
        verifier().verify(request("GET", "/", authorization("0" * 40).replace("=sha1", "=sha256")))


@pytest.mark.parametrize("auth", ["Bearer abc", "q-ak", "AWSX a:b"])
def test_other_schemes_are_denied(auth: str) -> None:
    with pytest.raises(AccessDenied):
        verifier().verify(request("GET", "/", auth))


def test_unknown_secret_id() -> None:
    with pytest.raises(InvalidAccessKeyId):
        verifier().verify(request("GET", "/", authorization("0" * 40).replace(ID, "AKIDOTHER")))


def test_expired_and_not_yet_valid() -> None:
    example = EXAMPLES["5.4 list"]
    with pytest.raises(AccessDenied, match="Request has expired"):
        verifier(now=1_700_003_601).verify(example)
    assert verifier(now=1_699_999_101).verify(example)
    with pytest.raises(RequestTimeTooSkewed):
        verifier(now=1_699_999_000).verify(example)


def test_date_header_skew() -> None:
    auth = sign_request(OWNER, "GET", "/", start=1_700_000_000)
    assert verifier().verify(request("GET", "/", auth, date="Tue, 14 Nov 2023 22:13:20 GMT"))
    with pytest.raises(RequestTimeTooSkewed):
        verifier().verify(request("GET", "/", auth, date="Tue, 14 Nov 2023 20:13:20 GMT"))


def test_listed_but_absent_names_do_not_match() -> None:
    auth = sign_request(OWNER, "GET", "/?a=1", {"x-cos-acl": "private"}, start=1_700_000_000)
    assert verifier().verify(request("GET", "/?a=1", auth, x_cos_acl="private"))
    with pytest.raises(SignatureDoesNotMatch):
        verifier().verify(request("GET", "/?a=1", auth))
    with pytest.raises(SignatureDoesNotMatch):
        verifier().verify(request("GET", "/", auth, x_cos_acl="private"))


def test_unlisted_headers_and_parameters_are_free() -> None:
    auth = sign_request(OWNER, "GET", "/a", start=1_700_000_000)
    assert verifier().verify(request("GET", "/a?imageMogr2/format/webp&v=1", auth, range="bytes=0-1"))


def test_host_with_and_without_port() -> None:
    """``docs/spec/api/clients.md#line-5``."""
    auth = sign_request(OWNER, "GET", "/a", {"Host": "h"}, start=1_700_000_000)
    hosts = [b"h:9000", b"h"]
    assert verifier().verify(replace(request("GET", "/a", auth), hosts=hosts))


def test_padded_operation_and_plus() -> None:
    for target in ("/a?watermark/2/text/dGVzdA==/dx/1", "/a?x=a+b", "/a?imageMogr2/thumbnail/3x%7CimageInfo"):
        auth = sign_request(OWNER, "GET", target, start=1_700_000_000)
        assert verifier().verify(request("GET", target, auth))


def test_padding_at_the_end_of_an_operation() -> None:
    """``docs/spec/api/signature.md#3``, rule 5: the last ``=`` may be the padding, and it may be an SDK's."""
    target = "/a?watermark/2/text/YWI="
    for signed in ("/a?watermark%2F2%2Ftext%2FYWI%3D", "/a?watermark%2F2%2Ftext%2FYWI"):
        auth = sign_request(OWNER, "GET", signed, start=1_700_000_000)
        assert verifier().verify(request("GET", target, auth))
    twice = "/a?watermark/2/text/YWI=&watermark/2/text/ywi="
    auth = sign_request(OWNER, "GET", "/a?watermark%2F2%2Ftext%2FYWI%3D", start=1_700_000_000)
    with pytest.raises(InvalidArgument, match="more than once"):
        verifier().verify(request("GET", twice, auth))


def test_raw_utf8_and_latin1_header_values() -> None:
    for value in ('{"fileid":"图.heif"}', '{"fileid":"é.heif"}'):
        auth = sign_request(OWNER, "PUT", "/a", {"Pic-Operations": value}, start=1_700_000_000)
        assert verifier().verify(request("PUT", "/a", auth, pic_operations=value))
    latin = {b"authorization": auth.encode(), b"pic-operations": value.encode("latin-1")}
    assert verifier().verify(replace(request("PUT", "/a"), headers=latin))


def test_temporary_key_needs_its_token_and_time() -> None:
    key = Credential("AKIDTEMP", "secret", "tok", 1_700_000_200)
    auth = sign_request(key, "GET", "/a", start=1_700_000_000)
    checker = verifier(AKIDTEMP=key)
    assert checker.verify(request("GET", "/a", auth, x_cos_security_token="tok"))
    assert checker.verify(request("GET", "/a?x-cos-security-token=tok", auth))
    with pytest.raises(AccessDenied):
        checker.verify(request("GET", "/a", auth))
    with pytest.raises(AccessDenied):
        checker.verify(request("GET", "/a", auth, x_cos_security_token="other"))
    with pytest.raises(ExpiredToken):
        verifier(1_700_000_300, AKIDTEMP=key).verify(request("GET", "/a", auth, x_cos_security_token="tok"))


@given(key=st.text(min_size=1).filter(lambda text: text.isprintable()), value=st.text())
def test_any_text_can_be_signed(key: str, value: str) -> None:
    target = f"/{quote(key, safe='')}?prefix={quote(value, safe='')}"
    auth = sign_request(OWNER, "GET", target, start=1_700_000_000)
    assert verifier().verify(request("GET", target, auth))


@pytest.mark.parametrize(
    "target",
    [PRESIGNED_OP, PRESIGNED_OP.replace("%252f", "%25252f"), PRESIGNED_OP.replace("%252f", "%2f")],
    ids=["sdk", "node's list", "the text of a signature as it is"],
)
def test_what_a_presigned_url_covers(target: str) -> None:
    coverage = verifier().verify(request("GET", target, x_cos_acl="private"))
    assert coverage is not None
    assert coverage.in_query
    assert (coverage.header("host"), coverage.header("x-cos-acl")) == (True, False)
    assert coverage.parameter("imageMogr2/format/tpg")
    assert not coverage.parameter("imageMogr2/format/png")
    assert not coverage.parameter("acl")


def test_what_a_header_covers() -> None:
    auth = sign_request(OWNER, "PUT", "/a?acl&uploadId=X", {"X-Cos-Acl": "private"}, start=1_700_000_000)
    coverage = verifier().verify(request("PUT", "/a?acl&uploadId=X&v=1", auth, x_cos_acl="private"))
    assert coverage is not None
    assert not coverage.in_query
    assert coverage.header("x-cos-acl")
    assert [coverage.parameter(name) for name in ("acl", "uploadId", "v")] == [True, True, False]


@pytest.mark.parametrize(
    "query",
    ["prefix=a&prefix=b", "prefix=b&prefix=a", "PREFIX=b&prefix=a", "%70refix=b&prefix=a", "prefix&prefix=a",
     "prefix=a&prefix=a"],
)  # fmt: skip
def test_a_listed_parameter_given_twice(query: str) -> None:
    auth = sign_request(OWNER, "GET", "/?prefix=a", start=1_700_000_000)
    with pytest.raises(InvalidArgument, match="'prefix' is given more than once"):
        verifier().verify(request("GET", f"/?{query}", auth))
    assert verifier().verify(request("GET", "/?prefix=a&marker=b&marker=c", auth))


def test_a_listed_operation_given_twice() -> None:
    auth = sign_request(OWNER, "GET", "/a?imageMogr2/format/tpg", start=1_700_000_000)
    with pytest.raises(InvalidArgument, match="more than once"):
        verifier().verify(request("GET", "/a?imageMogr2%2Fformat%2Ftpg=&imageMogr2/format/tpg", auth))
