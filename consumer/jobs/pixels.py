"""What is done to the pixels of a result in the end, before its marks are written: label, then watermark."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.label.label import Label
from pipeline.label.paint import LabelPainter
from pipeline.label.place import Box
from pipeline.media.pictures.decode import Picture
from pipeline.media.video.frame import YuvFrame
from pipeline.watermark.embed import Watermarker


@dataclass(frozen=True, kw_only=True, eq=False)
class Watermark:
    """An id, and what hides it in pixels."""

    mark_id: str
    hider: Watermarker


@dataclass(frozen=True, kw_only=True, eq=False)
class Finish:
    """What is done to the frames of a result, or of a segment of it: data, which can be sent to a process."""

    label: Label | None
    #: In the first frame; None where there is to be none.
    watermark: Watermark | None

    @property
    def mark_id(self) -> str | None:
        """The id that is hidden, as the marks name it."""
        return None if self.watermark is None else self.watermark.mark_id


class Finisher:
    """Does it to frames in order, in place; on CPU threads, one call after the other."""

    def __init__(self, finish: Finish) -> None:
        self._painter = None if finish.label is None else LabelPainter(finish.label)
        self._watermark = finish.watermark

    def on_picture(self, picture: Picture, faces: Sequence[Box] = ()) -> None:
        """Finish a picture, or the next frame of an animation; raises ModelUnavailable.

        The label spares `faces` where it can.
        """
        if self._painter is not None:
            self._painter.on_picture(picture, faces)
        self._hide(lambda mark: mark.hider.on_picture(picture, mark.mark_id))

    def on_frame(self, frame: YuvFrame) -> None:
        """Finish the next frame of a video; raises ModelUnavailable."""
        if self._painter is not None:
            self._painter.on_frame(frame)
        self._hide(lambda mark: mark.hider.on_frame(frame, mark.mark_id))

    def _hide(self, hide: Callable[[Watermark], None]) -> None:
        """The first frame is a key frame whatever the encoder: what comes next is made of it."""
        if self._watermark is not None:
            hide(self._watermark)
            self._watermark = None
