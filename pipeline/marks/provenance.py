"""The plain-metadata mark of every output: that it is altered, by what, when, under which id."""

import json
import re
import xml.etree.ElementTree as ET  # only written here, never parsed
from dataclasses import dataclass
from datetime import UTC, datetime
from mmap import mmap
from typing import Final

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC NewsCodes: a composite of captured and model-made elements, which a swapped face is."""

# XMP specification parts 1 and 2 (ISO 16684), IPTC Photo Metadata 2025.1, GB 45438-2025.
_NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "TC260": "http://www.tc260.org.cn/ns/AIGC/1.0/",
}

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What an output says of its making.

    Attributes:
        output_id: unique id of this output, opaque; no personal data.
        provider: who runs the service.
        system: name of the system that altered the picture.
        version: its version.
        created_at: when the output was made; aware, written in UTC.

    Raises:
        ValueError: a text holds characters that XML cannot carry, or the time has no zone.
    """

    output_id: str
    provider: str
    system: str
    version: str
    created_at: datetime

    def __post_init__(self) -> None:
        if any(map(_NOT_XML.search, (self.output_id, self.provider, self.system, self.version))):
            raise ValueError("a mark's texts may only hold characters that XML allows")
        if self.created_at.tzinfo is None:
            raise ValueError("a mark's time needs a time zone")


XMP_TAG: Final = "XMP"
"""The tag of a Matroska or WebM file that holds the packet; other formats have a place for it."""


def metadata_tags(mark: Mark) -> dict[str, str]:
    """Say the same in the tags of a video, where players and `ffprobe` show them."""
    return {
        "comment": f"Altered: faces were replaced by {mark.system} {mark.version}.",
        "DigitalSourceType": DIGITAL_SOURCE_TYPE,
        "AISystemUsed": mark.system,
        "AISystemVersionUsed": mark.version,
        "Credit": mark.provider,
        "AIGC": _aigc(mark),
        "InstanceID": mark.output_id,
        "ModifyDate": _when(mark),
    }


def is_marked(file: bytes | mmap, system: str) -> bool:
    """Whether a file says that `system` altered it; every format holds its XMP packet as it is."""
    return file.find(f"<Iptc4xmpExt:AISystemUsed>{system}</".encode()) >= 0


def xmp_packet(mark: Mark) -> bytes:
    """Write a mark as an XMP packet: UTF-8 bytes with the packet wrapper, ready to embed in any format.

    It carries the IPTC digital source type, AI system and credit line (provider), the system as creator
    tool, one history entry "edited" (altered) with time and id, and the AIGC label of GB 45438-2025.
    """
    loaded = f"{mark.system} {mark.version}"
    when = _when(mark)
    root = ET.Element("x:xmpmeta", {"xmlns:x": "adobe:ns:meta/"})
    rdf = ET.SubElement(root, "rdf:RDF", {f"xmlns:{name}": uri for name, uri in _NAMESPACES.items()})
    description = ET.SubElement(rdf, "rdf:Description", {"rdf:about": ""})
    for name, text in (
        ("Iptc4xmpExt:DigitalSourceType", DIGITAL_SOURCE_TYPE),
        ("Iptc4xmpExt:AISystemUsed", mark.system),
        ("Iptc4xmpExt:AISystemVersionUsed", mark.version),
        ("photoshop:Credit", mark.provider),
        ("xmp:CreatorTool", loaded),
        ("xmp:ModifyDate", when),
        ("xmp:MetadataDate", when),
        ("xmpMM:InstanceID", mark.output_id),
        ("TC260:AIGC", _aigc(mark)),
    ):
        ET.SubElement(description, name).text = text
    events = ET.SubElement(ET.SubElement(description, "xmpMM:History"), "rdf:Seq")
    event = ET.SubElement(events, "rdf:li", {"rdf:parseType": "Resource"})
    for name, text in (
        ("stEvt:action", "edited"),
        ("stEvt:changed", "/"),
        ("stEvt:instanceID", mark.output_id),
        ("stEvt:parameters", "faces replaced"),
        ("stEvt:softwareAgent", loaded),
        ("stEvt:when", when),
    ):
        ET.SubElement(event, name).text = text
    body = ET.tostring(root, encoding="unicode")
    # The wrapper's id is fixed by the XMP specification, part 1, 7.3.2.
    packet = f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{body}<?xpacket end="r"?>'
    return packet.encode()


def _when(mark: Mark) -> str:
    return mark.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _aigc(mark: Mark) -> str:
    label = {"Label": "1", "ContentProducer": mark.provider, "ProduceID": mark.output_id}
    return json.dumps(label, ensure_ascii=False)
