"""The swaps of one opened engine, which keeps the source faces that it prepared."""

from collections.abc import Callable, Mapping

from pipeline.blend.enhance import Enhancer
from pipeline.blend.hands import HandKeeper
from pipeline.content import ContentCheck
from pipeline.engines.base import AnyEngine, BlendOptions
from pipeline.errors import EnhancerUnavailable
from pipeline.face import Bgr
from pipeline.media.pictures.decode import Limits
from pipeline.steps import Steps
from pipeline.swap.choose import FaceChooser
from pipeline.swap.inputs import open_job_target, open_sources
from pipeline.swap.minors import MinorCheck
from pipeline.swap.paint import Painter
from pipeline.swap.prepare import SourcePreparer
from pipeline.swap.protected import ProtectedPeople
from pipeline.swap.request import Recognised, SourceFile, SwapRequest
from pipeline.swap.run import SwapRun
from pipeline.swap.sources import SourceSet
from pipeline.swap.timing import Timings


class Swapper:
    """Opens swaps with one engine, and with one enhancer where there is one.

    A source face is prepared once per content and then kept, the `kept_sources` last used ones. With `minors`
    it, and the faces that are changed, are looked at first; so, with `content`, is what the pictures show;
    with `hands` those before the faces stay as they are. In a video that is left to others: to who knows its
    people, and to who follows them. The face of somebody who is `protected` is never put in.
    """

    def __init__(
        self,
        engine: AnyEngine,
        *,
        enhancer: Enhancer | None = None,
        minors: MinorCheck | None = None,
        hands: HandKeeper | None = None,
        content: ContentCheck | None = None,
        protected: ProtectedPeople | None = None,
        kept_sources: int = 16,
    ) -> None:
        self._engine = engine
        self._enhancer = enhancer
        #: What looks for minors, which the swaps do by themselves but in videos; None where nobody shall.
        self.minors = minors
        #: What keeps hands before faces, likewise.
        self.hands = hands
        #: What looks at the content of pictures; None where nothing does.
        self.content = content
        self._preparer = SourcePreparer(engine, minors, protected or ProtectedPeople(), kept_sources)

    def open(self, request: SwapRequest, limits: Limits, timings: Timings) -> SwapRun:
        """Read the headers of a request's files, each once; on a CPU thread.

        Sources whose faces are kept are not opened. `timings` gains the times of the stages.

        Raises:
            UnsupportedMedia: a file is no picture; says so if source and target may be the wrong way round.
            MediaTooLarge: one exceeds `limits`, or all sources together do.
            MediaCorrupt: one is damaged.
            EnhancerUnavailable: the enhancer is asked for, and there is none.
        """
        chooser = FaceChooser(self._engine, request.choice, request.names, request.face_filter)
        reference = request.choice.reference if isinstance(request.choice, Recognised) else None
        sources = self.open_sources(
            request.sources,
            limits,
            timings,
            averaged=request.averaged,
            reference=reference,
            learn=chooser.learn,
        )
        return SwapRun(
            request,
            open_job_target(request.target, limits),
            sources=sources,
            chooser=chooser,
            engine=self._engine,
            enhancer=self._needed(request.blend),
            minors=self.minors,
            hands=self.hands,
            content=self.content,
            timings=timings,
        )

    def open_sources(
        self,
        files: Mapping[str, SourceFile],
        limits: Limits,
        timings: Timings,
        *,
        averaged: bool,
        reference: bytes | None,
        learn: Callable[[Bgr], Steps[None]],
    ) -> SourceSet:
        """Read the headers of the sources alone, and of a `reference` picture; see `open` and `SourceSet`."""
        prepared = self._preparer.kept({file.sha256 for file in files.values()})
        if averaged:  # merging is work for the device, where the last of them is prepared
            prepared.pop([*files.values()][-1].sha256, None)
        return SourceSet(
            files,
            open_sources(files, limits, prepared=prepared, reference=reference),
            averaged=averaged,
            engine=self._engine,
            preparer=self._preparer,
            content=self.content,
            prepared=prepared,
            learn=learn,
            timings=timings,
        )

    def painter(self, blend: BlendOptions) -> Painter:
        """What changes the faces of a video as `blend` says; raises EnhancerUnavailable."""
        return Painter(self._engine, self._needed(blend), blend)

    def _needed(self, blend: BlendOptions) -> Enhancer | None:
        if blend.enhance and self._enhancer is None:
            raise EnhancerUnavailable
        return self._enhancer
