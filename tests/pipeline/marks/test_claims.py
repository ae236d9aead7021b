"""What strangers write of their files is read in every spelling, harms nobody, and is not all passed on."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.marks.claims import MAX_EARLIER, MAX_PACKET_BYTES, Claim, carried, read_packet, read_tags
from pipeline.marks.provenance import Mark, has_id, is_marked, metadata_tags, xmp_packet
from pipeline.marks.vocabulary import DIGITAL_SOURCE_TYPE, DIGITAL_SOURCE_TYPES, NAMESPACES

MADE = f"{DIGITAL_SOURCE_TYPES}trainedAlgorithmicMedia"
TAKEN = f"{DIGITAL_SOURCE_TYPES}digitalCapture"
GENERATED = Claim(
    digital_source_type=MADE,
    system="Generator",
    version="3",
    provider="Pictures & <Co>",
    created_at="2025-12-24T10:00:00Z",
    output_id="xmp.iid:7",
    aigc='{"Label": "1", "ContentProducer": "Pictures"}',
)
MARK = Mark(
    output_id="a1",
    provider="Somebody",
    system="swapdrop",
    version="1.2.3",
    created_at=datetime(2026, 3, 1, 13, 5, 6, tzinfo=UTC),
)
_ALTERNATIVES = (
    f"<Iptc4xmpExt:DigitalSourceType><rdf:Alt><rdf:li xml:lang='x-default'>{MADE}</rdf:li></rdf:Alt>"
    "</Iptc4xmpExt:DigitalSourceType>"
)
_SPACES = " ".join(f'xmlns:{name}="{uri}"' for name, uri in NAMESPACES.items())


def packet(description: str, before: str = "") -> bytes:
    """A packet as others write it."""
    rdf = f"<rdf:RDF {_SPACES}>{description}</rdf:RDF>"
    return f"{before}<x:xmpmeta xmlns:x='adobe:ns:meta/'>{rdf}</x:xmpmeta>".encode()


def test_what_a_mark_says_is_read_as_it_was_written() -> None:
    claim = read_packet(xmp_packet(replace(MARK, earlier=(GENERATED,))))
    assert claim == Claim(
        digital_source_type=DIGITAL_SOURCE_TYPE,
        system="swapdrop",
        version="1.2.3",
        provider="Somebody",
        created_at="2026-03-01T13:05:06Z",
        output_id="a1",
        aigc='{"Label": "1", "ContentProducer": "Somebody", "ProduceID": "a1"}',
        earlier=(GENERATED,),
    )


def test_the_id_of_a_watermark_is_read_from_packet_and_tags_and_nothing_else_passes_for_one() -> None:
    marked = replace(MARK, watermark="9b04e67f")
    for claim in (read_packet(xmp_packet(marked)), read_tags(metadata_tags(marked))):
        assert claim is not None
        assert claim.watermark == "9b04e67f"
    for aigc in (None, "{}", '{"ReservedCode1": "9b04e67f"}', '{"ReservedCode1": "watermark 9B04"}'):
        assert Claim(aigc=aigc).watermark is None


def test_the_tags_of_a_video_are_read_in_any_case_as_its_packet_is() -> None:
    tags = {name.upper(): text for name, text in metadata_tags(MARK).items()}
    assert read_tags(tags) == read_packet(xmp_packet(MARK))
    assert read_tags({"comment": "a film", "Credit": "Anna"}) is None


@pytest.mark.parametrize(
    "description",
    [
        f"<rdf:Description Iptc4xmpExt:DigitalSourceType='{MADE}'/>",
        f"<rdf:Description><Iptc4xmpExt:DigitalSourceType rdf:resource='{MADE}'/></rdf:Description>",
        f"<rdf:Description xmp:Rating='5'/><rdf:Description Iptc4xmpExt:DigitalSourceType='{MADE}'/>",
        f"<rdf:Description>{_ALTERNATIVES}</rdf:Description>",
    ],
    ids=["attribute", "resource", "second-description", "alternatives"],
)
def test_every_spelling_of_a_property_is_read(description: str) -> None:
    assert read_packet(packet(description)) == Claim(digital_source_type=MADE)


def test_ingredients_that_others_name_within_descriptions_are_read() -> None:
    item = "<rdf:li><rdf:Description stRef:instanceID='i' Iptc4xmpExt:AISystemUsed='Other'/></rdf:li>"
    bag = f"<xmpMM:Ingredients><rdf:Bag>{item}</rdf:Bag></xmpMM:Ingredients>"
    claim = read_packet(packet(f"<rdf:Description>{bag}</rdf:Description>"))
    assert claim == Claim(earlier=(Claim(output_id="i", system="Other"),))


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"<not xml",
        b"\xff\xfe<\0x\0",
        packet("<rdf:Description/>"),
        packet("<rdf:Description xmp:ModifyDate='2020' photoshop:Credit='Anna'/>"),
        packet(
            "<rdf:Description Iptc4xmpExt:AISystemUsed='&b;'/>",
            '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>',
        ),
        packet("<rdf:Description Iptc4xmpExt:AISystemUsed='" + "x" * MAX_PACKET_BYTES + "'/>"),
        packet("<rdf:Description>" + "<a>" * 30_000 + "</a>" * 30_000 + "</rdf:Description>"),
        packet("<rdf:Description TC260:AIGC='" + "[" * 4000 + "'/>"),
    ],
    ids=["empty", "broken", "utf-16", "no-mark", "photograph", "entities", "huge", "deep", "deep-json"],
)
def test_a_packet_that_says_nothing_or_is_a_trap_is_no_mark(hostile: bytes) -> None:
    assert read_packet(hostile) is None


def test_texts_of_strangers_become_short_and_printable() -> None:
    words = (
        "Iptc4xmpExt:DigitalSourceType='http://evil.example/x' Iptc4xmpExt:AISystemUsed='a&#10;b" + "c" * 999
    )
    claim = read_packet(packet(f"<rdf:Description {words}'/>"))
    assert claim is not None
    assert claim.digital_source_type is None
    assert claim.system is not None
    assert claim.system.startswith("ab")
    assert len(claim.system) == 300


def test_a_label_is_carried_without_what_no_standard_names() -> None:
    given = json.dumps({"Label": 1, "ProduceID": "p", "Name": "Anna", "ReservedCode1": {"deep": 1}})
    claim = read_packet(packet(f"<rdf:Description><TC260:AIGC>{given}</TC260:AIGC></rdf:Description>"))
    assert claim == Claim(aigc='{"Label": "1", "ProduceID": "p"}')


def test_of_a_photograph_only_its_type_is_passed_on() -> None:
    photograph = Claim(digital_source_type=TAKEN, provider="Anna", created_at="2020", output_id="camera-7")
    assert carried([photograph, Claim(provider="Ben")]) == (Claim(digital_source_type=TAKEN),)


def test_marks_of_inputs_and_of_theirs_are_passed_on_flat_each_once_and_not_without_end() -> None:
    first = Claim(system="first", output_id="1")
    second = Claim(system="second", output_id="2", earlier=(first,))
    assert carried([second, first]) == (replace(second, earlier=()), first)
    many = carried(Claim(system=str(number)) for number in range(99))
    assert [claim.system for claim in many] == [str(number) for number in range(MAX_EARLIER)]


def test_the_longest_marks_still_fit_where_a_jpeg_keeps_them() -> None:
    text = "\N{CJK UNIFIED IDEOGRAPH-6211}" * 300
    longest = tuple(
        replace(GENERATED, provider=text, system=text, version=f"{n:02}{text[2:]}") for n in range(16)
    )
    written = xmp_packet(replace(MARK, earlier=longest))
    assert len(written) < 65_502
    claim = read_packet(written)
    assert claim is not None
    assert claim.output_id == "a1"
    assert claim.earlier == longest[: len(claim.earlier)] != ()


def test_a_result_is_known_by_its_own_id_and_not_by_that_of_what_it_was_made_of() -> None:
    before = Claim(system="swapdrop", output_id="before")
    written = xmp_packet(replace(MARK, earlier=(before,)))
    assert has_id(written, "a1")
    assert not has_id(written, "before")
    assert is_marked(written, "swapdrop")
