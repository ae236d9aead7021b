"""Animated GIF, PNG and WebP files to whole frames, one at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image

from pipeline.errors import MediaTooLarge
from pipeline.media.animations.apng_reader import png_images, read_png_timeline
from pipeline.media.animations.gif_reader import gif_images, read_gif_timeline
from pipeline.media.animations.timeline import Timeline
from pipeline.media.animations.webp_reader import read_webp_timeline, webp_images
from pipeline.media.pictures.decode import Limits, Picture, accept, check_size, decoder_faults
from pipeline.media.pictures.pixels import to_pixels
from pipeline.media.sniff import MediaType

_READERS: dict[
    str, tuple[Callable[[bytes], Timeline | None], Callable[[Timeline], Iterator[Image.Image]]]
] = {
    "gif": (read_gif_timeline, gif_images),
    "png": (read_png_timeline, png_images),
    "webp": (read_webp_timeline, webp_images),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class AnimationFile:
    """An animation whose headers were read and whose pixels are still packed."""

    #: What the file was.
    media: MediaType
    #: Its canvas and timing.
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
        for image in _READERS[self.media.name][1](timeline):
            with decoder_faults():
                bgr, alpha = to_pixels(image, orientation=timeline.orientation, icc=timeline.icc)
            yield Picture(bgr=bgr, alpha=alpha, media=self.media, notices=timeline.notices)


def read_timeline(data: bytes, media: MediaType) -> Timeline | None:
    """Walk a file of a format that may move; None where it does not say that it does.

    A timeline of one frame does not move either. Raises MediaCorrupt where the file is damaged or cut short.
    """
    if media.name not in _READERS:
        return None
    with decoder_faults():
        return _READERS[media.name][0](data)


def open_animation(
    data: bytes, limits: Limits, media: MediaType | None = None, timeline: Timeline | None = None
) -> AnimationFile | None:
    """Read the headers of an animation's frames; None for a picture of any format that does not move.

    Args:
        data: the file.
        limits: the largest that is accepted.
        media: what `sniff` says of it, where that was asked before.
        timeline: what `read_timeline` says of it, where that was asked before.

    Raises:
        UnsupportedMedia: the file is no picture.
        MediaTooLarge: the file, its canvas, or the number or pixels of all frames exceed `limits`.
        MediaCorrupt: the file is empty, damaged or cut short.
    """
    media = accept(data, limits, media)
    timeline = timeline or read_timeline(data, media)
    if timeline is None or not timeline.moves:
        return None
    check_size(timeline.size, limits)
    _check_length(timeline, limits)
    return AnimationFile(media=media, timeline=timeline)


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
