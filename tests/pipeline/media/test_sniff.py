"""The first bytes tell what a file is."""

import pytest

from pipeline.media.sniff import SNIFF_BYTES, sniff
from tests.support.pictures import every_format, scene

EBML = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82"

FOREIGN = {
    "mp4": b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41",
    "mov": b"\0\0\0\x14ftypqt  \0\0\0\0qt  ",
    "webm": EBML + b"\x84webm",
    "mkv": EBML + b"\x88matroska",
    "avi": b"RIFF\x24\0\0\0AVI LIST",
    "mpeg": b"\0\0\x01\xba\x44",
    "3gp": b"\0\0\0\x18ftyp3gp4\0\0\2\0isomiso23gp4",
    "mpegts": (b"\x47\x40\x11\x10" + bytes(184)) * 3,
    "flv": b"FLV\x01\x05",
    "wmv": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    "html": b"\xef\xbb\xbf\n  <!DOCTYPE HTML><html><body>404",
    "xml": b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>',
    "json": b'{"error": "not found"}',
    "pdf": b"%PDF-1.7\n",
    "zip": b"PK\x03\x04\x14\0",
    "jxl": b"\0\0\0\x0cJXL \r\n\x87\n",
    "psd": b"8BPS\0\x01",
    "audio": b"ID3\x04\0",
    "unknown": b"hello",
}

VIDEOS = ("mp4", "mov", "3gp", "webm", "mkv", "avi", "mpeg", "mpegts", "flv", "wmv")


@pytest.mark.parametrize("flavour", every_format(scene(16, 16)).items(), ids=lambda flavour: flavour[0])
def test_a_picture_is_told_by_its_first_bytes_alone(flavour: tuple[str, bytes]) -> None:
    name, data = flavour
    media = sniff(data[:SNIFF_BYTES])
    assert (media.name, media.kind) == (name.partition("-")[0], "picture")
    assert media == sniff(data)


@pytest.mark.parametrize(("name", "data"), FOREIGN.items(), ids=FOREIGN)
def test_what_is_no_picture_is_named(name: str, data: bytes) -> None:
    media = sniff(data)
    assert media.name == name
    assert media.kind == ("video" if name in VIDEOS else "other")


@pytest.mark.parametrize(
    ("brands", "name"),
    [
        (b"mif1\0\0\0\0mif1heic", "heic"),
        (b"mif1\0\0\0\0mif1avifmiaf", "avif"),
        (b"avis\0\0\0\0avisavif", "avif"),
        (b"heix\0\0\0\0mif1heix", "heic"),
        (b"isom\0\0\0\0isomavc1", "mp4"),
    ],
)
def test_a_picture_in_a_video_container_is_told_by_its_brands(brands: bytes, name: str) -> None:
    box = (8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands
    assert sniff(box + b"\0\0\0\x08free").name == name


@pytest.mark.parametrize("data", [b"", b"\xff", b"BM", b"BMW is a car", b"RIFF", b"\0\0\0\x20ftyp"])
def test_too_little_to_tell_is_unknown_rather_than_guessed(data: bytes) -> None:
    assert sniff(data).name == "unknown"


def test_a_transport_stream_with_a_time_stamp_before_each_packet_is_one_too() -> None:
    assert sniff((bytes(4) + b"\x47\x40\x11\x10" + bytes(184)) * 3).name == "mpegts"


def test_a_letter_g_where_a_packet_would_begin_is_no_transport_stream() -> None:
    assert sniff(b"G" + bytes(187) + b"G" + bytes(187) + b"H" + bytes(187)).name == "unknown"
    assert sniff(b"G" + bytes(187) + b"G").name == "unknown"


def test_a_word_far_behind_the_header_makes_no_webm() -> None:
    assert sniff(EBML + b"\x88matroska" + bytes(60) + b"webm").name == "mkv"
