"""What a manifest asks of the picture pipeline, and what the pipeline's answer means for the status."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pipeline.engines.base import EngineInfo, Look
from pipeline.errors import OptionUnavailable
from pipeline.faces import Notice
from pipeline.jobs.result import FaceResult
from pipeline.paste import PasteMode
from storage.errors import InvalidManifest
from storage.manifest import Manifest, Options
from storage.status import (
    EngineRecord,
    FaceOutcome,
    FaceSimilarity,
    JobWarning,
)

_VIDEO_OPTIONS = ("keep_fps", "keep_audio", "video_encoder", "video_quality", "trim")
_IGNORED_FIELDS = ("detection", "callback_url")


@dataclass(frozen=True, kw_only=True)
class PicturePlan:
    """A checked single-image job: where its two files are and how they are to be combined."""

    source: str
    target: str
    options: Options
    look: Look
    warnings: tuple[JobWarning, ...]


def plan_picture(manifest: Manifest, engines: Collection[str], *, paste: PasteMode) -> PicturePlan:
    """Check that this consumer knows what is asked; whatever it will not heed becomes a warning.

    `engines` are the names that a job may give; `paste` is the operator's choice.

    Raises:
        InvalidManifest: another kind of job.
        OptionUnavailable: an engine that nobody here has heard of.
    """
    if manifest.process_type != "single-image" or manifest.source is None:
        raise InvalidManifest(
            f"This consumer cannot do `{manifest.process_type}` yet; it can do `single-image` "
            "(the face of `source` onto the picture `target`)."
        )
    options = manifest.options
    if options.engine not in engines:
        raise OptionUnavailable(
            f"There is no engine `{options.engine}` here; known are {', '.join(engines)}."
        )
    return PicturePlan(
        source=manifest.source,
        target=manifest.target,
        options=options,
        look=Look(
            color_correction=options.color_correction,
            mouth_mask=options.mouth_mask,
            enhance=options.use_face_enhancer,
            paste=paste,
        ),
        warnings=tuple(_ignored(manifest)),
    )


def _ignored(manifest: Manifest) -> list[JobWarning]:
    options, defaults = manifest.options, Options()
    warnings = [
        JobWarning(code="option_ignored", message=f"`{name}` is for videos and has no effect on a picture.")
        for name in _VIDEO_OPTIONS
        if getattr(options, name) != getattr(defaults, name)
    ]
    if options.execution_provider is not None:
        message = "`execution_provider` is ignored: the consumer decides where its networks run."
        warnings.append(JobWarning(code="option_ignored", message=message))
    warnings += [
        JobWarning(code="field_ignored", message=f"`{name}` has no effect on a `single-image` job here.")
        for name in _IGNORED_FIELDS
        if getattr(manifest, name) is not None
    ]
    return warnings


def to_warnings(notices: tuple[Notice, ...]) -> tuple[JobWarning, ...]:
    """The pipeline's notices as the status record's warnings, each once."""
    return tuple(JobWarning(code=notice.code, message=notice.message) for notice in dict.fromkeys(notices))


def to_outcome(face: FaceResult) -> FaceOutcome:
    """A face as the status record tells of it."""
    likeness = face.likeness
    return FaceOutcome(
        face_id=face.face_id,
        box=face.box,
        score=face.score,
        swapped=face.swapped,
        source="source" if face.swapped else None,
        similarity=None
        if likeness is None
        else FaceSimilarity(
            to_source=likeness.to_source,
            to_target_before=likeness.to_target_before,
            source_to_target_before=likeness.source_to_target_before,
        ),
    )


def to_engine_record(info: EngineInfo, enhancer_models: Mapping[str, str]) -> EngineRecord:
    """An engine, and the files of the enhancer that came after it, as the status record tells of them."""
    return EngineRecord(
        name=info.name,
        version=info.version,
        provider=info.provider,
        models={**info.models, **enhancer_models},
    )
