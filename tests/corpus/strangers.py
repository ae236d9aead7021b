"""Files that are no pictures, whatever they are called, and pictures that are something else as well."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterator

from tests.corpus.bmp_files import as_icon
from tests.corpus.item import CORRUPT, UNSUPPORTED, Odd, refused, sound
from tests.support.pictures import save, scene, to_image

_SIZE = (30, 20)
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>1</script></svg>'
_ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "&%c;&%c;&%c;&%c;">' % (98 + n, *([97 + n] * 4)) for n in range(20))
    + b"]><x>&u;</x>"
)


def strangers() -> Iterator[Odd]:
    """Each is refused as what it is, or read where it is a sound picture before all else."""
    yield refused("empty", b"", CORRUPT)
    for value in (0x00, 0x42, 0x47, 0x49, 0x52, 0x89, 0xFF):
        yield refused(f"one-byte-{value:02x}", bytes((value,)), CORRUPT, UNSUPPORTED)
    for name, data in others().items():
        yield refused(name, data, UNSUPPORTED)
    yield from _polyglots()


def others() -> dict[str, bytes]:
    """What is neither a picture nor, whatever it begins like, a video that could be read."""
    return {
        "zeros": bytes(5000),
        "ones": b"\xff" * 5000,
        "text": b"This is not a picture.\n" * 100,
        "html": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
        "html-behind-a-mark": b"\xef\xbb\xbf\n\n  <html>",
        "svg": _SVG,
        "svg-with-entities": _ENTITIES,
        "xml-error": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
        "json": json.dumps({"error": "not found"}).encode(),
        "pdf": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF",
        "zip": _zip(),
        "gzip": gzip.compress(bytes(10 << 20)),
        "mp4": b"\0\0\0\x18ftypisom\0\0\0\0isomiso2" + bytes(500),
        "mov": b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + bytes(500),
        "webm": b"\x1a\x45\xdf\xa3" + b"webm" + bytes(100),
        "psd": b"8BPS\0\1" + bytes(100),
        "jxl": b"\xff\x0a" + bytes(100),
        "jp2": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100),
        "ico": as_icon(to_image(scene(*_SIZE))),
        "elf": b"\x7fELF" + bytes(100),
        "script": b"#!/bin/sh\necho hello\n",
        "ppm": b"P6 2 2 255\n" + bytes(12),
        "tga": save(to_image(scene(*_SIZE)), "TGA"),
        "base64": b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ" * 4,
        "data-url": b"data:image/png;base64,iVBORw0KGgo=",
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    }


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("face.png", bytes(50 << 20))
    return buffer.getvalue()


def _polyglots() -> Iterator[Odd]:
    picture = to_image(scene(*_SIZE))
    for form in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"):
        data = save(picture, form)
        yield sound(f"{form.lower()}-and-zip", data + _zip(), _SIZE)
        yield sound(f"{form.lower()}-and-html", data + b"<script>alert(1)</script>", _SIZE)
        yield sound(f"{form.lower()}-and-php", data + b"<?php system('id'); ?>", _SIZE)
        yield refused(f"html-and-{form.lower()}", b"<html>" + data, UNSUPPORTED)
        yield refused(f"pdf-and-{form.lower()}", b"%PDF-1.4\n" + data, UNSUPPORTED)
    gif_script = save(picture, "GIF").replace(b"GIF89a", b"GIF89a", 1) + b"/*=1;alert(1)//"
    yield sound("gif-script", gif_script, _SIZE)
