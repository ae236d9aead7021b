"""What jobs that swap faces begin with, in pictures and videos alike: the engine, the sources, the choice."""

from collections.abc import Mapping
from functools import partial

from consumer.engines.pool import LoadedEngine
from consumer.jobs.context import JobContext
from consumer.jobs.detection_record import to_stored_faces
from consumer.jobs.plan import blend_options, engine_warnings, enhancer_warnings, ignored_warnings
from consumer.jobs.records import to_engine_record, to_warnings
from pipeline.engines.base import BlendOptions
from pipeline.swap.request import Choice, Every, Largest, Mapped, Recognised, SourceFile
from storage.inputs.fetch import FetchedInput
from storage.records.detection import MAX_DETECTION_BYTES, Detection, read_detection
from storage.records.manifest import Manifest, source_pictures


async def open_engine(context: JobContext) -> LoadedEngine:
    """Get the engine that the job asks for, and note it, its warnings and the options without effect.

    From here on it knows who is never put in.

    Raises:
        OptionUnavailable, ModelUnavailable: see `JobContext.engine`.
        DenylistUnreadable: the list of those people cannot be read.
    """
    options, services = context.manifest.options, context.services
    context.note(warnings=tuple(ignored_warnings(context.manifest)))
    await services.read_denylist()
    loaded = await context.engine(options.engine, enhance=options.use_face_enhancer)
    further = {**loaded.enhancer_models, **(loaded.swapper.hands.models if loaded.swapper.hands else {})}
    context.note(
        engine=to_engine_record(loaded.engine.info, further),
        warnings=(
            *engine_warnings(options, loaded.engine.info.name, max_pixel_boost=services.max_pixel_boost),
            *enhancer_warnings(options, enhances=loaded.enhances),
            *to_warnings(loaded.engine.notices),
        ),
    )
    return loaded


def find_blend(context: JobContext, loaded: LoadedEngine) -> BlendOptions:
    """How the swapped faces are blended in: what the job asks for, the operator chose and can be done."""
    return blend_options(
        context.manifest.options,
        context.services.paste,
        enhance=loaded.enhances,
        max_pixel_boost=context.services.max_pixel_boost,
    )


def wanted_pictures(context: JobContext) -> tuple[str, ...]:
    """What is to be fetched beside the target: the pictures of the sources, and of the reference."""
    sources = source_pictures(context.manifest).values()
    return (*sources, *([context.reference] if context.reference else ()))


def source_files(manifest: Manifest, files: Mapping[str, FetchedInput]) -> Mapping[str, SourceFile]:
    """The fetched files of the sources, by name."""
    return {
        name: SourceFile(body=files[reference].read(), sha256=files[reference].sha256)
        for name, reference in source_pictures(manifest).items()
    }


async def find_choice(context: JobContext, files: Mapping[str, FetchedInput]) -> Choice:
    """Tell which faces are meant; `files` has the reference picture, and a detection is fetched here.

    Raises:
        InvalidManifest: `detection` is none, or is of another kind of target.
    """
    manifest = context.manifest
    if manifest.process_type.startswith("multi-"):
        if manifest.detection is None:
            return Mapped()
        found = await context.fetch(manifest.detection, limit=MAX_DETECTION_BYTES)
        record = await context.on_cpu(partial(_read_detection, found[manifest.detection]))
        is_video = manifest.process_type == "multi-video"
        return Mapped(to_stored_faces(record, of="video" if is_video else "picture"))
    if context.reference is not None:
        return Recognised(files[context.reference].read())
    return Every() if manifest.options.many_faces else Largest()


def _read_detection(found: FetchedInput) -> Detection:
    return read_detection(found.read())
