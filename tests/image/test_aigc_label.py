"""The label of generated images: ``AIGCMetadata`` writes it, ``imageAIGCMetadata`` tells it."""

from __future__ import annotations

import base64
import io
import json
from xml.etree import ElementTree

import pytest
from PIL import Image

from openmogr.errors import CosError, InvalidArgument
from openmogr.image import parse_operation
from openmogr.image.formats.registry import CONTAINERS
from openmogr.image.source.aigc import label_of, labelled

from .conftest import Run, decoded, encoded, photo

LABEL = {
    "Label": "1",
    "ContentProducer": '生产方 <&">',
    "ProduceID": "a/b-1",
    "ReservedCode1": "code",
    "ContentPropagator": "传播方",
    "PropagateID": "p",
    "ReservedCode2": "",
}
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/png"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


def token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


PAIRS = "/".join(f"{name}/{token(text)}" for name, text in LABEL.items() if text)
WRITTEN = {name: text for name, text in LABEL.items() if text}
STILLS = [name for name, container in CONTAINERS.items() if container.keeps_xmp and not container.animated]
STILLS += ["webp", "avif"]


def told(run: Run, data: bytes) -> object:
    return json.loads(run("imageAIGCMetadata", data).data)


@pytest.mark.parametrize("name", STILLS)
def test_it_is_written_and_told(name: str, run: Run) -> None:
    for more in ("", "/strip"):
        try:
            made = run(f"imageMogr2/AIGCMetadata/{PAIRS}/format/{name}{more}", photo())
        except CosError as error:
            if error.code == "NotSupported":
                pytest.skip(error.message)
            raise
        assert told(run, made.data) == {"AIGC": WRITTEN}


def test_one_text_in_json(run: Run) -> None:
    text = token(json.dumps({**LABEL, "Label": 1, "Other": "x"}, ensure_ascii=False))
    made = run(f"imageMogr2/thumbnail/50x/AIGCMetadata/{text}|imageAIGCMetadata", photo())
    assert json.loads(made.data) == {"AIGC": LABEL}


def test_the_sources_own_metadata_stay(run: Run) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a description"
    out = io.BytesIO()
    photo().save(out, "JPEG", exif=exif.tobytes(), xmp=XMP)
    once = run(f"imageMogr2/AIGCMetadata/{PAIRS}", out.getvalue())
    twice = run(f"imageMogr2/AIGCMetadata/Label/{token('2')}", once.data)
    for result, label in ((once, WRITTEN), (twice, {"Label": "2"})):
        made = decoded(result)
        assert made.getexif()[0x010E] == "a description"
        packet = made.info["xmp"]
        assert ElementTree.fromstring(packet).tag.endswith("xmpmeta")
        assert b'dc:format="image/png"' in packet
        assert packet.count(b"<TC260:AIGC>") == 1
        assert label_of(packet) == label
        assert told(run, result.data) == {"AIGC": label}


def test_a_label_goes_before_xmp_that_leaves_no_room(run: Run) -> None:
    long = XMP.replace(b"</rdf:RDF>", b"<!--" + b"x" * 64_700 + b"--></rdf:RDF>")
    source = encoded(photo(), "PNG")
    kept = labelled(long, (("Label", "1"),))
    assert len(kept) > 65_000 > len(long)
    out = io.BytesIO()
    photo().save(out, "JPEG", xmp=long)
    made = run(f"imageMogr2/AIGCMetadata/Label/{token('1')}", out.getvalue())
    assert told(run, made.data) == {"AIGC": {"Label": "1"}}
    assert told(run, source) == {}


def test_it_is_never_left_out_for_a_shorter_file(run: Run) -> None:
    source = run("imageMogr2/format/png/effort/9", photo(60, 40)).data
    for more in ("", "|imageSlim", "/strip|imageSlim"):
        made = run(f"imageMogr2/AIGCMetadata/Label/MQ{more}", source)
        assert told(run, made.data) == {"AIGC": {"Label": "1"}}


def test_as_other_programs_write_it() -> None:
    text = "{&quot;Label&quot;:&quot;1&quot;}"
    for packet in (
        f'<rdf:Description xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/"><TC260:AIGC>{text}</TC260:AIGC>',
        f'<rdf:Description TC260:AIGC="{text}"/>',
        '<rdf:Description TC260:AIGC=\'{"Label":"1"}\'/>',
    ):
        assert label_of(packet.encode()) == {"Label": "1"}
    for packet in (
        "",
        "<TC260:AIGC>1</TC260:AIGC>",
        "<TC260:AIGC>{</TC260:AIGC>",
        "<TC260:AIGC>\xff</TC260:AIGC>",
    ):
        assert label_of(packet.encode("latin-1")) == {}


@pytest.mark.parametrize("name", ["gif", "bmp", "tiff", "tpg"])
def test_formats_that_hold_none(name: str, run: Run) -> None:
    with pytest.raises(CosError, match="AIGCMetadata is not written") as caught:
        run(f"imageMogr2/AIGCMetadata/Label/MQ/format/{name}", photo())
    assert caught.value.status == 400


def test_animations(run: Run) -> None:
    moving = encoded(photo(), "WEBP", save_all=True, append_images=[photo().rotate(90)], duration=50)
    with pytest.raises(CosError, match="AIGCMetadata is not written into webp animations"):
        run("imageMogr2/AIGCMetadata/Label/MQ", moving)
    assert told(run, run("imageMogr2/AIGCMetadata/Label/MQ/format/png", moving).data)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("AIGCMetadata", "has no value"),
        ("AIGCMetadata/Label", "Label has no value"),
        ("AIGCMetadata/ProduceID/MQ", "needs a Label"),
        ("AIGCMetadata/Label/%", "Label is"),
        ("AIGCMetadata/format/png", "AIGCMetadata is"),
        ("AIGCMetadata/MQ", "AIGCMetadata is"),
        (f"AIGCMetadata/Label/{token('x' * 1001)}", "1000 characters"),
        ("AIGCMetadata/Label/" + token("a\0"), "cannot be written"),
    ],
)
def test_what_is_refused(text: str, named: str) -> None:
    with pytest.raises(InvalidArgument, match=named):
        parse_operation(f"imageMogr2/{text}")


@pytest.mark.parametrize("strict", [False, True])
def test_its_canonical_text(strict: bool) -> None:
    pipeline = parse_operation(f"imageMogr2/AIGCMetadata/{PAIRS}/format/png/quality/80", strict=strict)
    assert pipeline.encoding.label == tuple(WRITTEN.items())
    assert parse_operation(pipeline.normalised) == pipeline
    assert pipeline.encoding.format == "png"
