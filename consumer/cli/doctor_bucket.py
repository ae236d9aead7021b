"""What the doctor says of the bucket: reach, rights, conditional writes, clocks."""

from datetime import UTC, datetime
from typing import Final

from consumer.cli.finding import Finding, ok
from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from storage.errors import StorageError, StoreDenied, StoreUnavailable, StoreUnusable
from storage.stores.conditions import check_conditions
from storage.stores.port import ObjectStore
from storage.stores.s3_store import open_s3_store

_MAX_SKEW_S: Final = 60.0
_PROBE_PREFIX: Final = "scratch/"


async def bucket_findings(settings: Settings) -> list[Finding]:
    """List the bucket, write a probe under conditions that must hold or fail, and remove it."""
    if settings.bucket is None:
        return [
            Finding(
                name="bucket",
                state="degraded",
                detail="none is set; without it work only swap, detect, process, probe, verify and demo",
                fix="set R2_ENDPOINT_URL, R2_BUCKET, R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY",
            )
        ]
    try:
        s3 = settings.s3()
        async with open_s3_store(s3) as store:
            listing = await store.list(_PROBE_PREFIX, limit=1)
            return [
                ok("bucket", f"{s3.bucket} at {s3.address} answers"),
                await _writes(store, s3.bucket, s3.key_pause_s),
                _one_clock() if s3.on_this_machine else _clock(listing.store_now),
            ]
    except (SettingsError, StorageError) as error:
        return [_unreachable(settings.bucket, error)]


def _unreachable(bucket: str, error: SettingsError | StorageError) -> Finding:
    if isinstance(error, SettingsError | StoreUnusable):
        fix = "correct this setting; `swapdrop config` shows where each comes from"
    elif isinstance(error, StoreDenied):
        fix = "check R2_BUCKET, R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY, and what the key may do"
    elif isinstance(error, StoreUnavailable):
        fix = "check R2_ENDPOINT_URL and that this machine reaches it"
    else:
        fix = "check R2_ENDPOINT_URL: is it an S3-compatible store?"
    return Finding(name="bucket", state="broken", detail=f"{bucket}: {error}", fix=fix)


async def _writes(store: ObjectStore, bucket: str, pause_s: float) -> Finding:
    try:
        await check_conditions(store, bucket, pause_s=pause_s)
    except StoreUnusable as error:
        return Finding(
            name="conditional writes",
            state="broken",
            detail=str(error),
            fix="use a store with conditional writes: R2, S3, SeaweedFS, …",
        )
    except StorageError as error:
        return Finding(
            name="conditional writes",
            state="broken",
            detail=f"{bucket} can be listed, but not written and cleaned up: {error}",
            fix="give the key the right to write and delete objects",
        )
    return ok("conditional writes", "If-None-Match and If-Match are honoured")


def _one_clock() -> Finding:
    return ok("clock", "the store is on this machine, so that they have one clock")


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
