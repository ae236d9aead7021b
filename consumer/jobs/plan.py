"""What a manifest asks of the picture pipeline, and what the pipeline's answer means for the status."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from pipeline.blend.paste import PasteMode
from pipeline.engines.base import BlendOptions, EngineInfo
from pipeline.errors import OptionUnavailable
from pipeline.face import Notice
from pipeline.swap.result import FaceResult
from storage.errors import InvalidManifest
from storage.records.manifest import Manifest, Options
from storage.records.status import (
    EngineRecord,
    FaceOutcome,
    FaceSimilarity,
    JobWarning,
)

_DETECT = "detect-faces"
_KINDS = ("single-image", "multi-image", _DETECT)
_VIDEO_OPTIONS = ("keep_fps", "keep_audio", "video_encoder", "video_quality", "trim")
_SWAP_OPTIONS = ("use_face_enhancer", "mouth_mask", "color_correction", "output_format", "image_quality")


@dataclass(frozen=True, kw_only=True)
class PicturePlan:
    """A checked picture job: where its files are and what is to be done with them.

    `sources` are references by the name of the source: `source`, or `face_<n>` for the face that each is
    for; none of them means that faces are only detected. `detection` is where those numbers come from.
    """

    sources: Mapping[str, str]
    target: str
    detection: str | None
    options: Options
    blend: BlendOptions
    warnings: tuple[JobWarning, ...]

    @property
    def numbered(self) -> bool:
        """Whether each source is for one certain face."""
        return "source" not in self.sources


def plan_picture(
    manifest: Manifest,
    engines: Collection[str],
    *,
    paste: PasteMode,
    objection: Callable[[str], str | None] = lambda _url: None,
) -> PicturePlan:
    """Check that this consumer knows what is asked; whatever it will not heed becomes a warning.

    `engines` are the names that a job may give; `paste` is the operator's choice; `objection` says why a
    `callback_url` will not be called, None if it will.

    Raises:
        InvalidManifest: another kind of job.
        OptionUnavailable: an engine that nobody here has heard of.
    """
    kind, options = manifest.process_type, manifest.options
    if kind not in _KINDS:
        raise InvalidManifest(
            f"This consumer cannot do `{kind}` yet; it can do {', '.join(f'`{name}`' for name in _KINDS)}."
        )
    if options.engine not in engines:
        raise OptionUnavailable(
            f"There is no engine `{options.engine}` here; known are {', '.join(engines)}."
        )
    swaps = kind != _DETECT
    return PicturePlan(
        sources=manifest.face_mappings or ({"source": manifest.source} if manifest.source else {}),
        target=manifest.target,
        detection=manifest.detection if kind == "multi-image" else None,
        options=options,
        blend=BlendOptions(
            color_correction=options.color_correction,
            mouth_mask=options.mouth_mask,
            enhance=options.use_face_enhancer and swaps,
            paste=paste,
        ),
        warnings=tuple(_ignored(manifest, objection)),
    )


def _ignored(manifest: Manifest, objection: Callable[[str], str | None]) -> Iterator[JobWarning]:
    kind, options = manifest.process_type, manifest.options
    idle: tuple[str, ...] = () if kind == "single-image" else ("many_faces",)
    if kind == _DETECT:
        idle += _SWAP_OPTIONS
    for name in (*_VIDEO_OPTIONS, *idle):
        if getattr(options, name) != getattr(Options(), name):
            reason = "is for videos" if name in _VIDEO_OPTIONS else f"is not for `{kind}`"
            yield JobWarning(code="option_ignored", message=f"`{name}` {reason} and has no effect here.")
    if options.execution_provider is not None:
        message = "`execution_provider` is ignored: the consumer decides where its networks run."
        yield JobWarning(code="option_ignored", message=message)
    if manifest.detection is not None and kind != "multi-image":
        message = f"`detection` has no effect on a `{kind}` job."
        yield JobWarning(code="field_ignored", message=message)
    if manifest.callback_url is not None and (why := objection(manifest.callback_url)):
        yield JobWarning(code="field_ignored", message=f"`callback_url` is not called: {why}")


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
        source=face.source,
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
