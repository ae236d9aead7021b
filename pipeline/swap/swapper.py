"""The swaps of one opened engine, which keeps the source faces that it prepared."""

from pipeline.blend.enhance import Enhancer
from pipeline.engines.base import AnyEngine
from pipeline.errors import EnhancerUnavailable
from pipeline.media.pictures.decode import Limits
from pipeline.swap.inputs import open_files
from pipeline.swap.prepare import SourcePreparer
from pipeline.swap.request import SwapRequest
from pipeline.swap.run import SwapRun
from pipeline.swap.timing import Timings


class Swapper:
    """Opens swaps with one engine, and with one enhancer where there is one.

    A source face is prepared once per content and then kept, the `kept_sources` last used ones.
    """

    def __init__(
        self, engine: AnyEngine, *, enhancer: Enhancer | None = None, kept_sources: int = 16
    ) -> None:
        self._engine = engine
        self._enhancer = enhancer
        self._preparer = SourcePreparer(engine, kept_sources)

    def open(self, request: SwapRequest, limits: Limits, timings: Timings) -> SwapRun:
        """Read the headers of a request's files, each once; on a CPU thread.

        Sources whose faces are kept are not opened. `timings` gains the times of the stages.

        Raises:
            UnsupportedMedia: a file is no picture; says so if source and target may be the wrong way round.
            MediaTooLarge: one exceeds `limits`, or all sources together do.
            MediaCorrupt: one is damaged.
            EnhancerUnavailable: the enhancer is asked for, and there is none.
        """
        if request.blend.enhance and self._enhancer is None:
            raise EnhancerUnavailable
        prepared = self._preparer.kept({file.sha256 for file in request.sources.values()})
        if request.averaged:  # merging is work for the device, where the last of them is prepared
            prepared.pop([*request.sources.values()][-1].sha256, None)
        return SwapRun(
            request,
            open_files(request, limits, prepared),
            engine=self._engine,
            enhancer=self._enhancer,
            preparer=self._preparer,
            prepared=prepared,
            timings=timings,
        )
