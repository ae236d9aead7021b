"""The job that tells which faces a picture or a video has, `detect-faces`."""

from collections.abc import Iterable
from functools import partial

from consumer.engines.pool import LoadedEngine
from consumer.jobs.context import JobContext
from consumer.jobs.detection_record import to_record
from consumer.jobs.plan import ignored_warnings
from consumer.jobs.records import to_engine_record, to_outcome, to_warnings
from consumer.jobs.video.cast import find_cast
from consumer.jobs.video.content import VideoContent
from consumer.jobs.video.files import media_of, open_target_video
from pipeline.face import Notice
from pipeline.media.video.encoders import encoder_line
from pipeline.media.video.segments import plan_segments
from pipeline.swap.choose import left_out_notices
from pipeline.swap.detect import DetectedFaces, DetectRun, Extent, describe_cast
from pipeline.swap.inputs import open_job_target
from pipeline.swap.result import face_result
from storage.inputs.fetch import FetchedInput
from storage.lease.leases import Output
from storage.records.detection import Detection


async def run(context: JobContext) -> Output:
    """Describe the faces of the target, of one frame of an animation, of all of a video; perhaps none.

    Raises:
        InputError: the target cannot be used.
    """
    manifest = context.manifest
    context.note(warnings=tuple(ignored_warnings(manifest)))
    loaded = await context.engine(manifest.options.engine)
    context.note(engine=to_engine_record(loaded.engine.info, {}))
    file = (await context.fetch(manifest.target))[manifest.target]
    is_video = (await context.on_cpu(partial(media_of, file))).kind == "video"
    record = await (_of_video if is_video else _of_picture)(context, loaded, file)
    return Output(
        body=await context.on_cpu(record.to_bytes, stage="encode"),
        extension="json",
        content_type="application/json",
        width=record.media.width,
        height=record.media.height,
    )


async def _of_picture(context: JobContext, loaded: LoadedEngine, file: FetchedInput) -> Detection:
    body = await context.on_cpu(file.read)
    context.progress.report("decode")
    target = await context.on_cpu(partial(open_job_target, body, context.services.limits))
    del body
    face_filter, content = context.services.face_filter, loaded.swapper.content
    detection = DetectRun(loaded.engine, target, face_filter, context.timings, content=content)
    async with context.memory(target.decode_bytes):
        while True:
            frame = await context.on_cpu(detection.read_frame)
            tell = partial(context.progress.report, "detect", *detection.progress, unit=target.unit)
            tell()
            if await context.on_device_in_steps(detection.look(frame), tell):
                break
        del frame
    context.leave_device()
    found = await context.on_cpu(detection.result)  # makes the previews
    _note(context, found, found.notices)
    return to_record(found)


async def _of_video(context: JobContext, loaded: LoadedEngine, file: FetchedInput) -> Detection:
    video = await open_target_video(context, file)
    plan = await context.on_cpu(partial(plan_segments, video, encoder_line("libx264", 0)))
    content = VideoContent(context, loaded.swapper.content)
    cast = await find_cast(context, loaded.engine, video, plan, content)
    notices = (*video.notices, *left_out_notices(cast.left_out))
    context.leave_device()
    extent = Extent(frames=video.frames, duration_s=video.duration_s)
    describing = partial(describe_cast, loaded.engine, cast.people, size=video.size, extent=extent)
    found = await context.on_cpu(describing)  # makes the previews
    content.note()
    _note(context, found, notices)
    return to_record(found)


def _note(context: JobContext, found: DetectedFaces, notices: Iterable[Notice]) -> None:
    faces = (face_result(number, face.face) for number, face in enumerate(found.faces))
    context.note(faces=[to_outcome(face) for face in faces], warnings=to_warnings(notices))
