"""How each container of videos carries an XMP packet and tags: written, and read without decoding a frame."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import av

from pipeline.errors import InputError
from pipeline.marks.claims import MAX_PACKET_BYTES, Claim, read_packet, read_tags
from pipeline.media.sniff import MediaType
from pipeline.media.video.boxes import boxes
from pipeline.media.video.container import DEMUXERS, open_input, printable

XMP_TAG: Final = "XMP"
"""The tag of a Matroska or WebM file that holds the packet."""
_XMP_BOX: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""The box of an MP4 or QuickTime file that holds an XMP packet (XMP specification, part 3, 1.2.7)."""
_OF_BOXES: Final = ("mp4", "mov", "3gp")
_MOST_BOXES: Final = 100_000
_MAX_PIXELS: Final = 1
"""Nothing is decoded here."""


def append_xmp(path: Path, packet: bytes) -> None:
    """Put a packet behind all else in an MP4 or QuickTime file; raises OSError."""
    with path.open("ab") as file:
        file.write((24 + len(packet)).to_bytes(4, "big") + b"uuid" + _XMP_BOX + packet)


def video_claim(path: Path, media: MediaType) -> Claim | None:
    """What a video says of its own making; None where it says nothing, or is damaged before it could.

    Args:
        path: the file; no other is opened, whatever it says.
        media: what `sniff` says of it.

    Raises:
        OSError: it cannot be read.
    """
    if media.name not in DEMUXERS:
        return None
    for packet in _packets(path) if media.name in _OF_BOXES else ():
        claim = read_packet(packet)
        if claim is not None:
            return claim
    try:
        with open_input(path, media, max_pixels=_MAX_PIXELS) as container:
            tags = {name: printable(text) for name, text in container.metadata.items()}
    except (InputError, av.FFmpegError):
        return None
    packet = next((text.encode() for name, text in tags.items() if name.upper() == XMP_TAG), b"")
    return read_packet(packet) or read_tags(tags)


def _packets(path: Path) -> Iterator[bytes]:
    """Those of an XMP box, and of QuickTime's own in its user data."""
    with path.open("rb") as file:
        for number, (kind, start, end) in enumerate(boxes(file, 0, file.seek(0, 2))):
            if kind == b"uuid" and end - start <= MAX_PACKET_BYTES:
                file.seek(start)
                if file.read(16) == _XMP_BOX:
                    yield file.read(end - start - 16)
            elif kind == b"XMP_" and end - start <= MAX_PACKET_BYTES:
                file.seek(start)
                yield file.read(end - start)
            if number > _MOST_BOXES:
                return
