"""Who is in a video: everybody, from one pass over it, which a later attempt need not take again."""

import base64
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from consumer.engines.pool import LoadedEngine
from consumer.jobs.context import JobContext
from consumer.jobs.parts import OtherFrames
from consumer.jobs.records import to_warnings
from consumer.jobs.video.content import VideoContent
from consumer.jobs.video.frames import FrameSource, frame_bytes
from consumer.jobs.video.pace import FrameProgress
from pipeline.engines.base import AnyEngine
from pipeline.face import Array, Face
from pipeline.media.video.frame import FrameEditor, YuvFrame
from pipeline.media.video.probe import VideoFile
from pipeline.media.video.segments import SegmentPlan, plan_id
from pipeline.steps import Steps, each_within
from pipeline.swap.choose import counting_members, left_out_notices
from pipeline.swap.video.view import YuvView
from pipeline.tracks.cast import CastBuilder, CastMember
from pipeline.tracks.identity import Person
from storage.scratch import Piece, describe_piece

T = TypeVar("T")

_REVISION: Final = 4
"""Counts the changes to the code after which it tells of other people of the same video."""
_EXTENSION: Final = "cast"
_PREVIEW: Final = (160, 160, 3)


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundPeople:
    """The people of a video who count, and how many faces of a frame do not, being too many."""

    people: list[CastMember]
    left_out: int


async def find_cast(
    context: JobContext, engine: AnyEngine, video: VideoFile, plan: SegmentPlan, content: VideoContent
) -> FoundPeople:
    """Look at every frame of what a plan keeps of a video, a few of them closely, for people who count.

    `content` is shown all of them, too.

    Raises:
        ContentRejected: what it shows is not wanted.
        MediaCorrupt: the file cannot be read any more.
    """
    builder, editor = CastBuilder(engine), FrameEditor()
    progress = FrameProgress(context.progress, "detect", plan.frames)
    first, end = plan.segments[0].start, plan.segments[-1].end
    numbers = count()

    def time_of(frame: YuvFrame) -> float:
        return float((frame.time - video.zero) * video.time_base)

    def look(frames: deque[YuvFrame]) -> Steps[None]:
        while frames:
            frame = frames.popleft()
            yield from builder.add(YuvView(frame, editor), next(numbers), time_of(frame))
            progress.add()
            yield

    async def take(steps: Steps[T]) -> T:
        measured = each_within(partial(context.timings.measure, "detect"), steps)
        return await context.on_device_in_steps(measured, progress.tell)

    async with context.memory(frame_bytes(video)), FrameSource(context, video, first, end) as frames:
        progress.tell()
        async for ready in frames:
            for frame in ready:
                await content.look(frame, time_of(frame))
            await take(look(deque(ready)))
        people = counting_members(await take(builder.finish()), context.services.face_filter)
    return FoundPeople(people=people, left_out=builder.left_out)


async def known_cast(
    context: JobContext, loaded: LoadedEngine, video: VideoFile, plan: SegmentPlan, target_sha256: str
) -> list[CastMember]:
    """The cast, as an earlier attempt has kept it or else as it is found now, and kept.

    Kept, it is the same for every attempt: networks round differently on different machines, and segments
    of two casts do not go together. What of the video's content is suspect is kept with it, and noted.

    Raises:
        ContentRejected: what it shows is not wanted.
        OtherFrames: the job is a part of another, whose people are not known in the way of this machine.
    """
    info, content = loaded.engine.info, VideoContent(context, loaded.swapper.content)
    asked = {
        "revision": _REVISION,
        "target": target_sha256,
        "engine": [info.name, info.version, sorted(info.models.items())],
        "face_filter": asdict(context.services.face_filter),
        "kept": [plan.segments[0].start, plan.segments[-1].end],
        "content": None if loaded.swapper.content is None else loaded.swapper.content.rules,
    }
    scratch = context.scratch(plan_id(asked))
    path = context.workspace.new_path()
    piece = await scratch.fetch(0, path, extension=_EXTENSION)
    if piece is not None:
        known = await context.on_cpu(partial(_read, path, piece.facts))
        if known is not None:
            content.recall(piece.facts["suspect_s"])
            content.note()
            context.note(warnings=to_warnings(left_out_notices(piece.facts["left_out"])))
            return known
    if context.part is not None:
        raise OtherFrames
    found = await find_cast(context, loaded.engine, video, plan, content)
    content.note()
    context.note(warnings=to_warnings(left_out_notices(found.left_out)))
    piece = await context.on_cpu(partial(_write, path, found, content))
    await scratch.keep(0, path, piece, extension=_EXTENSION, content_type="application/octet-stream")
    known = await context.on_cpu(partial(_read, path, piece.facts))  # to the last digit as others will
    if known is None:
        raise RuntimeError("what was written cannot be read")
    return known


def describe_members(members: Sequence[CastMember]) -> Mapping[str, Any]:
    """What the frames of a swap depend on of the people in it; of types that JSON has."""
    return {"people": [_stored(member) for member in members]}


def _write(path: Path, found: FoundPeople, content: VideoContent) -> Piece:
    """Write the pictures of a cast to a file; all else is said of it."""
    path.write_bytes(b"".join(member.preview.tobytes() for member in found.people))
    said = {"suspect_s": content.suspect_s, "left_out": found.left_out}
    return describe_piece(path, {**describe_members(found.people), **said})


def _read(path: Path, facts: Mapping[str, Any]) -> list[CastMember] | None:
    """What was written; None where a version before or after this one wrote it in another way."""
    try:
        people = facts["people"]
        previews = np.frombuffer(path.read_bytes(), np.uint8).reshape(len(people), *_PREVIEW)
        return [_member(stored, preview) for stored, preview in zip(people, previews, strict=True)]
    except (KeyError, TypeError, ValueError):
        return None


def _stored(member: CastMember) -> dict[str, Any]:
    person, face = member.person, member.face
    embedding = person.embedding
    return {
        "face_id": member.face_id,
        "bbox": face.bbox.tolist(),
        "kps": face.kps.tolist(),
        "score": float(face.score),
        "frame": member.frame,
        "time_s": member.time_s,
        "embedding": None if embedding is None else base64.b64encode(embedding.tobytes()).decode(),
        "side_px": float(person.side_px),
        "sharpness": float(person.sharpness),
        "first_s": member.first_s,
        "last_s": member.last_s,
        "seen": member.seen,
        "largest_area": float(member.largest_area),
        "prominence": float(member.prominence),
    }


def _member(stored: Mapping[str, Any], preview: np.ndarray[Any, np.dtype[np.uint8]]) -> CastMember:
    packed = stored["embedding"]
    embedding = None if packed is None else np.frombuffer(base64.b64decode(packed), np.float32)
    taken = ("face_id", "frame", "time_s", "first_s", "last_s", "seen", "largest_area", "prominence")
    return CastMember(
        face=Face(bbox=_array(stored["bbox"]), kps=_array(stored["kps"]), score=stored["score"]),
        preview=preview,
        person=Person(embedding=embedding, side_px=stored["side_px"], sharpness=stored["sharpness"]),
        **{name: stored[name] for name in taken},
    )


def _array(values: Sequence[Any]) -> Array:
    return np.array(values, np.float32)
