"""What a file really is, by its first bytes and never by its name."""

from dataclasses import dataclass
from typing import Literal

MediaKind = Literal["picture", "video", "other"]

SNIFF_BYTES = 400
"""How many first bytes `sniff` looks at; more never changes its answer."""

_HEADER = 64
"""All but transport streams are told by so many: what stands further on may be anything."""
_TS_PACKET = 188
"""Bytes of a packet of an MPEG transport stream (ISO/IEC 13818-1), each of which begins with `_TS_SYNC`."""
_TS_SYNC = 0x47
_TS_STAMP = 4
"""Bytes before each packet of a transport stream as cameras and discs write it (M2TS)."""

_FTYP_HEADER = 16  # box size, "ftyp", major brand, minor version
_FTYP_BRANDS = {
    b"avif": "avif",
    b"avis": "avif",
    b"heic": "heic",
    b"heix": "heic",
    b"heim": "heic",
    b"heis": "heic",
    b"hevc": "heic",
    b"hevx": "heic",
    b"qt  ": "mov",
    b"3gp4": "3gp",
    b"3gp5": "3gp",
    b"3gp6": "3gp",
    b"3gp7": "3gp",
    b"3g2a": "3gp",
    b"3g2b": "3gp",
    b"3g2c": "3gp",
    b"crx ": "raw",
    b"jxl ": "jxl",
    b"M4A ": "audio",
    b"M4B ": "audio",
}
_PICTURE_CONTAINER_BRANDS = (b"mif1", b"mif2", b"msf1", b"miaf")
_BMP_HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)


@dataclass(frozen=True, kw_only=True)
class MediaType:
    """A media type this project can tell apart.

    Attributes:
        name: short stable name, such as `jpeg` or `mp4`; `unknown` where nothing matched.
        content_type: what to store as the object's content type.
        extension: file name extension without the dot.
        kind: `picture` for what `decode` reads, `video`, or `other` for all the rest.
        label: how to call such a file in a sentence, with its article.
    """

    name: str
    content_type: str
    extension: str
    kind: MediaKind
    label: str


def _media(name: str, content_type: str, extension: str, kind: MediaKind, label: str) -> MediaType:
    return MediaType(name=name, content_type=content_type, extension=extension, kind=kind, label=label)


MEDIA_TYPES = {
    media.name: media
    for media in (
        _media("jpeg", "image/jpeg", "jpg", "picture", "a JPEG picture"),
        _media("png", "image/png", "png", "picture", "a PNG picture"),
        _media("webp", "image/webp", "webp", "picture", "a WebP picture"),
        _media("gif", "image/gif", "gif", "picture", "a GIF picture"),
        _media("bmp", "image/bmp", "bmp", "picture", "a BMP picture"),
        _media("tiff", "image/tiff", "tiff", "picture", "a TIFF picture"),
        _media("avif", "image/avif", "avif", "picture", "an AVIF picture"),
        _media("heic", "image/heic", "heic", "picture", "a HEIC picture"),
        _media("mp4", "video/mp4", "mp4", "video", "an MP4 video"),
        _media("mov", "video/quicktime", "mov", "video", "a QuickTime video"),
        _media("3gp", "video/3gpp", "3gp", "video", "a 3GPP video"),
        _media("webm", "video/webm", "webm", "video", "a WebM video"),
        _media("mkv", "video/x-matroska", "mkv", "video", "a Matroska video"),
        _media("avi", "video/x-msvideo", "avi", "video", "an AVI video"),
        _media("mpeg", "video/mpeg", "mpg", "video", "an MPEG video"),
        _media("mpegts", "video/mp2t", "ts", "video", "an MPEG transport stream"),
        _media("wmv", "video/x-ms-wmv", "wmv", "video", "a Windows Media video"),
        _media("flv", "video/x-flv", "flv", "video", "a Flash video"),
        _media("ogg", "application/ogg", "ogg", "video", "an Ogg file"),
        _media("html", "text/html", "html", "other", "a web page (HTML)"),
        _media("svg", "image/svg+xml", "svg", "other", "an SVG drawing"),
        _media("xml", "application/xml", "xml", "other", "an XML document"),
        _media("json", "application/json", "json", "other", "a JSON document"),
        _media("pdf", "application/pdf", "pdf", "other", "a PDF document"),
        _media("zip", "application/zip", "zip", "other", "a ZIP archive"),
        _media("gzip", "application/gzip", "gz", "other", "a gzip archive"),
        _media("rar", "application/vnd.rar", "rar", "other", "a RAR archive"),
        _media("7z", "application/x-7z-compressed", "7z", "other", "a 7-Zip archive"),
        _media("psd", "image/vnd.adobe.photoshop", "psd", "other", "a Photoshop document"),
        _media("jp2", "image/jp2", "jp2", "other", "a JPEG 2000 picture"),
        _media("jxl", "image/jxl", "jxl", "other", "a JPEG XL picture"),
        _media("ico", "image/vnd.microsoft.icon", "ico", "other", "a Windows icon"),
        _media("raw", "image/x-raw", "raw", "other", "a camera raw picture"),
        _media("audio", "audio/mpeg", "mp3", "other", "a sound file"),
        _media("executable", "application/octet-stream", "bin", "other", "a program"),
        _media("unknown", "application/octet-stream", "bin", "other", "of a type this service does not know"),
    )
}
"""Every media type `sniff` can answer, by name."""

_PREFIXES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0\x10\0\0\0CR", "raw"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0\x08\0\0\0", "tiff"),
    (b"MM\0+\0\x08\0\0", "tiff"),
    (b"FUJIFILMCCD-RAW", "raw"),
    (b"IIU\0", "raw"),
    (b"\0\0\x01\xba", "mpeg"),
    (b"\0\0\x01\xb3", "mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wmv"),
    (b"FLV\x01", "flv"),
    (b"OggS", "ogg"),
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"Rar!\x1a\x07", "rar"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"8BPS", "psd"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x4f\xff\x51", "jp2"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
    (b"\xff\x0a", "jxl"),
    (b"\0\0\x01\0", "ico"),
    (b"ID3", "audio"),
    (b"\xff\xfb", "audio"),
    (b"fLaC", "audio"),
    (b"\x7fELF", "executable"),
    (b"MZ", "executable"),
)

_TEXT_PREFIXES: tuple[tuple[bytes, str], ...] = (
    (b"<!doctype html", "html"),
    (b"<html", "html"),
    (b"<head", "html"),
    (b"<body", "html"),
    (b"<!--", "html"),
    (b"<svg", "svg"),
    (b"<?xml", "xml"),
    (b"<error", "xml"),
    (b'{"', "json"),
    (b"{\n", "json"),
    (b"{ ", "json"),
    (b"{}", "json"),
)


def sniff(data: bytes) -> MediaType:
    """Tell what a file is from its first `SNIFF_BYTES` bytes; `unknown` where nothing matches."""
    beginning = bytes(data[:SNIFF_BYTES])
    head = beginning[:_HEADER]
    for test in (_prefix, _riff, _iso_media, _matroska, _bmp, _text):
        name = test(head)
        if name is not None:
            return MEDIA_TYPES[name]
    return MEDIA_TYPES["mpegts" if _is_transport_stream(beginning) else "unknown"]


def _prefix(head: bytes) -> str | None:
    return next((name for prefix, name in _PREFIXES if head.startswith(prefix)), None)


def _riff(head: bytes) -> str | None:
    if head[:4] != b"RIFF":
        return None
    return {b"WEBP": "webp", b"AVI ": "avi", b"WAVE": "audio"}.get(head[8:12])


def _iso_media(head: bytes) -> str | None:
    """MP4 and its relatives: the box type at byte 4, then the brands (ISO/IEC 14496-12, 23008-12)."""
    box = head[4:8]
    if box != b"ftyp":
        # QuickTime files older than the ftyp box start with one of these.
        return "mov" if box in (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot") else None
    if len(head) < _FTYP_HEADER:
        return None
    end = max(_FTYP_HEADER, int.from_bytes(head[:4], "big"))
    major = head[8:12]
    if major in _FTYP_BRANDS:
        return _FTYP_BRANDS[major]
    compatible = {head[at : at + 4] for at in range(_FTYP_HEADER, min(end, len(head)), 4)}
    for name in ("avif", "heic"):
        if any(_FTYP_BRANDS.get(brand) == name for brand in compatible):
            return name
    return "heic" if major in _PICTURE_CONTAINER_BRANDS else "mp4"


def _matroska(head: bytes) -> str | None:
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    return "webm" if b"webm" in head else "mkv"


def _is_transport_stream(beginning: bytes) -> bool:
    """Whether three packets follow one another, without or with a time stamp before each."""
    return any(
        len(sync) == 3 and set(sync) == {_TS_SYNC}  # noqa: PLR2004 -- as many as the first bytes can hold
        for sync in (beginning[::_TS_PACKET], beginning[_TS_STAMP :: _TS_STAMP + _TS_PACKET])
    )


def _bmp(head: bytes) -> str | None:
    known = int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES
    return "bmp" if head.startswith(b"BM") and known else None


def _text(head: bytes) -> str | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return next((name for prefix, name in _TEXT_PREFIXES if text.startswith(prefix)), None)
