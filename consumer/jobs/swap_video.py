"""The jobs that swap faces in a video, `single-video` and `multi-video`."""

from collections.abc import Mapping
from dataclasses import asdict
from fractions import Fraction
from functools import partial
from typing import Final

from consumer.engines.pool import LoadedEngine
from consumer.jobs.context import JobContext
from consumer.jobs.marks import carry_marks, named_sources, target_video
from consumer.jobs.pixels import Finish
from consumer.jobs.records import to_warnings
from consumer.jobs.swap_picture import prepare_sources
from consumer.jobs.swap_request import find_blend, find_choice, open_engine, source_files, wanted_pictures
from consumer.jobs.video.cast import describe_members, known_cast
from consumer.jobs.video.choice import makers_ahead
from consumer.jobs.video.files import open_target_video
from consumer.jobs.video.finish import finish
from consumer.jobs.video.render import VideoWork
from consumer.jobs.video.shared import made_here, segment_executor
from consumer.jobs.watermark import watermark_for
from pipeline.engines.base import BlendOptions
from pipeline.errors import OptionUnavailable
from pipeline.media.sniff import sniff
from pipeline.media.video.encoders import EncoderLine, EncoderTrials, encoder_line
from pipeline.media.video.probe import VideoFile
from pipeline.media.video.segments import SegmentPlan, Trim, plan_id, plan_segments
from pipeline.swap.choose import FaceChooser
from pipeline.swap.inputs import refuse_video
from pipeline.swap.naming import SOURCE
from pipeline.swap.request import Every, Recognised, SourceFile
from pipeline.swap.sources import SourceSet
from pipeline.swap.video.segment import VideoSwap
from storage.inputs.arrival import SizeLimit
from storage.inputs.fetch import FetchedInput
from storage.lease.leases import Output
from storage.records.manifest import Options, source_pictures

_STEADY_FPS: Final = Fraction(30)


async def run(context: JobContext) -> Output:
    """Put the faces of the sources onto people of the video, the largest of all or those that were named.

    Raises:
        InputError: a file cannot be used, or has no face to take or to change.
        InvalidManifest: `detection` is none of a video.
        SharedOut, PartMade: there is no result yet, or there will be none; see them.
    """
    manifest, services = context.manifest, context.services
    await context.refuse_unwanted_part()
    loaded = await open_engine(context)
    encoder = await context.on_cpu(partial(_encoder, services.encoder_trials, manifest.options))
    pictures = await context.fetch(*wanted_pictures(context), limit=_picture_limit(context))
    files = source_files(manifest, pictures)
    averaged = isinstance(manifest.source, list)
    names = (SOURCE,) if averaged else tuple(files)
    chooser = FaceChooser(loaded.engine, await find_choice(context, pictures), names, services.face_filter)
    sources = await _sources(context, loaded, chooser, files, averaged=averaged)
    target = (await context.fetch(manifest.target))[manifest.target]
    video = await open_target_video(context, target)
    context.note(warnings=to_warnings(video.notices))
    looked_at = target_video(video.path, video.media, target.sha256)
    await carry_marks(context, [looked_at, *named_sources(context, pictures)])
    plan = await context.on_cpu(partial(_plan, video, encoder, manifest.options))
    async with makers_ahead(context, loaded, video, segments=made_here(context, plan)):
        people = await known_cast(context, loaded, video, plan, target.sha256)
        chosen = await context.on_device(partial(chooser.choose_members, people))
        if loaded.swapper.minors is not None:
            judging = loaded.swapper.minors.members(people, chosen)
            found = await context.on_device_in_steps(judging, partial(context.progress.report, "detect"))
            context.note(warnings=to_warnings(found))
        blend = find_blend(context, loaded)
        swap = VideoSwap(
            people=people,
            chosen=chosen,
            everybody=names[0] if isinstance(chooser.choice, Every) else None,
            sources=sources.ready,
            blend=blend,
            face_filter=services.face_filter,
        )
        asked = _asked(context, loaded, blend, pictures, target)
        named = plan_id(plan.describe(), asked, describe_members(people), {"chosen": sorted(chosen.items())})
        end = Finish(label=services.label, watermark=watermark_for(context, plan.size, named))
        work = VideoWork(video=video, plan=plan, plan_id=named, swap=swap, finish=end)
        done = await segment_executor(context, loaded).run(work)
    context.leave_device()
    return await finish(context, work, done, loaded.engine.identity_scale)


def _picture_limit(context: JobContext) -> SizeLimit:
    """The most bytes of a source; a video in its place is refused before it is fetched whole."""

    def limit(head: bytes) -> int:
        refuse_video("source", sniff(head))
        return context.services.limits.max_bytes

    return limit


async def _sources(
    context: JobContext,
    loaded: LoadedEngine,
    chooser: FaceChooser,
    files: Mapping[str, SourceFile],
    *,
    averaged: bool,
) -> SourceSet:
    """The faces to put in, ready."""
    choice = chooser.choice
    context.progress.report("decode")
    opening = partial(
        loaded.swapper.open_sources,
        files,
        context.services.limits,
        context.timings,
        averaged=averaged,
        reference=choice.reference if isinstance(choice, Recognised) else None,
        learn=chooser.learn,
    )
    sources = await context.on_cpu(opening)
    async with context.memory(sources.memory_bytes):
        await prepare_sources(context, sources)
    context.note(warnings=to_warnings(sources.notices))
    return sources


def _plan(video: VideoFile, encoder: EncoderLine, options: Options) -> SegmentPlan:
    trim = None if options.trim is None else Trim(start_s=options.trim.start, end_s=options.trim.end)
    return plan_segments(video, encoder, fps=None if options.keep_fps else _STEADY_FPS, trim=trim)


def _encoder(trials: EncoderTrials, options: Options) -> EncoderLine:
    """Raises OptionUnavailable where the encoder does not work on this machine."""
    why = trials.why_unavailable(options.video_encoder)
    if why is not None:
        raise OptionUnavailable(f"`video_encoder`: {why} Leave it out for libx264, which always works.")
    return encoder_line(options.video_encoder, options.video_quality)


def _asked(
    context: JobContext,
    loaded: LoadedEngine,
    blend: BlendOptions,
    pictures: Mapping[str, FetchedInput],
    target: FetchedInput,
) -> Mapping[str, object]:
    """What the pixels of the result depend on beside the plan and the people; of types that JSON has."""
    manifest, info = context.manifest, loaded.engine.info
    services, hider = context.services, context.services.pool.watermarker
    return {
        "version": context.mark().version,
        "kind": manifest.process_type,
        "target": target.sha256,
        "sources": {name: pictures[given].sha256 for name, given in source_pictures(manifest).items()},
        "averaged": isinstance(manifest.source, list),
        "many_faces": manifest.options.many_faces,
        "blend": asdict(blend),
        "face_filter": asdict(services.face_filter),
        "engine": [info.name, info.version, sorted(info.models.items())],
        "enhancer": sorted(loaded.enhancer_models.items()),
        "watermark": None if hider is None else hider.model,
        "label": None if services.label is None else asdict(services.label),
        "hands": sorted(loaded.swapper.hands.models.items()) if loaded.swapper.hands else [],
    }
