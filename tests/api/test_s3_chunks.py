"""Bodies in ``aws-chunked``: AWS's published example, in pieces of every size, and whatever else can stand there."""

from __future__ import annotations

import hashlib
import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openmogr.api.errors import IncompleteBody
from openmogr.api.s3.chunks import ChunkDecoder
from openmogr.api.s3.errors import InvalidChunk, MalformedTrailer
from openmogr.auth import PayloadSignature
from openmogr.auth.errors import SignatureDoesNotMatch
from openmogr.auth.sigv4 import Scope
from openmogr.errors import CosError

KEY = Scope("20130524", "us-east-1", "s3").key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
SIGNED = PayloadSignature(
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    "20130524T000000Z",
    "20130524/us-east-1/s3/aws4_request",
    KEY,
)
CONTENT = b"a" * 66560
# The example of the Amazon S3 API Reference: chunks of 64 KiB and 1 KiB.
BODY = (
    b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"
    + b"a" * 65536
    + b"\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n"
    + b"a" * 1024
    + b"\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
)
TRAILER_SEED = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
TRAILER_BODY = (
    b"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n"
    + b"a" * 65536
    + b"\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n"
    + b"a" * 1024
    + b"\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
    + b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
    + b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
)


def decode(decoder: ChunkDecoder, body: bytes, size: int = 1 << 20) -> bytes:
    pieces = [decoder.feed(body[start : start + size]) for start in range(0, len(body), size)]
    decoder.finish()
    return b"".join(pieces)


def signed(**changes: str) -> ChunkDecoder:
    seed = changes.get("seed", SIGNED.seed)
    signature = PayloadSignature(SIGNED.content_sha256, seed, SIGNED.time, SIGNED.scope, KEY)
    return ChunkDecoder(signature, has_trailer="seed" in changes)


@pytest.mark.parametrize("size", [1, 7, 88, 89, 65536, 1 << 20])
def test_the_published_example(size: int) -> None:
    assert decode(signed(), BODY, size) == CONTENT


@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
def test_the_published_example_with_trailer(size: int) -> None:
    decoder = signed(seed=TRAILER_SEED)
    assert decode(decoder, TRAILER_BODY, size) == CONTENT
    assert decoder.trailers == {"x-amz-checksum-crc32c": "sOO8/Q=="}


@pytest.mark.parametrize("newline", [b"\n\r\n", b"\r\n"])
def test_line_feeds_before_the_end_of_a_trailer(newline: bytes) -> None:
    """AWS's text shows them, and some clients write them."""
    decoder = signed(seed=TRAILER_SEED)
    body = TRAILER_BODY.replace(b"sOO8/Q==\r\n", b"sOO8/Q==" + newline)
    assert decode(decoder, body) == CONTENT


def test_every_changed_byte_is_noticed() -> None:
    generator = random.Random(1)
    places = {*range(88), *range(65624, 65720), *range(len(BODY) - 90, len(BODY))}
    places |= {generator.randrange(len(BODY)) for _ in range(50)}
    for place in sorted(places):
        changed = bytearray(BODY)
        changed[place] ^= 1
        with pytest.raises(CosError) as caught:
            decode(signed(), bytes(changed))
        assert 400 <= caught.value.status < 500


def test_chunks_in_another_order_or_left_out() -> None:
    starts = [0, BODY.index(b"400;"), BODY.index(b"0;chunk-signature=b6c6")]
    first, second, last = BODY[: starts[1]], BODY[starts[1] : starts[2]], BODY[starts[2] :]
    for body in (second + first + last, first + last, first + first + second + last, last):
        with pytest.raises(SignatureDoesNotMatch):
            decode(signed(), body)


@pytest.mark.parametrize("body", [BODY, TRAILER_BODY], ids=["plain", "trailer"])
def test_bodies_that_end_early(body: bytes) -> None:
    for end in (0, 1, 50, 89, 1000, 65700, len(body) - 100, len(body) - 3, len(body) - 1):
        decoder = signed() if body is BODY else signed(seed=TRAILER_SEED)
        with pytest.raises(IncompleteBody):
            decode(decoder, body[:end])


def test_changed_trailers() -> None:
    for old, new, error in (
        (b"sOO8/Q==", b"AAAAAA==", SignatureDoesNotMatch),
        (b"checksum-crc32c", b"checksum-crc32", SignatureDoesNotMatch),
        (b"signature:d8", b"signature:d9", SignatureDoesNotMatch),
        (b"x-amz-trailer-signature:", b"x-amz-other:", MalformedTrailer),
        (b"x-amz-checksum-crc32c:", b"x-amz-checksum-crc32c", MalformedTrailer),
    ):
        assert old in TRAILER_BODY
        with pytest.raises(error):
            decode(signed(seed=TRAILER_SEED), TRAILER_BODY.replace(old, new))


def test_without_signatures() -> None:
    decoder = ChunkDecoder(None, has_trailer=True)
    body = b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n"
    assert decode(decoder, body, 3) == b"hello world"
    assert decoder.trailers == {"x-amz-checksum-crc32": "DUoRhQ=="}
    assert decode(ChunkDecoder(None, has_trailer=True), b"0\r\n\r\n") == b""


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"x\r\n", InvalidChunk),
        (b"-5\r\nhello\r\n0\r\n\r\n", InvalidChunk),
        (b"5;a=b\r\nhello\r\n0\r\n\r\n", InvalidChunk),
        (b"5\r\nhello!\r\n0\r\n\r\n", InvalidChunk),
        (b"5\nhello\r\n0\r\n\r\n", InvalidChunk),
        (b"11111111111111111\r\n", InvalidChunk),
        (b"5" * 2000, InvalidChunk),
        (b"0\r\n\r\nmore", InvalidChunk),
        (b"0\r\na:1\r\na:2\r\n\r\n", MalformedTrailer),
        (b"0\r\n" + b"".join(b"a%d:1\r\n" % number for number in range(20)) + b"\r\n", MalformedTrailer),
        (b"0\r\nx-amz-trailer-signature:00\r\n\r\n", MalformedTrailer),
        (b"0\r\n" + b"a" * 2000, InvalidChunk),
    ],
)
def test_broken_framing(body: bytes, error: type[CosError]) -> None:
    for size in (1, 1 << 20):
        with pytest.raises(error):
            decode(ChunkDecoder(None, has_trailer=True), body, size)


def test_trailers_where_none_are_announced() -> None:
    with pytest.raises(MalformedTrailer):
        decode(ChunkDecoder(None, has_trailer=False), b"0\r\na:1\r\n\r\n")


def test_signed_chunks_need_signatures() -> None:
    with pytest.raises(InvalidChunk, match="chunk-signature"):
        decode(signed(), b"5\r\nhello\r\n0\r\n\r\n")


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8), st.integers(1, 64))
def test_what_is_framed_comes_out(chunks: list[bytes], size: int) -> None:
    body, previous = b"", SIGNED.seed
    for chunk in [*chunks, b""]:
        previous = SIGNED.chunk(previous, hashlib.sha256(chunk).hexdigest())
        body += b"%x;chunk-signature=%s\r\n" % (len(chunk), previous.encode()) + chunk + b"\r\n"
    assert decode(signed(), body, size) == b"".join(chunks)


@given(st.binary(max_size=200), st.booleans())
def test_arbitrary_bytes(body: bytes, has_trailer: bool) -> None:
    with suppress(InvalidChunk, MalformedTrailer, IncompleteBody):
        decode(ChunkDecoder(None, has_trailer=has_trailer), body, 7)
