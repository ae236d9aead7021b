"""The mark must survive in every format, well-formed whatever its texts hold."""

import io
import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.marks.provenance import Mark, metadata_tags, xmp_packet
from pipeline.marks.vocabulary import DIGITAL_SOURCE_TYPE
from pipeline.media.pictures.encode import OutputFormat, encode
from tests.support.pictures import scene

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
XMP = "{http://ns.adobe.com/xap/1.0/}"
XMP_MM = "{http://ns.adobe.com/xap/1.0/mm/}"
IPTC_EXT = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
EVENT = "{http://ns.adobe.com/xap/1.0/sType/ResourceEvent#}"
TC260 = "{http://www.tc260.org.cn/ns/AIGC/1.0/}"

MARK = Mark(
    output_id="01JD-a1",
    provider='Ünder & <Über> "Co"',
    system="swapdrop",
    version="1.2.3",
    created_at=datetime(2026, 3, 1, 13, 5, 6, tzinfo=timezone(timedelta(hours=2))),
)


def texts(packet: bytes) -> dict[str | None, str | None]:
    """Every leaf of a packet by its qualified name."""
    root = ET.fromstring(packet)  # noqa: S314 -- our own packet
    return {leaf.tag: leaf.text for leaf in root.iter() if len(leaf) == 0}


@pytest.mark.parametrize("to", ["jpeg", "png", "webp", "avif"])
def test_every_format_carries_the_mark_as_it_was_written(to: OutputFormat) -> None:
    packet = xmp_packet(MARK)
    encoded = encode(scene(32, 24), None, to=to, quality=80, xmp=packet)
    with Image.open(io.BytesIO(encoded.data)) as image:
        image.load()
        assert image.info["xmp"] == packet


def test_the_mark_says_what_made_the_picture_and_when() -> None:
    found = texts(xmp_packet(MARK))
    assert found[IPTC_EXT + "DigitalSourceType"] == DIGITAL_SOURCE_TYPE
    assert found[IPTC_EXT + "AISystemUsed"] == "swapdrop"
    assert found[IPTC_EXT + "AISystemVersionUsed"] == "1.2.3"
    assert found[PHOTOSHOP + "Credit"] == MARK.provider
    assert found[XMP + "CreatorTool"] == "swapdrop 1.2.3"
    assert found[XMP + "ModifyDate"] == found[EVENT + "when"] == "2026-03-01T11:05:06Z"
    assert found[XMP_MM + "InstanceID"] == found[EVENT + "instanceID"] == MARK.output_id
    assert found[EVENT + "action"] == "edited"


def test_the_aigc_label_is_json_with_the_same_id() -> None:
    label = json.loads(texts(xmp_packet(MARK))[TC260 + "AIGC"] or "")
    assert label == {"Label": "1", "ContentProducer": MARK.provider, "ProduceID": MARK.output_id}


def test_the_tags_of_a_video_say_the_same_as_its_packet() -> None:
    found, tags = texts(xmp_packet(MARK)), metadata_tags(MARK)
    for name in ("DigitalSourceType", "AISystemUsed", "AISystemVersionUsed"):
        assert tags[name] == found[IPTC_EXT + name]
    assert tags["Credit"] == found[PHOTOSHOP + "Credit"]
    assert tags["AIGC"] == found[TC260 + "AIGC"]
    assert tags["InstanceID"] == found[XMP_MM + "InstanceID"]
    assert tags["ModifyDate"] == found[XMP + "ModifyDate"]
    assert "swapdrop 1.2.3" in tags["comment"]


ALLOWED = st.text(
    st.one_of(
        st.characters(min_codepoint=0x20, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"),
        st.sampled_from("\t\n\"'<>&"),
    )
)


@given(output_id=ALLOWED, provider=ALLOWED, system=ALLOWED, version=ALLOWED)
def test_no_text_breaks_the_packet(output_id: str, provider: str, system: str, version: str) -> None:
    mark = Mark(
        output_id=output_id,
        provider=provider,
        system=system,
        version=version,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    found = texts(xmp_packet(mark))
    assert (found[PHOTOSHOP + "Credit"] or "") == provider
    assert json.loads(found[TC260 + "AIGC"] or "")["ProduceID"] == output_id


@pytest.mark.parametrize("text", ["\0", "a\x1bb", "\ufffe", "\ud800"])
def test_a_text_that_xml_cannot_carry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="XML"):
        Mark(output_id=text, provider="p", system="s", version="v", created_at=datetime.now(UTC))


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        Mark(output_id="i", provider="p", system="s", version="v", created_at=datetime(2026, 1, 1))  # noqa: DTZ001 -- the point
