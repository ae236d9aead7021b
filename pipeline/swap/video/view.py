"""A frame of a video as what follows faces wants to see it."""

from pipeline.face import Bgr
from pipeline.media.video.frame import Box, FrameEditor, YuvFrame, grey


class YuvView:
    """Satisfies `pipeline.tracks.frame.FrameView`; shares an editor with others of its thread."""

    def __init__(self, frame: YuvFrame, editor: FrameEditor) -> None:
        self.frame = frame
        self._editor = editor

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.frame.size

    def grey(self, size: tuple[int, int]) -> Bgr:
        """How bright it is, uint8 of `size` (width, height)."""
        return grey(self.frame, size)

    def region(self, box: Box) -> Bgr:
        """A part of it as BGR uint8 (h, w, 3)."""
        return self._editor.look(self.frame, box)

    def reduced(self, box: Box, size: tuple[int, int]) -> Bgr:
        """A part of it as BGR uint8 of `size` (width, height)."""
        return self._editor.look(self.frame, box, size)
