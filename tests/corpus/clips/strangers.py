"""Files that are no videos, whatever they are called, and such as would lead to other files or hosts."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from tests.corpus.clips.item import BASE, NO_FACE, OddClip, Shows, clip_of_bytes, sound_clip, written
from tests.corpus.item import CORRUPT, RESULT, TOO_LARGE, UNSUPPORTED
from tests.corpus.strangers import others
from tests.support.animations import in_every_format, walk
from tests.support.clips.make import make
from tests.support.pictures import every_format, texture

_FTYP = b"\0\0\0\x18ftypisom\0\0\0\0isomiso2"
_EBML = (
    bytes.fromhex("1a45dfa3 9f 428681 01 42f781 01 42f281 04 42f381 08 428288") + b"matroska\x42\x87\x81\x04"
)
_AVI = b"RIFF\xff\xff\xff\x7fAVI LIST\x04\0\0\0hdrl"
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_LEADING = {
    "m3u8": b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "m3u8-http": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n#EXT-X-ENDLIST\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    b"a=rtpmap:96 H264/90000\n",
    "concat": b"ffconcat version 1.0\nfile '/etc/passwd'\nfile 'clip.mp4'\n",
    "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"/>',
    "asx": b'<asx version="3.0"><entry><ref href="http://127.0.0.1:1/"/></entry></asx>',
    "ram": b"rtsp://127.0.0.1:1/a.rm\n",
    "pls": b"[playlist]\nFile1=/etc/passwd\nNumberOfEntries=1\n",
    "ffmetadata": b";FFMETADATA1\ntitle=x\n",
    "lavfi": b"color=c=red:s=64x64",
    "y4m": b"YUV4MPEG2 W16 H16 F25:1 Ip A1:1 C420\nFRAME\n" + bytes(384),
    "nut": b"nut/multimedia container\0" + bytes(400),
}


def stranger_clips() -> Iterator[OddClip]:
    """All of them."""
    yield clip_of_bytes("empty", b"", (CORRUPT,))
    for name, data in _LEADING.items():
        yield clip_of_bytes(name, data, (UNSUPPORTED,))
    for name, data in others().items():
        if name not in ("mp4", "mov", "webm"):
            yield clip_of_bytes(f"other-{name}", data, (UNSUPPORTED,))
    for name, data in every_format(texture(48, 32)).items():
        yield clip_of_bytes(f"picture-{name}", data, (UNSUPPORTED,))
    for name, data in in_every_format(walk(3), (50, 50, 50)).items():
        yield clip_of_bytes(f"animation-{name}", data, (UNSUPPORTED,))
    yield clip_of_bytes("animation-avif", _moving_avif(), (UNSUPPORTED,))
    yield from _headers()
    yield from _leading_elsewhere()
    yield from _two_in_one()
    yield replace(sound_clip("detected", BASE), job="detect-faces")


def _moving_avif() -> bytes:
    frames = [Image.fromarray(np.full((32, 48, 3), 40 * n, np.uint8)) for n in range(1, 4)]
    body = io.BytesIO()
    frames[0].save(body, "AVIF", save_all=True, append_images=frames[1:], duration=50, speed=10)
    return body.getvalue()


def _headers() -> Iterator[OddClip]:
    """Beginnings behind which nothing comes, or nothing of use."""
    ends = (CORRUPT, UNSUPPORTED)
    for name, head in {
        "ftyp": _FTYP,
        "ebml": _EBML,
        "riff-avi": _AVI,
        "asf": _ASF,
        "flv": b"FLV\x01\x05\0\0\0\x09\0\0\0\0",
        "mpeg": b"\0\0\x01\xba\x44\0\x04\0\x04\x01\0\0\x03\xf8",
        "mpeg-sequence": b"\0\0\x01\xb3\x07\0\x50\x13\xff\xff\xe0\x18",
        "ts": (b"\x47\x40\0\x10" + b"\xff" * 184) * 4,
        "m2ts": (b"\0\0\0\0\x47\x40\0\x10" + b"\xff" * 184) * 4,
        "moov-first": b"\0\0\0\x08moov",
        "mdat-first": b"\0\0\0\x08mdat",
    }.items():
        yield clip_of_bytes(f"head-{name}", head, ends)
        yield clip_of_bytes(f"head-{name}-zeros", head + bytes(5000), ends)
        noise = np.random.default_rng(len(name)).bytes(20_000)
        yield clip_of_bytes(f"head-{name}-noise", head + noise, (*ends, TOO_LARGE, NO_FACE))
    for size in (0, 1, 7, 0x7FFFFFFF, 0xFFFFFFFF):
        yield clip_of_bytes(f"box-of-{size:x}", _FTYP + size.to_bytes(4, "big") + b"moov" + bytes(400), ends)
    nested = b""
    for _ in range(2000):
        nested = (8 + len(nested)).to_bytes(4, "big") + b"trak" + nested
    yield clip_of_bytes(
        "boxes-in-boxes", _FTYP + (8 + len(nested)).to_bytes(4, "big") + b"moov" + nested, ends
    )


def _leading_elsewhere() -> Iterator[OddClip]:
    """A QuickTime film that says that its pictures lie in another file."""

    def write(folder: Path) -> Path:
        source = make(folder / "whole.mov", replace(BASE, extension="mov", sounds=())).read_bytes()
        alias = b"\0\0\0\x0calis\0\0\0\1"
        named = b"\0\0\0\x0curl \0\0\0\0"
        lying = source.replace(alias, named).replace(b"url \0\0\0\1", b"url \0\0\0\0")
        assert lying != source
        return written(folder / "clip.mov", lying)

    yield OddClip(name="data-elsewhere", write=write)


def _two_in_one() -> Iterator[OddClip]:
    """Videos before, behind or within which something else begins."""
    plays = frozenset((RESULT,))

    def behind(data: bytes) -> OddClip:
        def write(folder: Path) -> Path:
            return written(folder / "clip.mp4", make(folder / "whole.mp4", BASE).read_bytes() + data)

        return OddClip(name="", write=write, ends=plays, shows=Shows(frames=12, sounds=1))

    yield replace(behind(b"PK\x03\x04" + bytes(200)), name="mp4-and-zip")
    yield replace(behind(_LEADING["m3u8-http"]), name="mp4-and-playlist")
    yield replace(behind(bytes(100_000)), name="mp4-and-zeros")

    def before(data: bytes) -> OddClip:
        def write(folder: Path) -> Path:
            return written(folder / "clip.mp4", data + make(folder / "whole.mp4", BASE).read_bytes())

        return OddClip(name="", write=write, ends=frozenset((UNSUPPORTED, CORRUPT)))

    yield replace(before(b"<html>"), name="html-and-mp4")
    yield replace(before(_LEADING["m3u8"]), name="playlist-and-mp4")
    yield replace(before(_EBML), name="ebml-and-mp4")
