"""The words that marks are written in, which are those of published standards."""

from typing import Final

DIGITAL_SOURCE_TYPES: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
"""What all of IPTC's NewsCodes of this kind begin with."""
DIGITAL_SOURCE_TYPE: Final = f"{DIGITAL_SOURCE_TYPES}compositeWithTrainedAlgorithmicMedia"
"""IPTC NewsCodes: a composite of captured and model-made elements, which a swapped face is."""

WATERMARK: Final = "watermark "
"""What stands before a watermark's id in the `ReservedCode1` of an AIGC label."""

# XMP specification parts 1 and 2 (ISO 16684), IPTC Photo Metadata 2025.1, GB 45438-2025.
NAMESPACES: Final = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
    "stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "TC260": "http://www.tc260.org.cn/ns/AIGC/1.0/",
}


def qualified(name: str) -> str:
    """A name such as `xmp:ModifyDate` as XML parsers tell it, with its namespace in full."""
    prefix, _, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"
