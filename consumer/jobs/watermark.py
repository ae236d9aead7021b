"""Which id is hidden in a job's result."""

from typing import Final

from consumer.jobs.context import JobContext
from consumer.jobs.pixels import Watermark
from consumer.jobs.records import to_warnings
from pipeline.face import Notice
from pipeline.watermark.embed import LEAST_PX, has_room
from pipeline.watermark.ids import id_of

_TOO_SMALL: Final = Notice(
    code="not_watermarked",
    message=f"The result has no watermark: one of its sides has less than {LEAST_PX} pixels.",
)


def watermark_for(context: JobContext, size: tuple[int, int], plan_id: str | None = None) -> Watermark | None:
    """What is hidden in a job's result of that size, None where nothing is; the sender is told why.

    A picture's id comes of the id that the result has. A video's comes of its job and its plan: segments of
    an earlier attempt, whose result would have had another id, and of parts of the job are taken over.
    """
    hider = context.services.pool.watermarker
    if hider is None:
        return None
    if not has_room(*size):
        context.note(warnings=to_warnings([_TOO_SMALL]))
        return None
    parts = (context.mark().output_id,) if plan_id is None else (context.whole_id, plan_id)
    return Watermark(mark_id=id_of(*parts), hider=hider)
