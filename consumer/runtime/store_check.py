"""Proof, before the first job, that the store honours the conditions on which claims rest."""

import asyncio

import structlog

from storage.errors import StoreUnavailable, StoreUnusable
from storage.stores.conditions import check_conditions
from storage.stores.port import ObjectStore

_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 10.0

_log = structlog.get_logger()


class StoreCheck:
    """Tries the conditions of one bucket: a few calls once it answers, with growing pauses until then.

    `key_pause_s` is how far apart the store wants two writes to one key.
    """

    def __init__(self, store: ObjectStore, bucket: str, *, key_pause_s: float) -> None:
        self._store = store
        self._bucket = bucket
        self._key_pause_s = key_pause_s
        #: Why nothing is proven yet, in a sentence for the operator; None before the first try and after it.
        self.problem: str | None = None

    async def passed(self) -> bool:
        """Wait until the store answers; whether it may be worked with, and if not, the log says why."""
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                await check_conditions(self._store, self._bucket, pause_s=self._key_pause_s)
            except StoreUnusable as error:
                _log.error("store_unusable", bucket=self._bucket, reason=str(error))
                self.problem = str(error)
                return False
            except StoreUnavailable as error:
                if str(error) != self.problem:
                    _log.warning("store_unreachable", bucket=self._bucket, reason=str(error))
                self.problem = str(error)
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
            else:
                self.problem = None
                return True
