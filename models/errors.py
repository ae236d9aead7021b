"""What can go wrong with a model file or the device it runs on."""

import inspect
from collections.abc import Sequence
from typing import ClassVar, Literal

FaultKind = Literal["input", "transient", "machine"]


class ModelError(Exception):
    """A model failed in a way nobody foresaw."""

    code: ClassVar[str] = "internal"
    kind: ClassVar[FaultKind] = "transient"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.cleandoc(type(self).__doc__ or type(self).__name__))

    @property
    def for_sender(self) -> str:
        """What a job's record says of it; the message itself is for whoever runs this machine."""
        return str(self)


class ModelUnavailable(ModelError):
    """A model file is missing or is not the one it should be."""

    code = "model_unavailable"
    kind = "input"


class ProviderUnavailable(ModelError):
    """The execution provider that was asked for is not the one that runs."""

    code = "model_unavailable"
    kind = "machine"


class DeviceLost(ModelError):
    """The device stopped working; this machine should be replaced."""

    kind = "machine"


class DeviceOutOfMemory(ModelError):
    """The device ran out of memory."""


class ModelMissing(ModelUnavailable):
    """A model file is not here; `where` says for its operator, folder by folder, why.

    `pullable` is whether it could be downloaded.
    """

    def __init__(
        self, message: str | None = None, where: Sequence[str] = (), *, pullable: bool = False
    ) -> None:
        super().__init__(message)
        self.where = tuple(where)
        self.pullable = pullable


class LicenceNotAccepted(ModelUnavailable):
    """A model file may only be downloaded once its licence has been accepted."""
