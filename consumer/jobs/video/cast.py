"""Who is in a video: everybody, from one pass over it, which a later attempt need not take again."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Final

import numpy as np

from consumer.jobs.context import JobContext
from consumer.jobs.video.frames import FrameSource, frame_bytes
from consumer.jobs.video.pace import FrameProgress
from pipeline.engines.base import AnyEngine
from pipeline.face import Array, Face
from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.frame import FrameEditor, YuvFrame
from pipeline.media.video.probe import VideoFile
from pipeline.media.video.segments import SegmentPlan, plan_id
from pipeline.swap.video.people import Someone, counting, someone
from pipeline.swap.video.view import YuvView
from pipeline.tracks.cast import CastBuilder, CastMember
from pipeline.tracks.identity import Person
from storage.scratch import describe_piece

_REVISION: Final = 1
"""Counts the changes to the code after which it tells of other people of the same video."""
_EXTENSION: Final = "cast"


async def find_cast(
    context: JobContext, engine: AnyEngine, video: VideoFile, plan: SegmentPlan, mapper: ToneMapper
) -> tuple[CastMember, ...]:
    """Look at every frame of what a plan keeps of a video, a few of them closely, for people who count.

    Raises:
        MediaCorrupt: the file cannot be read any more.
    """
    builder, editor = CastBuilder(engine), FrameEditor()
    progress = FrameProgress(context, "detect", plan.frames)
    first, end = plan.segments[0].start, plan.segments[-1].end
    number = 0

    def look(frame: YuvFrame) -> bool:
        with context.timings.measure("detect"):
            builder.add(YuvView(frame, editor), number, float((frame.time - video.zero) * video.time_base))
        return True

    async with context.memory(frame_bytes(video)), FrameSource(context, video, mapper, first, end) as frames:
        progress.tell()
        async for frame in frames:
            await context.on_device_until_done(partial(look, frame), progress.tell)
            number += 1
            progress.add()
        return counting(await context.on_device(builder.finish), context.face_filter)


async def known_people(
    context: JobContext,
    engine: AnyEngine,
    video: VideoFile,
    plan: SegmentPlan,
    mapper: ToneMapper,
    target_sha256: str,
) -> tuple[Someone, ...]:
    """The cast, as an earlier attempt has kept it or else as it is found now, and kept.

    Kept, it is the same for every attempt: networks round differently on different machines, and segments
    of two casts do not go together.
    """
    info = engine.info
    asked = {
        "revision": _REVISION,
        "target": target_sha256,
        "engine": [info.name, info.version, sorted(info.models.items())],
        "face_filter": asdict(context.face_filter),
        "kept": [plan.segments[0].start, plan.segments[-1].end],
    }
    scratch = context.scratch(plan_id(asked))
    path = context.workspace.new_path()
    piece = await scratch.fetch(0, path, extension=_EXTENSION)
    if piece is not None and (people := _read(piece.facts)) is not None:
        return people
    found = describe_people([someone(each) for each in await find_cast(context, engine, video, plan, mapper)])
    await context.on_cpu(partial(path.write_bytes, b""))  # all that there is to keep are the facts
    piece = await context.on_cpu(partial(describe_piece, path, found))
    await scratch.keep(0, path, piece, extension=_EXTENSION, content_type="application/octet-stream")
    people = _read(found)  # as whoever takes it over will know it, to the last digit
    if people is None:
        raise RuntimeError("what was written cannot be read")
    return people


def describe_people(people: Sequence[Someone]) -> Mapping[str, Any]:
    """What the frames of a swap depend on of the people in it; of types that JSON has."""
    return {"people": [_stored(each) for each in people]}


def _stored(each: Someone) -> dict[str, Any]:
    person, face = each.person, each.face
    embedding = person.embedding
    return {
        "face_id": each.face_id,
        "bbox": face.bbox.tolist(),
        "kps": face.kps.tolist(),
        "score": face.score,
        "embedding": None if embedding is None else base64.b64encode(embedding.tobytes()).decode(),
        "side_px": person.side_px,
        "sharpness": person.sharpness,
        "first_s": each.first_s,
        "last_s": each.last_s,
        "prominence": each.prominence,
    }


def _read(facts: Mapping[str, Any]) -> tuple[Someone, ...] | None:
    """What was stored; None where a version before or after this one wrote it in another way."""
    try:
        return tuple(_someone(stored) for stored in facts["people"])
    except (KeyError, TypeError, ValueError):
        return None


def _someone(stored: Mapping[str, Any]) -> Someone:
    packed = stored["embedding"]
    embedding = None if packed is None else np.frombuffer(base64.b64decode(packed), np.float32)
    return Someone(
        face_id=stored["face_id"],
        face=Face(bbox=_array(stored["bbox"]), kps=_array(stored["kps"]), score=stored["score"]),
        person=Person(embedding=embedding, side_px=stored["side_px"], sharpness=stored["sharpness"]),
        first_s=stored["first_s"],
        last_s=stored["last_s"],
        prominence=stored["prominence"],
    )


def _array(values: Sequence[Any]) -> Array:
    return np.array(values, np.float32)
