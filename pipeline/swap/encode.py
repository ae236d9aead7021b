"""The result of a picture job as a file; on any thread."""

from dataclasses import replace

from pipeline.face import Notice
from pipeline.marks.provenance import Mark, xmp_packet
from pipeline.media.animations.write import animation_format
from pipeline.media.pictures.depth import encode_picture
from pipeline.media.pictures.encode import Encoded, OutputFormat, output_format
from pipeline.swap.animation import OnFrame
from pipeline.swap.result import SwappedPicture


def encode(
    swapped: SwappedPicture,
    *,
    requested: OutputFormat | None,
    quality: int,
    mark: Mark,
    on_frame: OnFrame | None = None,
) -> Encoded:
    """Encode the result in the format `requested`, else the target's own, with its provenance mark.

    An animation moves in GIF, PNG and WebP; else its first swapped frame is the result, with a notice.
    `on_frame` is told after each frame of one that moves how many are done, and of how many.

    Raises:
        MediaTooLarge: the format cannot hold a picture this large.
        OutputInvalid: the encoder failed.
    """
    picture, xmp = swapped.picture, xmp_packet(mark)
    moving = animation_format(requested, picture.media)
    with swapped.timings.measure("encode"):
        if swapped.animation is not None and moving is not None:
            return swapped.animation.encode(to=moving, quality=quality, xmp=xmp, on_frame=on_frame)
        to = output_format(requested, picture.media)
        encoded = encode_picture(picture, to=to, quality=quality, xmp=xmp)
    if swapped.animation is None:
        return encoded
    message = f"A {to.upper()} result does not move; it is the first frame with a swapped face."
    notice = Notice(code="first_frame_only", message=message)
    return replace(encoded, notices=(*encoded.notices, notice))
