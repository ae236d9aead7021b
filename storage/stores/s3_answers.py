"""What an S3 answer says of an object and of the store's clock."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from storage.errors import StoreUnavailable
from storage.stores.port import ObjectInfo


def object_info(key: str, answer: Mapping[str, Any], now: datetime, start: int = 0) -> ObjectInfo:
    """Describe the object an answer came for; `now` is that of `store_now`.

    Raises:
        KeyError: a header is missing.
        StoreUnavailable: the answer is for another range than from byte `start`.
    """
    size = _whole_size(answer["ContentRange"], start) if start else answer["ContentLength"]
    return ObjectInfo(
        key=key,
        size=size,
        etag=answer["ETag"].strip('"'),
        last_modified=whole_seconds(answer["LastModified"]),
        store_now=now,
        content_type=answer.get("ContentType", "application/octet-stream"),
        metadata=answer.get("Metadata", {}),
    )


def _whole_size(content_range: str, start: int) -> int:
    fitting = re.fullmatch(rf"bytes {start}-\d+/(\d+)", content_range)
    if not fitting:
        raise StoreUnavailable("The storage answered with another range than it was asked for.")
    return int(fitting[1])


def store_now(answer: Mapping[str, Any], *, on_this_machine: bool) -> datetime:
    """Read the store's clock; raises StoreUnavailable, because no other clock may decide over a lease.

    A store on this machine that tells no time (wrangler's sends no `Date`) has this machine's clock.
    """
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    if date is None and on_this_machine:
        return whole_seconds(datetime.now(UTC))
    try:
        return parsedate_to_datetime(date or "").astimezone(UTC)
    except ValueError as error:
        raise StoreUnavailable("The storage's answer lacks its Date, which leases depend on.") from error


def whole_seconds(moment: datetime) -> datetime:
    """Cut what a listing says to the resolution of HTTP dates, so that nothing is newer than now."""
    return moment.astimezone(UTC).replace(microsecond=0)
