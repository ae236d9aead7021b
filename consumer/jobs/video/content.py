"""What a video shows, as far as one frame a second tells, in the pass that is taken through it anyway."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from consumer.jobs.context import JobContext
from consumer.jobs.records import to_warnings
from pipeline.content import ContentCheck, target_notice
from pipeline.faces.select import listed
from pipeline.media.video.frame import FrameEditor, YuvFrame
from pipeline.swap.naming import naming

_EVERY_S: Final = 1.0


class VideoContent:
    """Looks at the first frame that it is shown, and then at one a second; without a check at none."""

    def __init__(self, context: JobContext, check: ContentCheck | None) -> None:
        #: When what is suspect shows, in seconds.
        self.suspect_s: list[float] = []
        self._context = context
        self._check = check
        self._editor = FrameEditor()
        self._next_s = float("-inf")

    async def look(self, frame: YuvFrame, time_s: float) -> None:
        """Look at a frame that shows at a time, if it is one of those.

        Raises:
            ContentRejected: what it shows is not wanted.
        """
        if self._check is None or time_s < self._next_s:
            return
        self._next_s = time_s + _EVERY_S
        if await self._context.on_cpu(partial(self._is_suspect, self._check, frame), stage="detect"):
            self.suspect_s.append(round(time_s, 1))

    def note(self) -> None:
        """Note in the job's record what was seen."""
        if self.suspect_s:
            times = listed([f"{time_s:g} s" for time_s in self.suspect_s])
            self._context.note(warnings=to_warnings([target_notice(f", at {times},")]))

    def recall(self, suspect_s: Sequence[float]) -> None:
        """Take what an earlier attempt has seen for one's own."""
        self.suspect_s = list(suspect_s)

    def _is_suspect(self, check: ContentCheck, frame: YuvFrame) -> bool:
        width, height = frame.size
        with naming("target"):
            return check.is_suspect(self._editor.look(frame, (0, 0, width, height)))
