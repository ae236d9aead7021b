"""Source faces made ready for one engine, each content once, and kept for the jobs to come."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from pipeline.engines.base import AnyEngine
from pipeline.errors import NoFaceInSource
from pipeline.face import Array, Face, Notice, Source
from pipeline.faces.select import largest
from pipeline.media.pictures.decode import Picture
from pipeline.steps import Steps
from pipeline.swap.minors import MinorCheck
from pipeline.swap.naming import SOURCE, naming, source_title
from pipeline.swap.protected import ProtectedPeople
from pipeline.swap.turned import find_either_way_up


class SourcePreparer:
    """Prepares sources for one engine and keeps the `most` last used ones by the hash of their files.

    With `minors` each is looked at first; one of somebody who is `protected` is never made ready.
    """

    def __init__(
        self, engine: AnyEngine, minors: MinorCheck | None, protected: ProtectedPeople, most: int
    ) -> None:
        self._engine = engine
        self._minors = minors
        self._protected = protected
        self._most = most
        self._kept: OrderedDict[str, Source] = OrderedDict()
        self._lock = threading.Lock()

    def kept(self, hashes: Iterable[str]) -> dict[str, Source]:
        """Those of some files that are kept, which thereby count as used; on any thread.

        Somebody who is protected by now is left out, and so is whom nobody has looked at for that.
        """
        found = {}
        with self._lock:
            for sha256 in hashes:
                if sha256 in self._kept and self._may_be_used(self._kept[sha256]):
                    self._kept.move_to_end(sha256)
                    found[sha256] = self._kept[sha256]
        return found

    def prepare(self, name: str, sha256: str, picture: Picture) -> Steps[Source]:
        """Make the largest face of a picture ready; steps for the device's thread.

        Raises:
            NoFaceInSource: it has no face, or none that can be used; of several sources it says which.
            MinorRefused: it may be a minor's, and that is not wanted.
            PersonProtected: it is somebody's who is protected.
        """
        kept = self.kept([sha256])  # another job may have been faster
        if kept:
            return kept[sha256]
        with _blaming(name):
            found_faces = yield from find_either_way_up(self._engine, picture.bgr)
            if not found_faces.faces:
                raise NoFaceInSource
            face = largest(found_faces.faces)
            identity = self._identified(picture, face)
            found = self._minors.source(picture.bgr, face) if self._minors else ()
            ready: Source = self._engine.prepare_source(picture.bgr, face)
        prepared = replace(ready, notices=(*picture.notices, *found, *ready.notices), identity=identity)
        self._keep(sha256, prepared)
        return prepared

    def _may_be_used(self, source: Source) -> bool:
        if not self._protected.anybody:
            return True
        identity = source.identity
        return identity is not None and not self._protected.is_protected(identity, min(source.face.size))

    def _identified(self, picture: Picture, face: Face) -> Array | None:
        if not self._protected.anybody:
            return None
        identity = self._protected.embed(picture.bgr, face)
        self._protected.refuse(identity, min(face.size))
        return identity

    def _keep(self, sha256: str, prepared: Source) -> None:
        with self._lock:
            self._kept[sha256] = prepared
            self._kept.move_to_end(sha256)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


def source_notices(sources: Mapping[str, Source]) -> list[Notice]:
    """What the sender should know of the sources; of several each notice names the one it is about."""
    return [
        notice if name == SOURCE else replace(notice, message=f"{name}: {notice.message}")
        for name, source in sources.items()
        for notice in source.notices
    ]


def _blaming(name: str) -> AbstractContextManager[None]:
    """Of several sources an error names the one it is about; of the only one it need not."""
    return nullcontext() if name == SOURCE else naming(source_title(name))
