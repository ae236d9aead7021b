"""Where numbers lie in the files of containers, to be overwritten by others."""

import struct
from collections.abc import Iterator

_FLV_HEADER = 13
_FLV_TAG = 11
_FLV_VIDEO = 9
_SIMPLE_BLOCK = b"\xa3"
_BESIDE = (b"\xe7", b"\xab", b"\xa7", b"\xec", b"\xbf", b"\xa0")
"""What else there is in a cluster: its time, sizes, filling, a check sum, frames with more to say of them."""


def patched(data: bytes, at: int, form: str, *values: int) -> bytes:
    """Overwrite bytes by packed numbers."""
    return data[:at] + struct.pack(form, *values) + data[at + struct.calcsize(form) :]


def simple_blocks(data: bytes) -> Iterator[int]:
    """Where each frame in the first cluster of a Matroska file has its time: 16 bits."""
    at = data.index(b"\x1f\x43\xb6\x75")
    at += 4
    _, width = _vint(data, at)
    at += width
    while at < len(data):
        kind = data[at : at + 1]
        size, width = _vint(data, at + 1)
        if kind == _SIMPLE_BLOCK:
            yield at + 1 + width + 1
        elif kind not in _BESIDE:
            return
        at += 1 + width + size


def matroska_float(data: bytes, number: int) -> int:
    """Where the 8 bytes of an element lie that holds a float, by the element's number of two bytes."""
    return data.index(struct.pack(">H", number) + b"\x88") + 3


def _vint(data: bytes, at: int) -> tuple[int, int]:
    """A length as Matroska writes it (RFC 8794, 4), and how many bytes it takes."""
    width = 9 - data[at].bit_length()
    whole = int.from_bytes(data[at : at + width], "big")
    return whole & ((1 << 7 * width) - 1), width


def flv_tags(data: bytes) -> Iterator[int]:
    """Where the tags of a Flash video with pictures begin."""
    at = _FLV_HEADER
    while at + _FLV_TAG < len(data):
        if data[at] == _FLV_VIDEO:
            yield at
        at += _FLV_TAG + int.from_bytes(data[at + 1 : at + 4], "big") + 4
