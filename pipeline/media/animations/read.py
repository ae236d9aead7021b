"""Animated GIF, PNG and WebP files to whole frames, one at a time."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import GifImagePlugin, ImageFile, PngImagePlugin, WebPImagePlugin

from pipeline.errors import MediaTooLarge
from pipeline.media.animations.timeline import (
    Timeline,
    read_gif_timeline,
    read_png_timeline,
    read_webp_timeline,
)
from pipeline.media.pictures.decode import Limits, Picture, accept, check_size, decoder_faults
from pipeline.media.pictures.pixels import to_pixels
from pipeline.media.sniff import MediaType

_READERS: dict[str, tuple[Callable[[bytes], Timeline | None], type[ImageFile.ImageFile]]] = {
    "gif": (read_gif_timeline, GifImagePlugin.GifImageFile),
    "png": (read_png_timeline, PngImagePlugin.PngImageFile),
    "webp": (read_webp_timeline, WebPImagePlugin.WebPImageFile),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Animation:
    """An animation whose headers were read and whose pixels are still packed.

    Attributes:
        media: what the file was.
        timeline: its canvas and timing.
    """

    media: MediaType
    timeline: Timeline

    @property
    def pixels(self) -> int:
        """How many pixels a frame has."""
        width, height = self.timeline.size
        return width * height

    def frames(self) -> Iterator[Picture]:
        """Decode the frames in order, each as it is shown: composed to the whole canvas.

        Every call begins anew; one frame is held at a time, and each is the caller's own.

        Raises:
            MediaCorrupt: a frame is damaged.
        """
        timeline = self.timeline
        with decoder_faults():
            image = _READERS[self.media.name][1](io.BytesIO(timeline.data))
        for number in range(timeline.first, timeline.first + len(timeline.durations_ms)):
            with decoder_faults():
                image.seek(number)
                image.load()
                bgr, alpha = to_pixels(image, exif=timeline.exif, icc=timeline.icc)
            yield Picture(bgr=bgr, alpha=alpha, media=self.media)


def open_animation(data: bytes, limits: Limits) -> Animation | None:
    """Read the headers of an animation's frames; None for a picture of any format that does not move.

    Raises:
        UnsupportedMedia: the file is no picture.
        MediaTooLarge: the file, its canvas, or the number or pixels of all frames exceed `limits`.
        MediaCorrupt: the file is empty, damaged or cut short.
    """
    media = accept(data, limits)
    if media.name not in _READERS:
        return None
    with decoder_faults():
        timeline = _READERS[media.name][0](data)
    if timeline is None or len(timeline.durations_ms) < 2:  # noqa: PLR2004 -- one frame does not move
        return None
    check_size(timeline.size, limits)
    _check_length(timeline, limits)
    return Animation(media=media, timeline=timeline)


def _check_length(timeline: Timeline, limits: Limits) -> None:
    (width, height), frames = timeline.size, len(timeline.durations_ms)
    if frames > limits.max_frames:
        raise MediaTooLarge(
            f"The animation has {frames} frames; at most {limits.max_frames} are accepted. "
            "Send a shorter one."
        )
    if width * height * frames > limits.max_animation_pixels:
        raise MediaTooLarge(
            f"The animation has {frames} frames of {width} x {height} pixels; at most "
            f"{limits.max_animation_pixels / 1e6:.1f} million pixels in all are accepted. "
            "Send a shorter or smaller one."
        )
