"""ICC profiles made for tests, byte by byte after ICC.1:2001-04 (version 2)."""

import itertools
import struct

import numpy as np
from numpy.typing import NDArray

D50 = (0.9642, 1.0, 0.8249)

# Display P3 primaries (SMPTE EG 432-1, white D65) adapted to D50; columns are red, green, blue.
P3_TO_XYZ = np.array([[0.5151, 0.2920, 0.1571], [0.2412, 0.6922, 0.0666], [-0.0011, 0.0419, 0.7841]])
# sRGB primaries (IEC 61966-2-1) adapted to D50.
SRGB_TO_XYZ = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _gamma(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    head_bytes = 128 + 4 + 12 * len(tags)
    table, body = [], b""
    for name, value in tags.items():
        table.append(name + struct.pack(">II", head_bytes + len(body), len(value)))
        body += value + bytes(-len(value) % 4)
    size = head_bytes + len(body)
    head = struct.pack(">I", size) + bytes(4) + b"\x02\x40\0\0" + kind + space + connection
    head += bytes(12) + b"acsp" + bytes(28) + _fixed(*D50) + bytes(48)
    return head + struct.pack(">I", len(tags)) + b"".join(table) + body


def _common() -> dict[bytes, bytes]:
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78)
    return {
        b"desc": text,
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": b"XYZ " + bytes(4) + _fixed(*D50),
    }


def rgb_profile(primaries: NDArray[np.float64], gamma: float) -> bytes:
    """Build a display profile from a (3, 3) matrix of D50 primaries in columns and one gamma."""
    tags = _common()
    for column, letter in enumerate((b"r", b"g", b"b")):
        tags[letter + b"XYZ"] = b"XYZ " + bytes(4) + _fixed(*primaries[:, column])
        tags[letter + b"TRC"] = _gamma(gamma)
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey_profile(gamma: float) -> bytes:
    """Build a grey display profile with one gamma."""
    return _profile(b"mntr", b"GRAY", b"XYZ ", _common() | {b"kTRC": _gamma(gamma)})


def cmyk_profile(black_lightness: float) -> bytes:
    """Build a print profile whose paper is white, whose inks are neutral and whose black has this L*."""
    corners = b""
    for inks in itertools.product((0, 1), repeat=4):
        lightness = 100 - (100 - black_lightness) * max(inks[3], sum(inks[:3]) / 3)
        corners += bytes((round(lightness * 255 / 100), 128, 128))
    ramp = bytes(range(256))
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    lut += ramp * 4 + corners + ramp * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", _common() | {b"A2B0": lut})
