"""What a manifest asks of the pipeline: its options checked, and what has no effect told."""

from collections.abc import Callable, Iterator
from typing import Final

from consumer.config.groups.models import MESH
from pipeline.blend.paste import PasteMode
from pipeline.engines.base import BlendOptions
from storage.records.manifest import Manifest, Options
from storage.records.status import JobWarning

_VIDEO_OPTIONS: Final = ("keep_fps", "keep_audio", "video_encoder", "video_quality", "trim")
_PICTURE_OPTIONS: Final = ("output_format", "image_quality", "keep_date")
_NETWORK_OPTIONS: Final = ("swap_strength", "pixel_boost")  # of engines that draw with a network
_SWAP_OPTIONS: Final = (
    *_NETWORK_OPTIONS,
    "use_face_enhancer",
    "enhancer_strength",
    "mouth_mask",
    "color_correction",
    *_PICTURE_OPTIONS,
)


def blend_options(options: Options, paste: PasteMode, *, enhance: bool, max_pixel_boost: int) -> BlendOptions:
    """How the swapped faces are blended in.

    `paste` and `max_pixel_boost` are the operator's choice, `enhance` is what can be done.
    """
    return BlendOptions(
        color_correction=options.color_correction,
        mouth_mask=options.mouth_mask,
        enhance=enhance,
        paste=paste,
        swap_strength=options.swap_strength,
        pixel_boost=min(options.pixel_boost, max_pixel_boost),
        enhancer_strength=options.enhancer_strength,
    )


def ignored_warnings(manifest: Manifest) -> Iterator[JobWarning]:
    """A warning for each option and field of a job that has no effect on it."""
    kind, options = manifest.process_type, manifest.options
    is_video = kind.endswith("-video")
    idle: tuple[str, ...] = () if kind.startswith("single-") else ("many_faces",)
    idle += _PICTURE_OPTIONS if is_video else _VIDEO_OPTIONS
    if kind == "detect-faces":
        idle += _SWAP_OPTIONS
    for name in idle:
        if _is_set(options, name):
            reason = "is for videos" if name in _VIDEO_OPTIONS else f"is not for `{kind}`"
            yield JobWarning(code="option_ignored", message=f"`{name}` {reason} and has no effect here.")
    if manifest.detection is not None and not kind.startswith("multi-"):
        message = f"`detection` has no effect on a `{kind}` job."
        yield JobWarning(code="field_ignored", message=message)


def engine_warnings(options: Options, engine: str, *, max_pixel_boost: int) -> Iterator[JobWarning]:
    """A warning for each option that has no effect, or less than it asks for, with the engine of a name."""
    if engine == MESH:
        for name in _NETWORK_OPTIONS:
            if _is_set(options, name):
                message = f"`{name}` is for engines that draw with a network, and has no effect on `{MESH}`."
                yield JobWarning(code="option_ignored", message=message)
    elif options.pixel_boost > max_pixel_boost:
        message = (
            f"`pixel_boost` is at most {max_pixel_boost} here, and {options.pixel_boost} has no more effect."
        )
        yield JobWarning(code="option_ignored", message=message)
    if _is_set(options, "enhancer_strength") and not options.use_face_enhancer:
        message = "`enhancer_strength` has no effect without `use_face_enhancer`."
        yield JobWarning(code="option_ignored", message=message)


def _is_set(options: Options, name: str) -> bool:
    return bool(getattr(options, name) != getattr(Options(), name))


def enhancer_warnings(options: Options, *, enhances: bool) -> Iterator[JobWarning]:
    """A warning where faces would have been restored if that could be done here."""
    if options.use_face_enhancer and not enhances:
        message = "No face was restored: there is no enhancer here."
        yield JobWarning(code="enhancer_unavailable", message=message)


def service_warnings(manifest: Manifest, objection: Callable[[str], str | None]) -> Iterator[JobWarning]:
    """A warning for each wish of a job, of whatever kind, that this service will not heed.

    `objection` says why a `callback_url` will not be called, None if it will.
    """
    if manifest.options.execution_provider is not None:
        message = "`execution_provider` is ignored: the consumer decides where its networks run."
        yield JobWarning(code="option_ignored", message=message)
    if manifest.callback_url is not None and (why := objection(manifest.callback_url)):
        yield JobWarning(code="field_ignored", message=f"`callback_url` is not called: {why}")
