"""H.264 whose every field is a picture of its own, as broadcasters send it and no encoder at hand writes it.

Nothing is predicted or packed: all macroblocks are I_PCM (ITU-T H.264, 7.3.5).
"""

from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np

from pipeline.face import Bgr
from tests.support.clips.frames import picture

_SIZE: Final = (160, 96)
_TICKS: Final = 3600  # of a frame, at 25 a second
_GROUP: Final = 12
_DELIMITER: Final = b"\0\0\0\1\x09\x10"


class _Bits:
    def __init__(self) -> None:
        self._bits = ""

    def fixed(self, value: int, count: int = 1) -> "_Bits":
        self._bits += f"{value:0{count}b}"
        return self

    def golomb(self, *values: int) -> "_Bits":
        for value in values:
            code = f"{value + 1:b}"
            self._bits += "0" * (len(code) - 1) + code
        return self

    def aligned(self) -> bytes:
        bits = self._bits + "0" * (-len(self._bits) % 8)
        return int("1" + bits, 2).to_bytes(len(bits) // 8 + 1, "big")[1:]

    def ended(self) -> bytes:
        return self.fixed(1).aligned()


def fielded(path: Path, *, count: int = 40, stamps_each: bool) -> Path:
    """Write a transport stream in which frames have times, or each of their fields has; returns `path`."""
    packets = [packet for number in range(count) for packet in _frame(number, stamps_each=stamps_each)]
    raw = path.with_suffix(".h264")
    raw.write_bytes(b"".join(data for data, _ in packets))
    with av.open(str(raw)) as into, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(into.streams.video[0], opaque=True)
        for data, time in packets:
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, 90000)
            packet.pts = packet.dts = time
            out.mux(packet)
    return path


def _frame(number: int, *, stamps_each: bool) -> list[tuple[bytes, int]]:
    image = av.VideoFrame.from_ndarray(picture(number, *_SIZE), format="bgr24").reformat(format="yuv420p")
    planes = [
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)[:, : plane.width].clip(1, 254)
        for plane in image.planes
    ]
    top, bottom = (_field(number, parity, [plane[parity::2] for plane in planes]) for parity in (0, 1))
    head = _parameters() if number % _GROUP == 0 else b""
    first, second = _DELIMITER + head + top, _DELIMITER + bottom
    at = 90000 + number * _TICKS
    return [(first, at), (second, at + _TICKS // 2)] if stamps_each else [(first + second, at)]


def _parameters() -> bytes:
    """Of the main profile, 25 frames a second, none of which has to be a whole one."""
    sequence = _Bits().fixed(77, 8).fixed(0, 8).fixed(40, 8).golomb(0, 0, 0, 4, 1).fixed(0)
    sequence.golomb(_SIZE[0] // 16 - 1, _SIZE[1] // 32 - 1).fixed(0, 2).fixed(1).fixed(0)
    sequence.fixed(1).fixed(0, 4).fixed(1).fixed(1, 32).fixed(50, 32).fixed(1).fixed(0, 4)
    picture_set = _Bits().golomb(0, 0).fixed(0, 2).golomb(0, 0, 0).fixed(0, 3).golomb(0, 0, 0).fixed(0, 3)
    return _unit(0x67, sequence.ended()) + _unit(0x68, picture_set.ended())


def _field(number: int, parity: int, planes: list[Bgr]) -> bytes:
    place = number % _GROUP
    is_key = place == parity == 0
    head = _Bits().golomb(0, 7, 0).fixed(place, 4).fixed(1).fixed(parity)
    if is_key:
        head.golomb(number // _GROUP % 2)
    head.fixed(2 * place + parity, 8).fixed(0, 2 if is_key else 1).golomb(0)
    body = b""
    for row in range(planes[0].shape[0] // 16):
        for column in range(planes[0].shape[1] // 16):
            body += head.golomb(25).aligned()
            for plane, side in zip(planes, (16, 8, 8), strict=True):
                body += plane[row * side :, column * side :][:side, :side].tobytes()
            head = _Bits()
    return _unit(0x65 if is_key else 0x61, body + _Bits().ended())


def _unit(kind: int, body: bytes) -> bytes:
    """A NAL unit; no three bytes in it may look like a start code."""
    safe = bytearray()
    for byte in body:
        if byte <= 3 and safe[-2:] == b"\0\0":
            safe.append(3)
        safe.append(byte)
    return b"\0\0\0\1" + bytes([kind]) + bytes(safe)
