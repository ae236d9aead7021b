"""What a swap changed in an animation, frame by frame."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pipeline.face import Bgr
from pipeline.media.animations.read import Animation
from pipeline.media.animations.write import AnimationFormat, changed_box, encode_animation
from pipeline.media.pictures.decode import Picture
from pipeline.media.pictures.encode import Encoded

OnFrame = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Patch:
    """The part of a frame that a swap changed: its rows and columns, and (h, w, 3) uint8 BGR."""

    box: tuple[slice, slice]
    bgr: Bgr


@dataclass(frozen=True, kw_only=True, eq=False)
class SwappedAnimation:
    """An animation, still packed, and what was changed in which of its frames, which takes less memory."""

    animation: Animation
    patches: Mapping[int, Patch]

    def frames(self) -> Iterator[Picture]:
        """Decode the frames in order with their patches laid on; untouched ones are as they were."""
        for number, frame in enumerate(self.animation.frames()):
            patch = self.patches.get(number)
            if patch is not None:
                frame.bgr[patch.box] = patch.bgr
            yield frame

    def encode(
        self, *, to: AnimationFormat, quality: int, xmp: bytes | None, on_frame: OnFrame | None = None
    ) -> Encoded:
        """Encode the frames with the timing they came with; WebP is exact where the target was.

        `on_frame` is told after each frame how many are done, and of how many.
        """
        timeline = self.animation.timeline
        frames = self.frames()
        return encode_animation(
            frames if on_frame is None else _told(frames, len(timeline.durations_ms), on_frame),
            timeline.durations_ms,
            plays=timeline.plays,
            has_alpha=timeline.has_alpha,
            to=to,
            quality=quality,
            lossless=self.animation.media.name == "webp" and timeline.lossless,
            xmp=xmp,
        )


def _told(frames: Iterator[Picture], total: int, on_frame: OnFrame) -> Iterator[Picture]:
    for done, frame in enumerate(frames, 1):
        yield frame
        on_frame(done, total)


def patches_bytes(animation: Animation) -> int:
    """Most that the patches of an animation can take: a swap that changes every pixel of every frame."""
    return 3 * animation.pixels * len(animation.timeline.durations_ms)


def patch_between(before: Bgr, after: Bgr) -> Patch:
    """Copy the smallest box of `after` that holds all that differs; empty if nothing does."""
    box = changed_box(before, after) or (slice(0, 0), slice(0, 0))
    return Patch(box=box, bgr=after[box].copy())
