"""Colour spaces that a file describes by numbers, made ICC profiles, so that one way leads to sRGB."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.face import Notice

Primaries = tuple[float, ...]
"""x and y of red, green, blue and white (CIE 1931)."""

_D65: Final = (0.3127, 0.3290)
_SRGB: Final[Primaries] = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *_D65)
# By the numbers of ITU-T H.273, table 2, without those of film and of plain XYZ; 2 stands for unspecified.
_PRIMARIES: Final[Mapping[int, Primaries]] = {
    1: _SRGB,
    2: _SRGB,
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, *_D65),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),
}
# H.273, table 3: exponents. The tones of video (1, 6, 14, 15) are shown as those of sRGB (13) are.
_EXPONENTS: Final[Mapping[int, float | None]] = {
    **dict.fromkeys((1, 2, 6, 13, 14, 15)),
    4: 2.2,
    5: 2.8,
    8: 1.0,
}
HDR_TRANSFERS: Final = (16, 18)
"""PQ and HLG, H.273, table 3."""
_USUAL_EXPONENT: Final = 2.2
_SAME_EXPONENT: Final = 0.05
"""libpng's PNG_GAMMA_THRESHOLD_FIXED: what differs less is taken for sRGB."""
_SAME_PRIMARIES: Final = 0.005
_SANE_EXPONENTS: Final = (0.1, 10.0)

_D50_XYZ: Final = (0.9642, 1.0, 0.8249)
_BRADFORD: Final = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
# IEC 61966-2-1 as a parametric curve of type 3: exponent, a, b, c, d.
_SRGB_CURVE: Final = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)

HDR_READ_AS_SDR: Final = Notice(
    code="hdr_tones",
    message="The picture has HDR tones (PQ or HLG), which were read as ordinary ones, so it may look pale or "
    "flat; send a standard (SDR) copy for its true colours.",
)
_UNKNOWN: Final = Notice(
    code="colours_not_read",
    message="The picture describes its colours in a way that is not read here, so they were taken for sRGB; "
    "send a copy in sRGB for its true colours.",
)


@dataclass(frozen=True, kw_only=True)
class ColourSpace:
    """An RGB space, sRGB unless said otherwise."""

    #: What light is the value raised to this; None for the curve of sRGB.
    exponent: float | None = None
    primaries: Primaries = _SRGB
    #: What of a file's description could not be heeded.
    notices: tuple[Notice, ...] = ()

    def profile(self, *, grey: bool) -> bytes:
        """An ICC profile for pictures in colour or in grey; empty where it would change nothing."""
        if self.exponent is None and (grey or self.primaries == _SRGB):
            return b""
        curve = _curve(self.exponent)
        if grey:
            return _icc(b"GRAY", {b"wtpt": _xyz(_D50_XYZ), b"kTRC": curve})
        columns = _to_d50(self.primaries).T
        tags = {name + b"XYZ": _xyz(column) for name, column in zip((b"r", b"g", b"b"), columns, strict=True)}
        tags.update({name + b"TRC": curve for name in (b"r", b"g", b"b")})
        return _icc(b"RGB ", {b"wtpt": _xyz(_D50_XYZ), **tags})


def from_cicp(body: bytes) -> ColourSpace:
    """Read a PNG's cICP chunk: the numbers of primaries, tones and matrix, and whether the range is full."""
    if len(body) != 4:  # noqa: PLR2004 -- fixed by the format
        return ColourSpace()
    primaries, transfer, matrix, full_range = body
    if transfer in HDR_TRANSFERS:
        return ColourSpace(notices=(HDR_READ_AS_SDR,))
    if primaries not in _PRIMARIES or transfer not in _EXPONENTS or matrix != 0 or full_range != 1:
        return ColourSpace(notices=(_UNKNOWN,))
    return ColourSpace(exponent=_unusual(_EXPONENTS[transfer]), primaries=_PRIMARIES[primaries])


def from_gamma(gamma: bytes, chromaticities: bytes) -> ColourSpace | None:
    """Read the bodies of a PNG's gAMA and cHRM, either of which may be empty; None where both say nothing."""
    exponent, primaries = None, _SRGB
    if len(gamma) == 4 and (value := int.from_bytes(gamma, "big")):  # noqa: PLR2004 -- fixed by the format
        exponent = 100_000 / value
        if not _SANE_EXPONENTS[0] <= exponent <= _SANE_EXPONENTS[1]:
            return None
    if len(chromaticities) == 32:  # noqa: PLR2004 -- fixed by the format
        white_x, white_y, *rest = (value / 100_000 for value in struct.unpack(">8I", chromaticities))
        given = (*rest, white_x, white_y)
        if np.abs(np.subtract(given, _SRGB)).max() > _SAME_PRIMARIES and _make_sense(given):
            primaries = given
    space = ColourSpace(exponent=_unusual(exponent), primaries=primaries)
    return None if space == ColourSpace() else space


def _unusual(exponent: float | None) -> float | None:
    if exponent is None or abs(exponent / _USUAL_EXPONENT - 1) <= _SAME_EXPONENT:
        return None
    return exponent


def _make_sense(primaries: Primaries) -> bool:
    """Whether three colours span a triangle with the white within."""
    if min(primaries[1::2]) <= 0 or max(primaries) > 1:
        return False
    weights = _white_weights(primaries)
    return weights is not None and bool((weights > 0).all())


def _to_d50(primaries: Primaries) -> NDArray[np.float64]:
    """(3, 3) from linear RGB to XYZ, adapted to D50 by Bradford's method (ICC.1:2022, annex E)."""
    weights = _white_weights(primaries)
    if weights is None:
        raise ValueError("primaries on a line")
    white = _BRADFORD @ _xyz_of(primaries[6:])
    adapt = np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ np.array(_D50_XYZ) / white) @ _BRADFORD
    return np.asarray(adapt @ (_columns(primaries) * weights), np.float64)


def _white_weights(primaries: Primaries) -> NDArray[np.float64] | None:
    """How much of each primary makes white."""
    try:
        return np.asarray(np.linalg.solve(_columns(primaries), _xyz_of(primaries[6:])), np.float64)
    except np.linalg.LinAlgError:
        return None


def _columns(primaries: Primaries) -> NDArray[np.float64]:
    return np.column_stack([_xyz_of(primaries[at : at + 2]) for at in (0, 2, 4)])


def _xyz_of(xy: Sequence[float]) -> NDArray[np.float64]:
    x, y = xy
    return np.array([x / y, 1, (1 - x - y) / y])


def _curve(exponent: float | None) -> bytes:
    """A `para` tag (ICC.1:2022, 10.18)."""
    kind, numbers = (3, _SRGB_CURVE) if exponent is None else (0, (exponent,))
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + b"".join(map(_fixed, numbers))


def _xyz(values: Sequence[float] | NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, values))


def _fixed(value: float) -> bytes:
    """An s15Fixed16Number."""
    return struct.pack(">i", round(value * 65536))


def _icc(space: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    """Put tags together as a monitor's profile (ICC.1:2022, 7)."""
    table, body, at = [struct.pack(">I", len(tags))], list[bytes](), 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table.append(name + struct.pack(">II", at, len(content)))
        body.append(content)
        at += len(content)
    header = b"".join(
        (
            struct.pack(">I", at) + bytes(4) + b"\x04\x30\0\0" + b"mntr" + space + b"XYZ ",
            struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28),
            b"".join(map(_fixed, _D50_XYZ)) + bytes(48),
        )
    )
    return b"".join((header, *table, *body))
