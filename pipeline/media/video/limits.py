"""The largest video that is read."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class VideoLimits:
    """What a video may have; the defaults hold four hours of 8K at 60 frames a second."""

    #: Bytes of the file.
    max_bytes: int = 2_000_000_000
    #: Pixels of a frame.
    max_pixels: int = 7680 * 4320
    #: Frames that show.
    max_frames: int = 4 * 3600 * 60
    #: Seconds from its first frame to its last.
    max_seconds: float = 4 * 3600
