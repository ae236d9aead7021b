"""People who asked never to be put into pictures: refused as sources, by what the identity network says."""

import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import numpy as np

from models.embedded import EMBEDDING, embedded_path, embedded_weights
from models.session import open_session
from pipeline.errors import PersonProtected
from pipeline.face import Array, Bgr, Face
from pipeline.faces.identity import SCALE, IdentityModel

LEAST_PX: Final = SCALE.small_px
"""Shorter side of a face by which somebody may be protected: below it strangers look alike."""
IDENTITY_MODEL: Final = embedded_weights()[EMBEDDING]
"""`sha256:<hex>` of the network that tells who somebody is, whatever the engine."""

_REFUSAL: Final = (
    "The face in the source picture is that of somebody who asked not to be put into pictures here. Use the "
    "face of a person who agrees, or ask whoever runs this service."
)


class Identity(Protocol):
    """Tells who people are."""

    def embed(self, picture: Bgr, face: Face) -> Array:
        """Embed a face of a BGR uint8 (h, w, 3) picture; (n,) float32, compared by Euclidean distance."""
        ...


def open_identity() -> IdentityModel:
    """The network that ships, on the CPU with one thread; raises ModelUnavailable."""
    return IdentityModel(open_session(embedded_path(EMBEDDING)))


class ProtectedPeople:
    """Those people; nobody as long as `protect` was not called, and then no network is opened.

    `protect` and `refuse` may be called on any thread, `embed` on the device's.
    """

    def __init__(self, open_network: Callable[[], Identity] = open_identity) -> None:
        self._open = open_network
        self._network: Identity | None = None
        self._lock = threading.Lock()
        self._embeddings: Array | None = None  # (people, n)

    @property
    def anybody(self) -> bool:
        """Whether there is anybody to look for."""
        return self._embeddings is not None

    def protect(self, embeddings: Sequence[Array]) -> None:
        """Look for these people from now on, and for no others; (n,) float32 each."""
        self._embeddings = np.stack(embeddings) if embeddings else None

    def embed(self, picture: Bgr, face: Face) -> Array:
        """What tells who the face of a BGR uint8 (h, w, 3) picture is; see `Identity`."""
        with self._lock:
            self._network = self._network or self._open()
        return self._network.embed(picture, face)

    def is_protected(self, embedding: Array, side_px: float) -> bool:
        """Whether a face with a shorter side of `side_px` is one of theirs, as far as can be told."""
        known = self._embeddings
        if known is None:
            return False
        return bool(np.linalg.norm(known - embedding, axis=1).min() <= SCALE.limit(side_px))

    def refuse(self, embedding: Array, side_px: float) -> None:
        """Raise PersonProtected if a face is one of theirs; see `is_protected`."""
        if self.is_protected(embedding, side_px):
            raise PersonProtected(_REFUSAL)
