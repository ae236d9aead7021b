"""What a file reference in a manifest may be: a bucket key, an upload's id, a link, or the bytes themselves.

`parse_reference` is the only way from a sender's text to a key, so no job can read outside its prefixes.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from storage import keys
from storage.errors import InputForbidden, InputTooLarge, InvalidManifest

MAX_KEY_BYTES = 1024  # S3's and R2's own limit
MAX_URL_CHARACTERS = 4096  # presigned links are long; nothing useful is longer
MAX_INLINE_BYTES = 2 * 2**20

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_DATA_URL = re.compile(r"data:[^,]{0,256};base64,", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_MIN_BASE64 = 64  # characters: less cannot hold a picture, but may be a mistyped name
_FILE_ID = re.compile(  # 128 bits as hex, UUID or base64url, with or without an extension
    r"(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[A-Za-z0-9_-]{22})"
    r"(?P<extension>\.[A-Za-z0-9]{1,10})?"
)
# No base64 begins so but by design: a key may have nothing but letters, digits and slashes, too.
_KEY_LIKE = re.compile(r"(?:inbox|uploads|status|cancel|results|scratch|archive|dead-letter|idempotency)/")
_PERCENT_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_SECRETIVE = re.compile(r"[?#@;\\\s]")  # around credentials, query, fragment, parameters
_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})  # Unicode: control, lone surrogate, line, paragraph
_SHOWN_KEY = 200
_SHOWN_OTHER = 64


@dataclass(frozen=True)
class BucketKey:
    """An object below an allowed prefix."""

    key: str


@dataclass(frozen=True)
class UploadId:
    """An upload whose extension the sender did not say: `uploads/<file_id>` or `uploads/<file_id>.*`."""

    file_id: str


@dataclass(frozen=True)
class Url:
    """An `https://` link as it was given; whether it may be read is the URL guard's decision, hop by hop."""

    url: str = field(repr=False)  # its query may hold a signature


@dataclass(frozen=True)
class Inline:
    """A small picture that came inside the manifest, decoded."""

    body: bytes = field(repr=False)


ParsedReference = BucketKey | UploadId | Url | Inline


def parse_reference(
    text: str, *, allowed_prefixes: Sequence[str], job_folder: str | None = None
) -> ParsedReference:
    """Understand a file reference; no key outside of `allowed_prefixes` and `job_folder` ever comes out.

    Of results only those count whose keys cannot be guessed. What lies in the job's own folder is taken to
    the letter: its name was read from a listing. Prefixes and the folder end in `/` (ValueError otherwise).
    Raises InputForbidden for anything this service does not read from, InvalidManifest for damaged base64,
    InputTooLarge above MAX_INLINE_BYTES.
    """
    prefixes = (*allowed_prefixes, *([job_folder] if job_folder is not None else []))
    if not all(prefix.endswith("/") and len(prefix) > 1 for prefix in prefixes):
        raise ValueError(f"prefixes must be folders that end in '/': {prefixes}")
    if scheme := _SCHEME.match(text):
        return _with_scheme(scheme[1].lower(), text)
    if job_folder is not None and text.startswith(job_folder):
        return BucketKey(_checked_key(text))
    if text.startswith(prefixes):
        return BucketKey(_written_key(text))
    if keys.UPLOADS in prefixes and (upload := _FILE_ID.fullmatch(text)):
        return BucketKey(keys.UPLOADS + text) if upload["extension"] else UploadId(text)
    if _is_base64(text):
        return Inline(_decode(text))
    if len(text) > MAX_KEY_BYTES:
        raise InputForbidden(
            f"This is longer than a key may be ({MAX_KEY_BYTES} bytes) and is no valid base64."
        )
    raise InputForbidden(
        "Files are read only from "
        f"{', '.join(prefixes)} in the bucket, from https:// links, or as base64 of a small picture."
    )


def is_key_like(text: str) -> bool:
    """Whether a reference is meant as a key: it begins with a prefix of the bucket and is short enough."""
    return _KEY_LIKE.match(text) is not None and len(text.encode(errors="replace")) <= MAX_KEY_BYTES


def is_link(text: str) -> bool:
    """Whether a reference is a link of any scheme, `data:` among them."""
    return _SCHEME.match(text) is not None


def is_plain_link(text: str) -> bool:
    """Whether a reference is an `https://` link of host and path, without anything that may be a secret."""
    return len(text) <= MAX_KEY_BYTES and text.lower().startswith("https://") and not _SECRETIVE.search(text)


def describe(text: str) -> str:
    """Name a reference as its sender would recognise it.

    A link loses its credentials, parameters, query and fragment; base64 is never repeated; at most 200
    characters.
    """
    scheme = _SCHEME.match(text)
    if (scheme and scheme[1].lower() == "data") or _is_base64(text):
        return "the base64 picture"
    if scheme:
        return _describe_link(text)
    limit = _SHOWN_KEY if _KEY_LIKE.match(text) else _SHOWN_OTHER
    if len(text) > limit and limit == _SHOWN_OTHER:
        return f"a file reference of {len(text)} characters"
    return f"`{_shorten(text, limit)}`"


def _with_scheme(scheme: str, text: str) -> ParsedReference:
    if scheme == "data":
        head = _DATA_URL.match(text)
        if not head:
            raise InvalidManifest("A data: URL must hold base64, as in data:image/png;base64,…")
        return Inline(_decode(text[head.end() :]))
    if scheme != "https":
        raise InputForbidden(f"{scheme}: links are not read; use an https:// link or a key in the bucket.")
    if len(text) > MAX_URL_CHARACTERS:
        raise InputForbidden(f"The link is longer than {MAX_URL_CHARACTERS} characters.")
    if _has_control_characters(text) or any(character.isspace() for character in text):
        raise InputForbidden("The link contains spaces or control characters.")
    return Url(text)


def _written_key(text: str) -> str:
    """A key as a sender may have written it; raises InputForbidden."""
    if "\\" in text:
        raise InputForbidden("The key contains a backslash; folders are separated by `/`.")
    if _PERCENT_ENCODED.search(text):
        raise InputForbidden("The key is percent-encoded; write it as it is in the bucket.")
    if text.startswith(keys.RESULTS) and not keys.is_secret_result(text):
        raise InputForbidden(
            "A result is referred to by the whole key in its job's record, which nobody can guess. Results "
            "of earlier versions have other keys: detect again, or copy the file below uploads/."
        )
    return _checked_key(text)


def _checked_key(text: str) -> str:
    if _has_control_characters(text):
        raise InputForbidden("The key contains control characters.")
    if len(text.encode()) > MAX_KEY_BYTES:
        raise InputForbidden(f"The key is longer than {MAX_KEY_BYTES} bytes.")
    if not {"", ".", ".."}.isdisjoint(text.split("/")):
        raise InputForbidden("The key has an empty, `.` or `..` part; write it in full.")
    return text


def _has_control_characters(text: str) -> bool:
    return any(unicodedata.category(character) in _CONTROL for character in text)


def _is_base64(text: str) -> bool:
    compact = "".join(text.split())
    if _KEY_LIKE.match(compact):
        return False
    return len(compact) >= _MIN_BASE64 and _BASE64.fullmatch(compact) is not None


def _decode(text: str) -> bytes:
    compact = "".join(text.split())
    if len(compact) // 4 * 3 > MAX_INLINE_BYTES + 2:
        raise InputTooLarge(
            f"A picture inside the manifest may have {MAX_INLINE_BYTES // 2**20} MiB; upload larger ones."
        )
    try:
        body = base64.b64decode(compact, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidManifest(
            "This was read as base64 of a picture, and is damaged; encode the picture again. If it was meant "
            "as a key, write the whole of it, as in uploads/…"
        ) from None
    if not body:
        raise InvalidManifest("The base64 is empty.")
    return body


def _describe_link(text: str) -> str:
    scheme, _, rest = text.partition(":")
    if not rest.startswith("//"):
        return f"the {scheme}: link"
    authority = re.split(r"[/?#\\]", rest[2:], maxsplit=1)[0]
    host = authority.rpartition("@")[2]
    port = host.rpartition("]")[2].partition(":")[2]
    if not host or (port and not port.isdecimal()):  # perhaps half of an unescaped password
        return f"the {scheme}: link"
    path = re.split(r"[?#;\\]", rest[2 + len(authority) :], maxsplit=1)[0]
    return f"`{_shorten(f'{scheme}://{host}{path}', _SHOWN_KEY)}`"


def _shorten(text: str, limit: int) -> str:
    printable = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
    return printable if len(printable) <= limit else f"{printable[: limit - 1]}…"
