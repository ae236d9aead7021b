"""What an error means for a job: who is at fault decides what happens next."""

import errno
import random
from dataclasses import dataclass
from typing import Literal, cast

import structlog

from models.errors import ModelError
from storage.errors import StorageError
from storage.records.status import ErrorCode

FaultKind = Literal["input", "transient", "machine"]

_FIRST_RETRY_S = 2.0
_LONGEST_RETRY_S = 60.0
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_INTERNAL = "Something went wrong on our side."
_NO_MEMORY = "The machine ran out of memory."
_NO_DISK = "The machine ran out of disk space."

_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Why an attempt failed, for three readers."""

    #: What the consumer goes by.
    kind: FaultKind
    code: ErrorCode
    #: For the job's sender.
    message: str
    stage: str
    #: For the operator, where there is more to say than the sender is told.
    detail: str | None = None

    @property
    def reason(self) -> str:
        """The sentence for the operator."""
        return self.detail or self.message


def judge(error: Exception, *, stage: str) -> Fault:
    """Turn any exception into a fault; one that nobody foresaw is logged here with its traceback.

    An unforeseen error counts as transient, because it may be this machine's, and its text stays out of
    the message, because nobody wrote it for the sender.
    """
    if isinstance(error, StorageError | ModelError):
        code = cast("ErrorCode", error.code)
        return Fault(kind=error.kind, code=code, message=error.for_sender, stage=stage, detail=str(error))
    if isinstance(error, MemoryError):
        return Fault(kind="transient", code="internal", message=_NO_MEMORY, stage=stage)
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return Fault(kind="transient", code="internal", message=_NO_DISK, stage=stage)
    _log.error("unforeseen_error", stage=stage, exc_info=error)
    return Fault(kind="transient", code="internal", message=_INTERNAL, stage=stage)


def retry_delay_s(attempt: int, rng: random.Random) -> float:
    """Seconds until the next attempt: 2, 4, 8 … up to 60, and up to half of that again at random."""
    return float(min(_FIRST_RETRY_S * 2 ** (attempt - 1), _LONGEST_RETRY_S) * rng.uniform(1, 1.5))
