"""The job that tells which faces a picture has, `detect-faces`."""

from functools import partial

from consumer.jobs.context import JobContext
from consumer.jobs.detection_record import to_record
from consumer.jobs.plan import ignored_warnings
from consumer.jobs.records import to_engine_record, to_outcome, to_warnings
from pipeline.swap.detect import DetectRun
from pipeline.swap.inputs import open_job_target
from pipeline.swap.result import face_result
from storage.lease.leases import Output


async def run(context: JobContext) -> Output:
    """Describe the faces of the target, of one frame where it moves; none at all is a result as well.

    Raises:
        InputError: the target cannot be used.
    """
    manifest = context.manifest
    context.note(warnings=tuple(ignored_warnings(manifest)))
    engine = (await context.engine(manifest.options.engine)).engine
    context.note(engine=to_engine_record(engine.info, {}))
    body = (await context.fetch(manifest.target, limit=context.limits.max_bytes))[manifest.target].read()
    context.report("decode")
    target = await context.on_cpu(partial(open_job_target, body, context.limits))
    del body
    detection = DetectRun(engine, target, context.face_filter, context.timings)
    async with context.memory(target.decode_bytes):
        while True:
            frame = await context.on_cpu(detection.read_frame)
            context.report("detect", *detection.progress, unit=target.unit)
            if await context.on_device(partial(detection.look, frame)):
                break
        del frame
    context.leave_device()
    found = await context.on_cpu(detection.result)  # makes the previews
    record = await context.on_cpu(lambda: to_record(found).to_bytes(), stage="encode")
    faces = (face_result(number, face.face) for number, face in enumerate(found.faces))
    context.note(faces=[to_outcome(face) for face in faces], warnings=to_warnings(found.notices))
    return Output(
        body=record,
        extension="json",
        content_type="application/json",
        width=found.width,
        height=found.height,
    )
