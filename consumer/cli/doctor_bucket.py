"""What the doctor says of the bucket: reach, rights, conditional writes, clocks."""

import secrets
from datetime import UTC, datetime
from typing import Final

from consumer.cli.finding import Finding, ok
from consumer.config.settings import Settings
from storage.errors import PreconditionFailed, StorageError, StoreDenied, StoreUnavailable
from storage.stores.port import ObjectStore
from storage.stores.s3_store import open_s3_store

_MAX_SKEW_S: Final = 60.0
_PROBE_PREFIX: Final = "scratch/doctor-"
_WRONG_ETAG: Final = "0" * 32


async def bucket_findings(settings: Settings) -> list[Finding]:
    """List the bucket, write a probe under conditions that must hold or fail, and remove it."""
    if settings.bucket is None:
        return [
            Finding(
                name="bucket",
                state="degraded",
                detail="none is set, so only `swapdrop swap` and `swapdrop demo` can work",
                fix="set R2_ENDPOINT_URL, R2_BUCKET, R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY",
            )
        ]
    async with open_s3_store(settings.s3()) as store:
        try:
            listing = await store.list(_PROBE_PREFIX, limit=1)
        except StorageError as error:
            return [_unreachable(settings.bucket, error)]
        return [
            ok("bucket", f"{settings.bucket} answers"),
            await _writes(store, settings.bucket),
            _clock(listing.store_now),
        ]


def _unreachable(bucket: str, error: StorageError) -> Finding:
    if isinstance(error, StoreDenied):
        fix = "check R2_BUCKET, R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY, and what the key may do"
    elif isinstance(error, StoreUnavailable):
        fix = "check R2_ENDPOINT_URL and that this machine reaches it"
    else:
        fix = "check R2_ENDPOINT_URL: is it an S3-compatible store?"
    return Finding(name="bucket", state="broken", detail=f"{bucket}: {error}", fix=fix)


async def _writes(store: ObjectStore, bucket: str) -> Finding:
    key = f"{_PROBE_PREFIX}{secrets.token_hex(8)}"
    try:
        try:
            ignored = await _ignored_conditions(store, key)
        finally:
            await store.delete([key])
    except StorageError as error:
        return Finding(
            name="conditional writes",
            state="broken",
            detail=f"{bucket} can be listed, but not written and cleaned up: {error}",
            fix="give the key the right to write and delete objects",
        )
    if not ignored:
        return ok("conditional writes", "If-None-Match and If-Match are honoured")
    return Finding(
        name="conditional writes",
        state="broken",
        detail=f"{bucket} ignores {' and '.join(ignored)}, so that two consumers could do one job",
        fix="use a store with conditional writes: R2, S3, SeaweedFS, …",
    )


async def _ignored_conditions(store: ObjectStore, key: str) -> list[str]:
    """The conditions that the store does not honour, in its own words."""
    etag = await store.put(key, b"1", content_type="text/plain", if_none_match=True)
    ignored = []
    if not await _refused(store, key, if_match=_WRONG_ETAG):
        ignored.append("If-Match")
    elif await _refused(store, key, if_match=etag):
        ignored.append("the ETag it gave out itself")
    if not await _refused(store, key, if_none_match=True):
        ignored.append("If-None-Match")
    return ignored


async def _refused(
    store: ObjectStore, key: str, *, if_match: str | None = None, if_none_match: bool = False
) -> bool:
    try:
        await store.put(key, b"2", content_type="text/plain", if_match=if_match, if_none_match=if_none_match)
    except PreconditionFailed:
        return True
    return False


def _clock(store_now: datetime) -> Finding:
    skew_s = (datetime.now(UTC) - store_now).total_seconds()
    detail = f"{skew_s:+.0f} s against the store's"
    if abs(skew_s) <= _MAX_SKEW_S:
        return ok("clock", detail)
    return Finding(
        name="clock",
        state="degraded",
        detail=detail,
        fix="synchronise this machine's clock: signed requests expire",
    )
