"""Whatever a decoder gives, made into upright frames of 8 bits whose chroma has half their size."""

from dataclasses import replace
from typing import Final

import av
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from pipeline.media.video.colour import BT709, ToneMapper
from pipeline.media.video.frame import YuvFrame, planes_of
from pipeline.media.video.probe import VideoFile

_PLAIN: Final = ("yuv420p", "yuvj420p")


class FrameConverter:
    """Makes the frames of one video; for one thread at a time."""

    def __init__(self, video: VideoFile, mapper: ToneMapper) -> None:
        self._video = video
        self._mapper = mapper
        self._to_first = VideoReformatter()
        self._to_420 = VideoReformatter()
        self._is_hdr = video.colour.is_hdr
        self._is_rgb = video.colour.is_rgb
        lines = video.stored_size[1]
        #: What frames are to be read by in place of their own matrix, None where that will do.
        self._matrix = video.colour.matrix_to_read_by(lines) if video.colour.is_refused else None
        tags = video.result_colour
        #: How the samples of what is converted are to be understood, none of it left open.
        self.colour = replace(tags, matrix=tags.matrix_to_read_by(lines), range=tags.range or ColorRange.MPEG)

    def adapt(self, image: av.VideoFrame) -> av.VideoFrame:
        """Bring an image to the size and kind of the first one; most are, and come back as they are."""
        video = self._video
        if (image.width, image.height) == video.stored_size and image.format.name == video.pix_fmt:
            return image
        return self._to_first.reformat(
            image, *video.stored_size, format=video.pix_fmt, interpolation=Interpolation.BICUBIC
        )

    def convert(self, image: av.VideoFrame, time: int) -> YuvFrame:
        """Make a frame whose memory is its own: decoders go on reading theirs."""
        is_garbled = image.is_corrupt
        if self._matrix is not None:
            image.colorspace = self._matrix
        if self._is_hdr:
            image = self._mapper.to_sdr(image)
        elif image.format.name not in _PLAIN:
            image = self._to_420.reformat(
                image,
                format="yuv420p",
                interpolation=Interpolation.BICUBIC,
                dst_colorspace=BT709 if self._is_rgb else None,
                dst_color_range=self.colour.range,
                threads=1,
            )
        return YuvFrame(image=self._upright(image), time=time, colour=self.colour, is_garbled=is_garbled)

    def _upright(self, image: av.VideoFrame) -> av.VideoFrame:
        video = self._video
        if (
            video.turn.is_none
            and (image.width, image.height) == video.size
            and image.format.name == "yuv420p"
        ):
            image.make_writable()
            return image
        upright = av.VideoFrame(*video.size, "yuv420p")
        width, height = image.width & ~1, image.height & ~1
        for source, target, scale in zip(planes_of(image), planes_of(upright), (1, 2, 2), strict=True):
            video.turn.apply(source[: height // scale, : width // scale], target)
        return upright
