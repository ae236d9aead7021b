"""One request to an S3 store: its time limit, its retries, and who is told of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from storage.errors import (
    InputTooLarge,
    ObjectNotFound,
    PreconditionFailed,
    StorageError,
    StoreDenied,
    StoreThrottled,
    StoreUnavailable,
)
from storage.stores.s3_errors import s3_errors
from storage.stores.s3_settings import S3Settings

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

T = TypeVar("T")
Observer = Callable[[str, str, float], None]
"""Told of every request that was sent: the port's method, its outcome, the seconds it took.

Outcomes: ok, not_found, precondition_failed, too_large, throttled, denied, unavailable, refused, abandoned.
"""

_SLOWEST_BYTES_PER_S = 128 * 1024  # a transfer slower than this is given up: the read timeout sees no uploads
_LONGEST_WAIT_S = 5.0
_OUTCOMES: dict[type, str] = {
    ObjectNotFound: "not_found",
    PreconditionFailed: "precondition_failed",
    InputTooLarge: "too_large",
    StoreThrottled: "throttled",
    StoreDenied: "denied",
    StoreUnavailable: "unavailable",
    StorageError: "refused",
}


class S3Requests:
    """Sends requests to one bucket."""

    def __init__(self, client: "S3Client", settings: S3Settings, observer: Observer) -> None:
        self.client = client
        self.settings = settings
        self.bucket = settings.bucket
        self._observer = observer
        self._backoff = wait_random_exponential(settings.retry_first_wait_s, _LONGEST_WAIT_S)

    async def retried(self, op: str, request: Callable[[], Awaitable[T]], *, transfer_bytes: int = 0) -> T:
        """Send a request until it succeeds, is refused for good, or has been tried often enough."""
        attempts = AsyncRetrying(
            retry=retry_if_exception(
                lambda error: isinstance(error, StoreUnavailable) and not isinstance(error, StoreDenied)
            ),
            stop=stop_after_attempt(self.settings.retry_attempts)
            | stop_before_delay(self.settings.retry_total_s),
            wait=self._wait_s,
            reraise=True,
        )
        return await attempts(self.once, op, request, transfer_bytes=transfer_bytes)

    async def once(
        self, op: str, request: Callable[[], Awaitable[T]], *, transfer_bytes: int = 0, if_match: bool = False
    ) -> T:
        """Send a request once, within a time that `transfer_bytes` can take; raises StorageError.

        `if_match` says that it is a write over an ETag; see `s3_errors`.
        """
        limit_s = (
            self.settings.connect_timeout_s
            + self.settings.read_timeout_s
            + transfer_bytes / _SLOWEST_BYTES_PER_S
        )
        outcome = "abandoned"  # by the caller, who was cancelled
        started = time.monotonic()
        try:
            with s3_errors(self.bucket, if_match=if_match, address=self.settings.address):
                async with asyncio.timeout(limit_s):
                    result = await request()
            outcome = "ok"
        except StorageError as error:
            outcome = next(_OUTCOMES[each] for each in type(error).__mro__ if each in _OUTCOMES)
            raise
        finally:
            self._observer(op, outcome, time.monotonic() - started)
        return result

    def _wait_s(self, state: RetryCallState) -> float:
        error = state.outcome and state.outcome.exception()
        asked_s = error.retry_after_s if isinstance(error, StoreUnavailable) else 0.0
        return max(self._backoff(state), asked_s)
