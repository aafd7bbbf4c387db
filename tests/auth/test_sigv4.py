"""AWS signature version 4 against the examples that AWS publishes for S3, and its rules of verification."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from openmogr.auth import Coverage, Credential, Credentials, SignedRequest, Verifier
from openmogr.auth.errors import (
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    ExpiredToken,
    InvalidAccessKeyId,
    MissingSecurityHeader,
    RequestTimeTooSkewed,
    SignatureDoesNotMatch,
    SignatureVersionNotSupported,
)
from openmogr.errors import AccessDenied, CosError, InvalidArgument

ID, KEY = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NOW = datetime(2013, 5, 24, tzinfo=UTC).timestamp()
TIME = "20130524T000000Z"
EMPTY = hashlib.sha256(b"").hexdigest()
HOST = b"examplebucket.s3.amazonaws.com"
CREDENTIAL = f"{ID}/20130524/us-east-1/s3/aws4_request"


def verifier(
    now: float = NOW, regions: tuple[str, ...] = (), temporary: Mapping[str, Credential] | None = None
) -> Verifier:
    known = Credentials(Credential(ID, KEY), temporary or {})
    return Verifier(known, clock=lambda: now, regions=regions)


def signed(
    method: str, target: str, signature: str, headers: Mapping[str, str], host: bytes = HOST
) -> SignedRequest:
    """A request of an example; all headers but Authorization are signed."""
    path, _, query = target.partition("?")
    raw = {name.encode(): value.encode() for name, value in headers.items()}
    names = ";".join(sorted([*headers, "host"]))
    raw[b"authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={CREDENTIAL},SignedHeaders={names},Signature={signature}".encode()
    )
    return SignedRequest(method, path.encode(), [item for item in query.split("&") if item], raw, [host])


def dated(sha256: str = EMPTY, **more: str) -> dict[str, str]:
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    return {"x-amz-content-sha256": sha256, "x-amz-date": TIME, **headers}


# "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk", and its neighbours on
# chunks and trailers, in the Amazon S3 API Reference.
EXAMPLES = {
    "get object": signed(
        "GET",
        "/test.txt",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        dated(range="bytes=0-9"),
    ),
    "put object": signed(
        "PUT",
        "/test$file.text",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        dated(
            hashlib.sha256(b"Welcome to Amazon S3.").hexdigest(),
            date="Fri, 24 May 2013 00:00:00 GMT",
            x_amz_storage_class="REDUCED_REDUNDANCY",
        ),
    ),
    "get lifecycle": signed(
        "GET",
        "/?lifecycle",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        dated(),
    ),
    "list objects": signed(
        "GET",
        "/?max-keys=2&prefix=J",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        dated(),
    ),
    "chunks": signed(
        "PUT",
        "/examplebucket/chunkObject.txt",
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        dated(
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            content_encoding="aws-chunked",
            content_length="66824",
            x_amz_decoded_content_length="66560",
            x_amz_storage_class="REDUCED_REDUNDANCY",
        ),
        b"s3.amazonaws.com",
    ),
    "chunks and trailer": signed(
        "PUT",
        "/examplebucket/chunkObject.txt",
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        dated(
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            content_encoding="aws-chunked",
            x_amz_decoded_content_length="66560",
            x_amz_storage_class="REDUCED_REDUNDANCY",
            x_amz_trailer="x-amz-checksum-crc32c",
        ),
        b"s3.amazonaws.com",
    ),
}
GET = EXAMPLES["get object"]
PRESIGNED = SignedRequest(
    "GET",
    b"/test.txt",
    [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        f"X-Amz-Credential={CREDENTIAL.replace('/', '%2F')}",
        f"X-Amz-Date={TIME}",
        "X-Amz-Expires=86400",
        "X-Amz-SignedHeaders=host",
        "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    ],
    {},
    [HOST],
)


@pytest.mark.parametrize("name", EXAMPLES)
def test_published_examples(name: str) -> None:
    coverage = verifier().verify(EXAMPLES[name])
    assert coverage is not None
    assert (coverage.secret_id, coverage.in_query) == (ID, False)
    assert coverage.header("x-amz-date")
    assert not coverage.header("x-amz-acl")
    assert coverage.parameter("anything")


def test_published_presigned_url() -> None:
    coverage = verifier().verify(PRESIGNED)
    assert coverage is not None
    assert coverage.in_query
    assert coverage.payload is not None
    assert coverage.payload.content_sha256 == "UNSIGNED-PAYLOAD"


def test_published_chunks() -> None:
    coverage = verifier().verify(EXAMPLES["chunks"])
    assert coverage is not None
    payload = coverage.payload
    assert payload is not None
    assert payload.key.hex() not in repr(payload)
    signature = payload.seed
    for data, expected in (
        (b"a" * 65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
        (b"a" * 1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
        (b"", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
    ):
        signature = payload.chunk(signature, hashlib.sha256(data).hexdigest())
        assert signature == expected


def test_published_trailer() -> None:
    coverage = verifier().verify(EXAMPLES["chunks and trailer"])
    assert coverage is not None
    assert coverage.payload is not None
    last = "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"
    trailer = coverage.payload.trailer(last, b"x-amz-checksum-crc32c:sOO8/Q==\n")
    assert trailer == "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"path": b"/other.txt"},
        {"query": ["acl"]},
        {"hosts": [b"other.s3.amazonaws.com"]},
        {"headers": {**GET.headers, b"range": b"bytes=0-99"}},
        {"headers": {**GET.headers, b"x-amz-content-sha256": b"UNSIGNED-PAYLOAD"}},
        {"headers": {name: value for name, value in GET.headers.items() if name != b"range"}},
    ],
)
def test_every_signed_part_counts(change: Mapping[str, object]) -> None:
    with pytest.raises(SignatureDoesNotMatch):
        verifier().verify(replace(GET, **change))  # type: ignore[arg-type]


def with_authorization(old: str, new: str, **headers: bytes) -> SignedRequest:
    text = GET.headers[b"authorization"].decode()
    assert old in text
    more = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return replace(GET, headers={**GET.headers, b"authorization": text.replace(old, new).encode(), **more})


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256,", AuthorizationHeaderMalformed),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256X", AuthorizationHeaderMalformed),
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", SignatureVersionNotSupported),
        ("AWS4-HMAC-SHA256", "AWS", SignatureVersionNotSupported),
        ("Credential=", "Credentials=", AuthorizationHeaderMalformed),
        ("/s3/", "/ec2/", AuthorizationHeaderMalformed),
        ("/s3/aws4_request", "/s3", AuthorizationHeaderMalformed),
        ("aws4_request", "aws3_request", AuthorizationHeaderMalformed),
        ("/20130524/", "/20130525/", AuthorizationHeaderMalformed),
        ("/20130524/", "/2013-05-24/", AuthorizationHeaderMalformed),
        ("/us-east-1/", "//", AuthorizationHeaderMalformed),
        ("/us-east-1/", "/eu-west-1/", SignatureDoesNotMatch),
        (ID, "AKIDSOMEBODYELSE", InvalidAccessKeyId),
        ("host;", "", AuthorizationHeaderMalformed),
        ("host;", "host;host;", AuthorizationHeaderMalformed),
        ("host;", "ho st;", AuthorizationHeaderMalformed),
        ("x-amz-content-sha256;", "", AccessDenied),
        ("Signature=f0", "Signature=f1", SignatureDoesNotMatch),
        ("Signature=f0", "Signature=", AuthorizationHeaderMalformed),
        ("Signature=f0", "Signature=zz", AuthorizationHeaderMalformed),
    ],
)
def test_wrong_headers(old: str, new: str, error: type[CosError]) -> None:
    with pytest.raises(error):
        verifier().verify(with_authorization(old, new))


def test_upper_case_signatures_and_loose_spaces() -> None:
    text = GET.headers[b"authorization"].decode()
    head, _, signature = text.rpartition("=")
    loose = f"{head}={signature.upper()}".replace(",", " ,  ")
    assert verifier().verify(replace(GET, headers={**GET.headers, b"authorization": loose.encode()}))


@pytest.mark.parametrize("seconds", [-901, 901])
def test_clocks_that_differ_too_much(seconds: int) -> None:
    with pytest.raises(RequestTimeTooSkewed):
        verifier(NOW + seconds).verify(GET)
    assert verifier(NOW + seconds - seconds // 900).verify(GET)


@pytest.mark.parametrize("date", [b"", b"yesterday", b"20131324T000000Z", b"2013-05-24T00:00:00Z"])
def test_dates_that_are_none(date: bytes) -> None:
    with pytest.raises(AccessDenied):
        verifier().verify(replace(GET, headers={**GET.headers, b"x-amz-date": date}))


@pytest.mark.parametrize("value", [b"e3b0", EMPTY.upper().encode(), b"STREAMING-OTHER"])
def test_hashes_of_bodies_that_are_none(value: bytes) -> None:
    with pytest.raises(InvalidArgument, match="x-amz-content-sha256"):
        verifier().verify(replace(GET, headers={**GET.headers, b"x-amz-content-sha256": value}))


def test_a_header_signature_needs_the_hash_of_the_body() -> None:
    headers = {name: value for name, value in GET.headers.items() if name != b"x-amz-content-sha256"}
    with pytest.raises(MissingSecurityHeader):
        verifier().verify(replace(GET, headers=headers))


@pytest.mark.parametrize("request_", [GET, PRESIGNED], ids=["header", "query"])
def test_amz_headers_must_be_signed(request_: SignedRequest) -> None:
    with pytest.raises(AccessDenied, match="not signed: x-amz-acl"):
        verifier().verify(replace(request_, headers={**request_.headers, b"x-amz-acl": b"public-read"}))


def test_regions() -> None:
    assert verifier(regions=("ap-shanghai", "us-east-1")).verify(GET)
    for request_ in (GET, PRESIGNED):
        with pytest.raises(AuthorizationHeaderMalformed, match="expecting 'ap-shanghai'") as caught:
            verifier(regions=("ap-shanghai",)).verify(request_)
        assert caught.value.headers == {"x-amz-bucket-region": "ap-shanghai"}


def changed(name: str, value: str | None) -> SignedRequest:
    items = [item for item in PRESIGNED.query if not item.startswith(f"{name}=")]
    return replace(PRESIGNED, query=items if value is None else [*items, f"{name}={value}"])


@pytest.mark.parametrize("expires", ["0", "-1", "604801", "1e3", "", "99999999999", "٣"])
def test_how_long_a_presigned_url_may_hold(expires: str) -> None:
    with pytest.raises(AuthorizationQueryParametersError, match="X-Amz-Expires"):
        verifier().verify(changed("X-Amz-Expires", expires))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Amz-Algorithm", None),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA512"),
        ("X-Amz-Credential", None),
        ("X-Amz-Credential", f"{ID}%2F20130524%2Fus-east-1%2Fsts%2Faws4_request"),
        ("X-Amz-Date", None),
        ("X-Amz-Date", "20130525T000000Z"),
        ("X-Amz-SignedHeaders", None),
        ("X-Amz-SignedHeaders", "range"),
        ("X-Amz-Signature", None),
        ("X-Amz-Signature", "abc"),
    ],
)
def test_wrong_queries(name: str, value: str | None) -> None:
    with pytest.raises(AuthorizationQueryParametersError):
        verifier().verify(changed(name, value))


def test_presigned_urls_expire() -> None:
    assert verifier(NOW + 86_399).verify(PRESIGNED)
    with pytest.raises(AccessDenied, match="expired"):
        verifier(NOW + 86_401).verify(PRESIGNED)
    assert verifier(NOW - 899).verify(PRESIGNED)
    with pytest.raises(AccessDenied, match="not yet valid"):
        verifier(NOW - 901).verify(PRESIGNED)


def test_a_parameter_added_to_a_presigned_url() -> None:
    for item in ("acl", "response-content-type=text%2Fhtml", "imageInfo", "x-amz-acl=public-read"):
        with pytest.raises(SignatureDoesNotMatch):
            verifier().verify(replace(PRESIGNED, query=[*PRESIGNED.query, item]))


@pytest.mark.parametrize(
    "items",
    [["X-Amz-Date=20130524T000000Z"], ["q-signature=1", "q-ak=2"], ["x-amz-signature=0"]],
    ids=["twice", "cos", "other case"],
)
def test_only_one_signature(items: list[str]) -> None:
    with pytest.raises(InvalidArgument):
        verifier().verify(replace(PRESIGNED, query=[*PRESIGNED.query, *items]))
    with pytest.raises(InvalidArgument):
        verifier().verify(replace(PRESIGNED, headers=GET.headers))
    with pytest.raises(InvalidArgument):
        verifier().verify(replace(PRESIGNED, headers={b"authorization": b"q-sign-algorithm=sha1&q-ak=1"}))


def test_temporary_keys_need_their_token() -> None:
    temporary = {ID + "T": Credential(ID + "T", KEY, "tok", int(NOW) + 10)}

    def check(now: float, **headers: bytes) -> Coverage | None:
        return verifier(now, temporary=temporary).verify(with_authorization(ID, ID + "T", **headers))

    with pytest.raises(AccessDenied, match="security token"):
        check(NOW)
    with pytest.raises(AccessDenied, match="not signed: x-amz-security-token"):
        check(NOW, x_amz_security_token=b"tok")
    with pytest.raises(ExpiredToken):
        check(NOW + 11, x_amz_security_token=b"tok")
    assert check(NOW, x_cos_security_token=b"tok")
