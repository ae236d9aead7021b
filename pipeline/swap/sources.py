"""The faces to put in: their pictures read and their faces made ready, each content once."""

from collections.abc import Callable, Mapping
from functools import partial

from pipeline.content import ContentCheck
from pipeline.engines.base import AnyEngine
from pipeline.face import Bgr, Notice, Source
from pipeline.media.pictures.decode import Picture, PictureFile
from pipeline.steps import Steps, each_within
from pipeline.swap.naming import REFERENCE, SOURCE, naming, source_title
from pipeline.swap.prepare import SourcePreparer, source_notices
from pipeline.swap.request import SourceFile
from pipeline.swap.timing import Timings


class SourceSet:
    """The sources of one swap, of which each of `unprepared` is loaded and prepared before the first frame.

    Loading belongs on CPU threads, preparing on the device's thread.
    """

    def __init__(
        self,
        files: Mapping[str, SourceFile],
        pictures: Mapping[str, PictureFile],
        *,
        averaged: bool,
        engine: AnyEngine,
        preparer: SourcePreparer,
        content: ContentCheck | None,
        prepared: Mapping[str, Source],
        learn: Callable[[Bgr], Steps[None]],
        timings: Timings,
    ) -> None:
        """Begin with the `pictures` that are not `prepared`, by the hash of their files.

        With `averaged` all show one person; `content` looks at each, and `learn` is shown the reference
        picture where there is one.
        """
        #: What is to be loaded and prepared, by name.
        self.unprepared = tuple(pictures)
        #: What is put in, by the names of those who are.
        self.ready: dict[str, Source] = {}
        self._pictures = dict(pictures)
        self._hashes = {name: file.sha256 for name, file in files.items()}
        self._averaged = averaged
        self._engine = engine
        self._preparer = preparer
        self._content = content
        self._learn = learn
        self._timings = timings
        self._prepared: dict[str, Source] = {}  # by the hashes of their pictures
        for sha256, source in prepared.items():
            self._put(sha256, source)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of those who are put in."""
        return (SOURCE,) if self._averaged else tuple(self._hashes)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the sender should know of those that are ready."""
        return tuple(source_notices({name: self.ready[name] for name in self.names if name in self.ready}))

    @property
    def memory_bytes(self) -> int:
        """Memory for the largest of them: one is let go of before the next is loaded."""
        return max((picture.decode_bytes for picture in self._pictures.values()), default=0)

    def load(self, name: str) -> Picture:
        """Decode one of `unprepared`.

        Raises:
            MediaCorrupt: it is damaged; says which.
            ContentRejected: what it shows is not wanted; says which.
        """
        with self._timings.measure("decode"), naming(source_title(name)):
            picture = self._pictures[name].load()
            return picture if self._content is None else self._content.source(picture)

    def prepare(self, name: str, picture: Picture) -> Steps[None]:
        """Make the largest face of one of `unprepared` ready, in steps.

        Raises:
            NoFaceInSource: it has no face, or none that can be used; says which.
        """
        return each_within(partial(self._timings.measure, "detect"), self._prepare(name, picture))

    def _prepare(self, name: str, picture: Picture) -> Steps[None]:
        if name == REFERENCE:
            yield from self._learn(picture.bgr)
        else:
            sha256 = self._hashes[name]
            self._put(sha256, (yield from self._preparer.prepare(name, sha256, picture)))

    def _put(self, sha256: str, source: Source) -> None:
        self._prepared[sha256] = source
        if not self._averaged:
            ready = {
                name: self._prepared[each] for name, each in self._hashes.items() if each in self._prepared
            }
            self.ready.update(ready)
        elif len(self._prepared) == len(set(self._hashes.values())):
            in_order = [self._prepared[each] for each in dict.fromkeys(self._hashes.values())]
            self.ready[SOURCE] = self._engine.merge_sources(in_order)
