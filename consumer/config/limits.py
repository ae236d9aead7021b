"""What the settings allow a file, a picture, and a face in it, to be."""

from collections.abc import Callable

from consumer.config.settings import Settings
from pipeline.media.pictures.decode import Limits
from pipeline.media.sniff import sniff
from pipeline.media.video.limits import VideoLimits
from pipeline.swap.request import FaceFilter
from storage.inputs.fetch import InputPolicy


def picture_limits(settings: Settings) -> Limits:
    """The largest picture."""
    return Limits(
        max_pixels=settings.max_pixels,
        max_bytes=settings.max_input_bytes,
        max_frames=settings.max_frames,
        max_animation_pixels=settings.max_animation_pixels,
    )


def video_limits(settings: Settings) -> VideoLimits:
    """The largest video."""
    return VideoLimits(
        max_bytes=settings.max_video_bytes,
        max_pixels=settings.max_video_pixels,
        max_frames=settings.max_video_frames,
        max_seconds=settings.max_video_seconds,
    )


def size_limit(settings: Settings) -> Callable[[bytes], int]:
    """Tells from a file's first bytes how many it may have, by what they are the beginning of."""

    def limit(head: bytes) -> int:
        return settings.max_video_bytes if sniff(head).kind == "video" else settings.max_input_bytes

    return limit


def input_policy(settings: Settings) -> InputPolicy:
    """What inputs may be, and how patiently they are waited for."""
    return InputPolicy(
        max_bytes=settings.max_input_bytes,
        missing_grace_s=settings.missing_grace_s,
        stall_timeout_s=settings.input_timeout_s,
    )


def face_filter_of(settings: Settings, *, min_size_px: float | None = None) -> FaceFilter:
    """Which faces of a target count; `min_size_px`, a length in pixels, goes before the setting's."""
    return FaceFilter(
        min_size_px=settings.min_face_px if min_size_px is None else min_size_px,
        min_score=settings.min_face_score,
    )
