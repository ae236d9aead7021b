"""What a queue's message says: which inbox keys have appeared, or a whole manifest.

Understood are S3 event notifications (of AWS and the stores that imitate it), also inside an SNS
notification; S3 events of EventBridge; R2 event notifications; an inbox key as text; and a manifest. Each
as it is or in base64, which is how Cloudflare's pull API hands out bodies. Sources: "Event message
structure" in Amazon's S3 guide (its keys are URL-encoded) and "Using EventBridge" (they are not), and
"Event notifications" in Cloudflare's R2 reference.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

from storage import keys

_R2_CREATED = frozenset({"PutObject", "CopyObject", "CompleteMultipartUpload"})
_MOST_WRAPPINGS = 5  # base64 of an SNS notification of base64 of an event, and one to spare


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """What a message announces: one inbox key of each entry in `keys`, or a raw `manifest`.

    `ignored` says why the message, or a part of it, announces nothing; None when all of it does.
    """

    keys: tuple[str, ...] = ()
    manifest: bytes | None = None
    ignored: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Event:
    """Something that happened to an object."""

    created: bool
    bucket: str
    key: str


def read_message(body: str | bytes, *, bucket: str) -> Announcement:
    """Read a message of any known shape; never raises.

    Events of other buckets than `bucket` are ignored. A JSON object that is no event counts as a manifest,
    also when it is not a good one: its sender is to see that.
    """
    text, document = _unwrap(body)
    if isinstance(document, str) and document.startswith(keys.INBOX):
        return _announced([_Event(created=True, bucket=bucket, key=document)], bucket)
    if not isinstance(document, Mapping):
        return Announcement(ignored="unreadable")
    if document.get("Event") == "s3:TestEvent":
        return Announcement(ignored="test_event")
    events = _events(document)
    if events is None:
        return Announcement(manifest=text.encode(errors="backslashreplace"))
    return _announced(events, bucket)


def _unwrap(body: str | bytes) -> tuple[str, object]:
    """Take off base64 and SNS envelopes; returns the innermost text and what it stands for."""
    text = ""
    for _ in range(_MOST_WRAPPINGS):
        text = body.decode("utf-8-sig", errors="replace") if isinstance(body, bytes) else body
        document = _json(text)
        if isinstance(document, Mapping):
            wrapped = document.get("Message") if document.get("Type") == "Notification" else None
            if not isinstance(wrapped, str):
                return text, document
            body = wrapped
        elif isinstance(document, str) and not document.startswith(keys.INBOX):
            decoded = _base64(document)
            if decoded is None:
                return text, document
            body = decoded
        else:
            return text, document
    return text, None


def _json(text: str) -> object:
    """What a text stands for: itself where it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) or None
    except (binascii.Error, ValueError):
        return None


def _events(document: Mapping[object, object]) -> list[_Event] | None:
    """The events in a document; None when it is none of a store's."""
    records = document.get("Records")
    if isinstance(records, list):
        return [_s3_event(record) for record in records]
    if "detail-type" in document:
        return [
            _Event(
                created=document["detail-type"] == "Object Created",
                bucket=_text(document, "detail", "bucket", "name"),
                key=_text(document, "detail", "object", "key"),
            )
        ]
    if "action" in document and "object" in document:
        return [
            _Event(
                created=_text(document, "action") in _R2_CREATED,
                bucket=_text(document, "bucket"),
                key=_text(document, "object", "key"),
            )
        ]
    return None


def _s3_event(record: object) -> _Event:
    return _Event(
        created="ObjectCreated:" in _text(record, "eventName"),
        bucket=_text(record, "s3", "bucket", "name"),
        key=unquote_plus(_text(record, "s3", "object", "key")),
    )


def _text(document: object, *path: str) -> str:
    """A text deep in a document; empty where it is not there."""
    for name in path:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document if isinstance(document, str) else ""


def _announced(events: Sequence[_Event], bucket: str) -> Announcement:
    """The inbox entries that events speak of, by one key each."""
    found: dict[tuple[str, bool], str] = {}
    ignored = None if events else "unreadable"
    for event in events:
        parsed = keys.parse_inbox(event.key)
        if event.bucket != bucket:
            ignored = "another_bucket"
        elif not event.created:
            ignored = "not_created"
        elif parsed is None:
            ignored = "not_in_inbox"
        else:
            found.setdefault((parsed.name, parsed.file is None), event.key)
    return Announcement(keys=tuple(found.values()), ignored=ignored)
