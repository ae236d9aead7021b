"""What a file says of its own making, read from its XMP packet or its tags; strangers write these too."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from pipeline.marks.vocabulary import DIGITAL_SOURCE_TYPES, WATERMARK, qualified

MAX_PACKET_BYTES: Final = 1 << 18
"""What is larger is not read; marks have a few kilobytes, and thumbnails in packets are nobody's mark."""
MAX_EARLIER: Final = 16
"""So many marks of inputs are carried on, the nearest ones."""
_MAX_TEXT: Final = 300
_MAX_LABEL: Final = 4096
_FIELDS: Final = (
    "Iptc4xmpExt:DigitalSourceType",
    "Iptc4xmpExt:AISystemUsed",
    "Iptc4xmpExt:AISystemVersionUsed",
    "photoshop:Credit",
    "xmp:ModifyDate",
    "xmpMM:InstanceID",
    "stRef:lastModifyDate",
    "stRef:instanceID",
    "TC260:AIGC",
)
_NOT_PRINTED: Final = re.compile(r"[^\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SOURCE_TYPE: Final = re.compile(
    re.escape(DIGITAL_SOURCE_TYPES).replace("http", "https?") + r"[A-Za-z]{1,64}"
)
_WATERMARK: Final = re.compile(re.escape(WATERMARK) + r"([0-9a-f]{8})")
_NAMES: Final = frozenset(map(qualified, _FIELDS))
_INGREDIENT: Final = "/".join(map(qualified, ("xmpMM:Ingredients", "rdf:Bag", "rdf:li")))
# What GB 45438-2025, annex E, has in a label.
_LABEL_FIELDS: Final = (
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a file says of its own making; every text is short, printable, and nobody has checked it."""

    #: IPTC's word for how it came to be, a URI; None where it has none of theirs.
    digital_source_type: str | None = None
    #: The system that made or altered it, and its version.
    system: str | None = None
    version: str | None = None
    #: Who ran that.
    provider: str | None = None
    #: When, as it was written.
    created_at: str | None = None
    #: The id of this file.
    output_id: str | None = None
    #: The label of GB 45438-2025, as JSON.
    aigc: str | None = None
    #: What it says of the files that it was made of, and of those before; these have none of their own.
    earlier: tuple["Claim", ...] = ()

    @property
    def watermark(self) -> str | None:
        """The id that is said to be hidden in the file's pixels, eight hexadecimal digits."""
        said = str(json.loads(self.aigc or "{}").get("ReservedCode1", ""))
        found = _WATERMARK.fullmatch(said)
        return found[1] if found else None

    @property
    def is_about_machines(self) -> bool:
        """Whether it says that a machine made the file or a part of it."""
        made = self.digital_source_type or ""
        return bool(self.system or self.aigc or "algorithmic" in made.lower())

    @property
    def is_mark(self) -> bool:
        """Whether it says how the file came to be, and not only when or whose it is."""
        return bool(self.digital_source_type or self.is_about_machines or self.earlier)


def carried(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """What a result says of its inputs, given what those say: each once, with what they say of theirs.

    Who took a photograph and when is nobody's business: of one that no machine made only its type is left.
    """
    kept = list[Claim]()
    for claim in claims:
        for each in (claim, *claim.earlier):
            if each.is_about_machines:
                kept.append(replace(each, earlier=()))
            elif each.digital_source_type:
                kept.append(Claim(digital_source_type=each.digital_source_type))
    return tuple(dict.fromkeys(kept))[:MAX_EARLIER]


def read_packet(packet: bytes) -> Claim | None:
    """Read an XMP packet; None where it says nothing of the kind, or cannot be read."""
    rdf = _parse(packet)
    if rdf is None:
        return None
    words, earlier = dict[str, str](), list[Claim]()
    for description in rdf.findall(qualified("rdf:Description")):
        words = {**_words(description), **words}
        for item in description.iterfind(_INGREDIENT):
            earlier.append(_claim({**_words(item), **_words(item.find(qualified("rdf:Description")))}))
    claim = replace(_claim(words), earlier=carried(earlier))
    return claim if claim.is_mark else None


def read_tags(tags: Mapping[str, str]) -> Claim | None:
    """Read the tags of a video, as `pipeline.marks.provenance.metadata_tags` names them, in any case."""
    given = {name.lower(): text for name, text in tags.items()}
    local = {name.partition(":")[2].lower(): name for name in _FIELDS}
    claim = _claim({qualified(name): given[key] for key, name in local.items() if key in given})
    return claim if claim.is_mark else None


def _parse(packet: bytes) -> ET.Element | None:
    """The `rdf:RDF` of a packet."""
    try:
        text = packet.decode().strip("\ufeff\0 \t\r\n") if len(packet) <= MAX_PACKET_BYTES else ""
        if "<!DOCTYPE" in text:  # entities, which XMP has none of, could grow without end
            return None
        root = ET.fromstring(text)  # noqa: S314 -- see above
    except (UnicodeDecodeError, ET.ParseError):
        return None
    return root if root.tag == qualified("rdf:RDF") else root.find(qualified("rdf:RDF"))


def _words(resource: ET.Element | None) -> dict[str, str]:
    """What a resource says in attributes, elements, or elements that hold a list, whose first counts."""
    if resource is None:
        return {}
    said = {name: text for name, text in resource.attrib.items() if name in _NAMES}
    for element in resource:
        if element.tag not in _NAMES:
            continue
        first = (
            element if element.text and element.text.strip() else element.find(f".//{qualified('rdf:li')}")
        )
        if first is not None and first.text:
            said.setdefault(element.tag, first.text)
        elif qualified("rdf:resource") in element.attrib:
            said.setdefault(element.tag, element.attrib[qualified("rdf:resource")])
    return said


def _claim(words: Mapping[str, str]) -> Claim:
    """Take what is known of `words`, whose names are qualified."""
    known = {name: _short(words[qualified(name)]) for name in _FIELDS if qualified(name) in words}
    kind = known.get("Iptc4xmpExt:DigitalSourceType", "")
    return Claim(
        digital_source_type=kind if _SOURCE_TYPE.fullmatch(kind) else None,
        system=known.get("Iptc4xmpExt:AISystemUsed"),
        version=known.get("Iptc4xmpExt:AISystemVersionUsed"),
        provider=known.get("photoshop:Credit"),
        created_at=known.get("xmp:ModifyDate") or known.get("stRef:lastModifyDate"),
        output_id=known.get("xmpMM:InstanceID") or known.get("stRef:instanceID"),
        aigc=_label(words.get(qualified("TC260:AIGC"), "")),
    )


def _label(text: str) -> str | None:
    """A label with nothing in it but what the standard names."""
    try:
        given = json.loads(text[:_MAX_LABEL])
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, dict):
        return None
    label = {
        name: _short(str(given[name])) for name in _LABEL_FIELDS if isinstance(given.get(name), str | int)
    }
    return json.dumps(label, ensure_ascii=False) if label else None


def _short(text: str) -> str:
    return _NOT_PRINTED.sub("", text).strip()[:_MAX_TEXT]
