"""The outside of an animation: its canvas, how long each frame shows, and how often it plays.

Read from the headers of all frames before any of them is decoded; a file that is cut short is refused.
"""

from dataclasses import dataclass

from pipeline.face import Notice


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What a file says of its animation."""

    #: (width, height) in pixels of the canvas that the decoder holds, before any turn.
    size: tuple[int, int]
    #: The file, less what the decoder does not need.
    data: bytes
    #: How long each frame shows, in milliseconds.
    durations_ms: tuple[float, ...]
    #: How often all of it is shown; 0 is for ever.
    plays: int
    #: Whether frames may be transparent.
    has_alpha: bool
    #: Whether every frame is stored without loss.
    lossless: bool = True
    #: How each frame is to be turned, 1..8, as EXIF counts.
    orientation: int = 1
    #: The ICC profile, empty if there is none.
    icc: bytes = b""
    #: What the sender should know of how the file is made.
    notices: tuple[Notice, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether there is more than one frame."""
        return len(self.durations_ms) > 1
