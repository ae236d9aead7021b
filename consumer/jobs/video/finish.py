"""From the segments of a video to its result, and what its record tells of it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from consumer.jobs.context import JobContext
from consumer.jobs.marks import sign_extra, sign_file, to_marks
from consumer.jobs.records import to_outcome, to_warnings
from consumer.jobs.video.extras import poster_and_preview
from consumer.jobs.video.files import GrowingFile
from consumer.jobs.video.render import VideoWork
from consumer.jobs.video.segments import SegmentDone
from pipeline.errors import NoFaceInTarget
from pipeline.faces.select import IdentityScale
from pipeline.marks.provenance import Mark
from pipeline.media.video.containers import container_for
from pipeline.media.video.join import join_segments
from pipeline.swap.video.facts import SegmentFacts, notices, results, together
from storage.lease.outcome import Extra, Output

_NOTHING_SWAPPED = "No face could be swapped in any frame of the video; send one that shows it larger."


async def finish(
    context: JobContext, work: VideoWork, done: Sequence[SegmentDone], scale: IdentityScale
) -> Output:
    """Join the segments, with the target's sound and text, and note what became of everybody.

    `scale` says what distances between faces mean.

    Raises:
        NoFaceInTarget: nobody was changed in any frame.
        MediaCorrupt: too many frames were damaged.
        OutputInvalid: the segments do not go together.
    """
    facts = together(each.facts for each in done)
    swap, options = work.swap, context.manifest.options
    faces = results(swap.people, swap.chosen, facts)
    context.note(faces=[to_outcome(face) for face in faces])
    if not facts.changed:
        raise NoFaceInTarget(_NOTHING_SWAPPED)
    context.note(warnings=to_warnings(notices(facts, swap.chosen, scale)))
    container, changed = container_for(work.video.media, options.video_encoder)
    context.progress.report("encode", work.plan.frames, work.plan.frames, unit="frames")
    # The result has all that the segments have, and the sound of the target.
    size_bytes = sum(each.path.stat().st_size for each in done) + work.video.size_bytes
    room = GrowingFile(context, size_bytes)
    await room.hold()
    path = context.workspace.path(f"result.{container.media.extension}")
    mark = context.mark(work.finish.mark_id)
    joining = partial(
        join_segments,
        work.plan,
        work.video,
        [each.path for each in done],
        path,
        container=container,
        mark=mark,
        keep_audio=options.keep_audio,
    )
    with context.unmeasured():
        joined = await context.on_cpu(joining, stage="encode")
    await room.settle(joined.size_bytes)
    context.note(warnings=to_warnings((*changed, *joined.notices)))
    unhidden = replace(mark, watermark=None)
    poster, preview = await _extras(context, work, facts, path, joined.size_bytes, unhidden)
    path, sidecar = await sign_file(context, path, joined.media)
    return Output(
        path=path,
        extension=joined.media.extension,
        content_type=joined.media.content_type,
        width=joined.width,
        height=joined.height,
        faces_swapped=sum(face.swapped for face in faces),
        frames=joined.frames,
        duration_s=joined.duration_s,
        marks=to_marks(context, mark),
        sidecar=sidecar,
        poster=poster,
        preview=preview,
    )


async def _extras(
    context: JobContext, work: VideoWork, facts: SegmentFacts, path: Path, size_bytes: int, mark: Mark
) -> tuple[Extra, Extra]:
    """A picture and a few seconds of the result, around the first frame in which a face was swapped."""
    clock = work.plan.clock
    shown = clock.shown_at(facts.first_changed or 0)
    making = partial(
        poster_and_preview,
        path,
        replace(context.services.video_limits, max_bytes=size_bytes),
        at_s=float(shown.start * clock.time_base),
        folder=context.workspace.folder,
        mark=mark,
        mapper=context.tone_mapper,
    )
    with context.unmeasured():
        poster, preview = await context.on_cpu(making, stage="encode")
    return await sign_extra(context, poster), await sign_extra(context, preview)
