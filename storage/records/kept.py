"""What a job's record keeps of its manifest: all that is needed to tell what was asked, and no secret.

Whoever works on a job reads its manifest from the inbox. The record is for people, for `run_again`, and for
telling whether a manifest is the one it was made of; it may lie there for months. So links lose what may
be a key (credentials, query, fragment, and the path of a `callback_url`) and pictures within the manifest
go. In their place stand what is harmless and eight hexadecimal digits of the whole text's sha256: too few
to find a secret by, enough to tell two apart.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from storage.errors import InvalidManifest
from storage.inputs.references import describe, is_key_like, is_link, is_plain_link
from storage.records.manifest import Manifest, read_manifest

# A record is written every few seconds. A thousand mappings to uploads have 60,000 bytes.
_MAX_BYTES = 64 * 2**10
_MAX_TEXT = 200  # of a reference that is neither a key nor a link; whatever it is, it leads nowhere
_DIGITS = 8
_REFERENCES = ("source", "target", "detection")
_NOT_KEPT = re.compile(rf"not kept, [0-9a-f]{{{_DIGITS}}}\)$")


def kept(document: Mapping[str, Any]) -> dict[str, Any]:
    """A valid manifest, in JSON, as the record keeps it; it is a valid manifest still."""
    short = dict(document)
    for name in _REFERENCES:
        if name in short:
            short[name] = _without_secrets(short[name])
    mappings = short.get("face_mappings")
    if isinstance(mappings, Mapping):
        short["face_mappings"] = {face: _reference(text) for face, text in mappings.items()}
    if isinstance(short.get("callback_url"), str):
        short["callback_url"] = _callback(short["callback_url"])
    if isinstance(mappings, Mapping) and len(json.dumps(short)) > _MAX_BYTES:
        whole = json.dumps(mappings, sort_keys=True)
        short["face_mappings"] = {min(mappings): _hidden(f"{len(mappings)} mappings", whole)}
    return short


def is_same(record: Mapping[str, Any], asked: Manifest) -> bool:
    """Whether a record was made of what is asked for; `record` is what it keeps, also of earlier versions.

    The job's id is none of what is asked for.
    """
    asked = asked.model_copy(update={"job_id": None})
    document = asked.model_dump(mode="json", exclude_none=True)
    try:
        known = read_manifest({name: value for name, value in record.items() if name != "job_id"})
    except InvalidManifest:
        return False
    return known in (read_manifest(kept(document)), asked)


def not_kept(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields of a record's manifest that do not hold what was sent."""
    return tuple(name for name, value in document.items() if any(map(_is_hidden, _texts(value))))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _is_hidden(text: str) -> bool:
    # The second is what earlier versions wrote for pictures within a manifest.
    return _NOT_KEPT.search(text) is not None or text.startswith("(inline, ")


def _without_secrets(value: Any) -> Any:  # noqa: ANN401 -- one reference or several
    if isinstance(value, list | tuple):
        return [_without_secrets(each) for each in value]
    return _reference(value) if isinstance(value, str) else value


def _reference(text: str) -> str:
    if is_link(text):
        return text if is_plain_link(text) else _hidden(describe(text).replace("`", ""), text)
    if is_key_like(text) or (len(text) <= _MAX_TEXT and not _is_hidden(text)):
        return text
    return _hidden(f"{len(text)} characters", text)


def _callback(url: str) -> str:
    """Of an address to call only whose it is: the path of many is their key. It stays an https:// address."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    return f"https://{host}/{_hidden('path', url)}"


def _hidden(what: str, text: str) -> str:
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
    return f"({what}, not kept, {digest})"
