"""The label of generated images in XMP (``docs/spec/api/image-mogr2.md#14``)."""

from __future__ import annotations

import html
import json
import re

from openmogr.image.language.values import AigcLabel

__all__ = ["label_of", "labelled"]

_NAMESPACE = "http://www.tc260.org.cn/ns/AIGC/1.0/"
# As an element or as an attribute; writers differ in both. What is longer than any label is none.
_ELEMENT = re.compile(rb"<TC260:AIGC(?:\s[^>]{0,200})?>([^<]{0,20000})</TC260:AIGC>")
_ATTRIBUTE = re.compile(rb"\sTC260:AIGC=(?:\"([^\"<]{0,20000})\"|'([^'<]{0,20000})')")
_END = re.compile(rb"</rdf:RDF\s*>")
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DESCRIPTION = (
    '<rdf:Description rdf:about="" xmlns:rdf="{rdf}" xmlns:TC260="{label}">'
    "<TC260:AIGC>{text}</TC260:AIGC></rdf:Description>"
)
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="{rdf}">{description}</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


def labelled(xmp: bytes, label: AigcLabel) -> bytes:
    """The packet with this label in place of any other; a new packet where it cannot be put into that one."""
    text = html.escape(json.dumps(dict(label), ensure_ascii=False, separators=(",", ":")))
    description = _DESCRIPTION.format(rdf=_RDF, label=_NAMESPACE, text=text)
    ends = list(_END.finditer(xmp))
    if not ends:
        return _PACKET.format(rdf=_RDF, description=description).encode()
    place = ends[-1].start()
    before = _ATTRIBUTE.sub(b"", _ELEMENT.sub(b"", xmp[:place]))
    return before + description.encode() + xmp[place:]


def label_of(xmp: bytes) -> dict[str, str]:
    """Names and texts of the label in a packet; none where there is no label, or not in JSON."""
    found = _ELEMENT.search(xmp) or _ATTRIBUTE.search(xmp)
    if found is None:
        return {}
    text = next(part for part in found.groups() if part is not None)
    try:
        told = json.loads(html.unescape(text.decode("utf-8")))
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in told.items()} if isinstance(told, dict) else {}
