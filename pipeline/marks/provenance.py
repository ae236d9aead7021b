"""The plain-metadata mark of every output: that it is altered, by what, when, under which id."""

import json
import re
import xml.etree.ElementTree as ET  # only written here, never parsed
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from mmap import mmap
from typing import Final

from pipeline.marks.claims import Claim
from pipeline.marks.vocabulary import DIGITAL_SOURCE_TYPE, NAMESPACES, WATERMARK

_MOST_BYTES: Final = 60_000
"""A JPEG has 65,502 for a packet (XMP specification, part 3, 1.1.3)."""
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
        watermark: the id that is hidden in its pixels, eight hexadecimal digits; None where there is none.
        earlier: what the files that it is made of say of themselves, see `pipeline.marks.claims.carried`.

    Raises:
        ValueError: a text holds characters that XML cannot carry, or the time has no zone.
    """

    output_id: str
    provider: str
    system: str
    version: str
    created_at: datetime
    watermark: str | None = None
    earlier: tuple[Claim, ...] = ()

    def __post_init__(self) -> None:
        if any(map(_NOT_XML.search, (self.output_id, self.provider, self.system, self.version))):
            raise ValueError("a mark's texts may only hold characters that XML allows")
        if self.created_at.tzinfo is None:
            raise ValueError("a mark's time needs a time zone")


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


def has_id(file: bytes | mmap, output_id: str) -> bool:
    """Whether a file says that this is its own id, and not that of one that it was made of."""
    return file.find(f"<xmpMM:InstanceID>{output_id}</".encode()) >= 0


def xmp_packet(mark: Mark) -> bytes:
    """Write a mark as an XMP packet: UTF-8 bytes with the packet wrapper, ready to embed in any format.

    It carries the IPTC digital source type, AI system and credit line (provider), the system as creator
    tool, one history entry "edited" (altered) with time and id, the AIGC label of GB 45438-2025, and as
    ingredients what the inputs say of themselves.
    """
    loaded = f"{mark.system} {mark.version}"
    when = _when(mark)
    root = ET.Element("x:xmpmeta", {"xmlns:x": "adobe:ns:meta/"})
    rdf = ET.SubElement(root, "rdf:RDF", {f"xmlns:{name}": uri for name, uri in NAMESPACES.items()})
    description = ET.SubElement(rdf, "rdf:Description", {"rdf:about": ""})
    properties = {
        "Iptc4xmpExt:DigitalSourceType": DIGITAL_SOURCE_TYPE,
        "Iptc4xmpExt:AISystemUsed": mark.system,
        "Iptc4xmpExt:AISystemVersionUsed": mark.version,
        "photoshop:Credit": mark.provider,
        "xmp:CreatorTool": loaded,
        "xmp:ModifyDate": when,
        "xmp:MetadataDate": when,
        "xmpMM:InstanceID": mark.output_id,
        "TC260:AIGC": _aigc(mark),
    }
    event = {
        "stEvt:action": "edited",
        "stEvt:changed": "/",
        "stEvt:instanceID": mark.output_id,
        "stEvt:parameters": "faces replaced",
        "stEvt:softwareAgent": loaded,
        "stEvt:when": when,
    }
    _write(description, properties)
    _write_list(description, "xmpMM:History", "rdf:Seq", [event])
    if mark.earlier:
        _write_list(description, "xmpMM:Ingredients", "rdf:Bag", map(_ingredient, mark.earlier))
    body = ET.tostring(root, encoding="unicode")
    # The wrapper's id is fixed by the XMP specification, part 1, 7.3.2.
    packet = f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{body}<?xpacket end="r"?>'
    encoded = packet.encode()
    if len(encoded) > _MOST_BYTES and mark.earlier:
        return xmp_packet(replace(mark, earlier=mark.earlier[:-1]))
    return encoded


def _ingredient(claim: Claim) -> dict[str, str | None]:
    """What an input says of itself; a resource reference (XMP, part 2, 1.2.4) has words for id and time."""
    return {
        "stRef:instanceID": claim.output_id,
        "stRef:lastModifyDate": claim.created_at,
        "Iptc4xmpExt:DigitalSourceType": claim.digital_source_type,
        "Iptc4xmpExt:AISystemUsed": claim.system,
        "Iptc4xmpExt:AISystemVersionUsed": claim.version,
        "photoshop:Credit": claim.provider,
        "TC260:AIGC": claim.aigc,
    }


def _write(resource: ET.Element, properties: Mapping[str, str | None]) -> None:
    for name, text in properties.items():
        if text is not None:
            ET.SubElement(resource, name).text = text


def _write_list(
    description: ET.Element, name: str, kind: str, items: Iterable[Mapping[str, str | None]]
) -> None:
    array = ET.SubElement(ET.SubElement(description, name), kind)
    for item in items:
        _write(ET.SubElement(array, "rdf:li", {"rdf:parseType": "Resource"}), item)


def _when(mark: Mark) -> str:
    return mark.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _aigc(mark: Mark) -> str:
    label = {"Label": "1", "ContentProducer": mark.provider, "ProduceID": mark.output_id}
    if mark.watermark is not None:  # annex E leaves this field to the provider, for what protects the content
        label["ReservedCode1"] = WATERMARK + mark.watermark
    return json.dumps(label, ensure_ascii=False)
