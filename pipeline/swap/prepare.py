"""Making source faces ready for one engine, each content once, and keeping them for the jobs to come."""

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from pipeline.engines.base import Engine
from pipeline.errors import NoFaceInSource
from pipeline.face import Notice
from pipeline.faces.select import largest
from pipeline.swap.decode import DecodedSource
from pipeline.swap.naming import naming, source_title
from pipeline.swap.request import PictureRequest
from pipeline.swap.sources import KeptSources, PreparedSource
from pipeline.swap.timing import Timings

_ONLY = "source"  # the name of the source that is the only one


class SourcePreparer:
    """Prepares sources on the device's thread; the `most` last used ones are kept by their content."""

    def __init__(self, engine: Engine[Any], most: int) -> None:
        self._engine = engine
        self._kept = KeptSources(most)

    def kept(self, request: PictureRequest) -> dict[str, PreparedSource]:
        """The request's sources that are kept, by the hash of their files; on any thread."""
        hashes = {file.sha256 for file in request.sources.values()}
        return {sha256: found for sha256 in hashes if (found := self._kept.find(sha256))}

    def prepare(
        self, sources: Mapping[str, DecodedSource], timings: Timings
    ) -> Generator[None, None, dict[str, PreparedSource]]:
        """Make all sources ready, by name, one each step; the largest face of each picture is the one meant.

        Raises:
            NoFaceInSource: one has no face, or none that can be used; says which.
        """
        by_content: dict[str, PreparedSource] = {}
        for name, source in sources.items():
            if source.sha256 in by_content:
                continue
            if by_content:
                yield
            with timings.measure("detect"):
                by_content[source.sha256] = self._prepare(name, source)
        return {name: by_content[source.sha256] for name, source in sources.items()}

    def _prepare(self, name: str, source: DecodedSource) -> PreparedSource:
        if isinstance(source.content, PreparedSource):
            return source.content
        kept = self._kept.find(source.sha256)
        if kept is not None:
            return kept
        picture = source.content
        with _blaming(name):
            faces = self._engine.find_faces(picture.bgr)
            if not faces:
                raise NoFaceInSource
            ready = self._engine.prepare_source(picture.bgr, largest(faces))
        prepared = PreparedSource(source=ready, notices=(*picture.notices, *ready.notices))
        self._kept.keep(source.sha256, prepared)
        return prepared


def source_notices(sources: Mapping[str, PreparedSource]) -> list[Notice]:
    """What the sender should know of the sources; of several each notice names the one it is about."""
    return [
        notice if name == _ONLY else replace(notice, message=f"{name}: {notice.message}")
        for name, source in sources.items()
        for notice in source.notices
    ]


def _blaming(name: str) -> AbstractContextManager[None]:
    """Of several sources an error names the one it is about; of the only one it need not."""
    return nullcontext() if name == _ONLY else naming(source_title(name))
