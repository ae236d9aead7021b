"""What can go wrong between a job and its bucket: each fault with a stable code and a class.

`kind` decides what happens next: an *input* fault ends the job, a *transient* one is tried again
later, a *machine* fault gives the job back and ends this consumer.
"""

import inspect
from typing import ClassVar, Literal

FaultKind = Literal["input", "transient", "machine"]


class StorageError(Exception):
    """The storage failed in a way nobody foresaw."""

    code: ClassVar[str] = "internal"
    kind: ClassVar[FaultKind] = "transient"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.cleandoc(type(self).__doc__ or type(self).__name__))

    @property
    def for_sender(self) -> str:
        """What a job's record says of it; the message itself is for whoever runs this service."""
        return str(self)


class ObjectNotFound(StorageError):
    """There is no object under this key."""

    code = "input_not_found"
    kind = "input"


class PreconditionFailed(StorageError):
    """The object is not in the state this conditional request was made for."""


class StoreUnavailable(StorageError):
    """The storage did not answer as it should."""

    code = "storage_unavailable"

    def __init__(self, message: str | None = None, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s  # what the storage asked for; 0 when it did not say

    @property
    def for_sender(self) -> str:
        """Without the storage's address and the cause, which are no business of a sender."""
        return "The storage did not answer as it should."


class StoreThrottled(StoreUnavailable):
    """The storage asked for fewer requests."""


class StoreDenied(StoreUnavailable):
    """The storage refused these credentials; check the key, its permissions and the bucket's name."""


class StoreUnusable(StorageError):
    """The bucket cannot be used with these settings."""

    code = "storage_unavailable"
    kind = "machine"


class InvalidManifest(StorageError):
    """The manifest is not one this service understands."""

    code = "invalid_manifest"
    kind = "input"


class ConsentMissing(StorageError):
    """Nobody attests that all who are shown agree, and without that no face is put onto another here.

    The message says how to attest it.
    """

    code = "consent_missing"
    kind = "input"


class InputNotFound(StorageError):
    """An input file is not where the job says it is."""

    code = "input_not_found"
    kind = "input"


class InputForbidden(StorageError):
    """An input points somewhere this service does not read from."""

    code = "input_forbidden"
    kind = "input"


class InputTooLarge(StorageError):
    """An input is larger than this service accepts."""

    code = "input_too_large"
    kind = "input"


class InputUnavailable(StorageError):
    """An input could not be downloaded."""

    code = "storage_unavailable"


class DiskFull(StorageError):
    """There is no room for this job's files on the machine at present."""


class LeaseLost(StorageError):
    """Another consumer owns this job now."""


class DenylistUnreadable(StorageError):
    """The list of people who are never put into pictures, `denylist.json`, cannot be read."""

    @property
    def for_sender(self) -> str:
        """Without what is wrong with it, which is no business of a sender."""
        return "Whether the person in the source picture may be used could not be looked up."


class StatusUnreadable(StorageError):
    """The status record of this job is not one this version can read."""
