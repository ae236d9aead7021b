"""A frame of a video as what follows faces wants to see it."""

from pipeline.face import Bgr
from pipeline.media.video.frame import Box, FrameEditor, YuvFrame


class YuvView:
    """Satisfies `pipeline.tracks.frame.FrameView`; shares an editor with others of its thread."""

    def __init__(self, frame: YuvFrame, editor: FrameEditor) -> None:
        self.frame = frame
        self._editor = editor

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.frame.size

    def small(self, longest: int) -> Bgr:
        """All of it as BGR uint8 (h, w, 3), no side longer than `longest`."""
        return self._editor.small(self.frame, longest)[0]

    def region(self, box: Box) -> Bgr:
        """A part of it as BGR uint8 (h, w, 3)."""
        return self._editor.read(self.frame, box)
