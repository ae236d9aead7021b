"""The files of a swap: each opened once, before any pixel is decoded."""

from collections.abc import Mapping

from pipeline.content import ContentCheck, TargetContent
from pipeline.errors import MediaTooLarge, UnsupportedMedia
from pipeline.face import Notice, Source
from pipeline.media.pictures.decode import Limits, Picture, PictureFile, open_picture
from pipeline.media.sniff import MediaType, sniff
from pipeline.media.target import Target, open_target
from pipeline.swap.naming import REFERENCE, naming, source_title
from pipeline.swap.request import SourceFile
from pipeline.swap.timing import Timings


def open_sources(
    files: Mapping[str, SourceFile],
    limits: Limits,
    *,
    prepared: Mapping[str, Source],
    reference: bytes | None,
) -> dict[str, PictureFile]:
    """Open the pictures whose faces are to be prepared, by name: each content once, and a reference picture.

    Those that are `prepared`, by the hash of their files, are left out.

    Raises:
        UnsupportedMedia: one is no picture; says so if source and target seem to be the wrong way round.
        MediaTooLarge: one exceeds `limits`, or all sources together do.
        MediaCorrupt: one is damaged.
    """
    opened = set(prepared)
    pictures: dict[str, PictureFile] = {}
    for name, file in files.items():
        if file.sha256 not in opened:
            pictures[name] = _open_source(name, file.body, limits)
            opened.add(file.sha256)
    _check_together(pictures, limits)
    if reference is not None:
        with naming(source_title(REFERENCE)):
            pictures[REFERENCE] = open_picture(reference, limits)
    return pictures


def open_job_target(data: bytes, limits: Limits) -> Target:
    """Open the target of a job; raises as `open_target`, and says that it is the target's fault."""
    with naming("target"):
        return open_target(data, limits)


def refuse_video(name: str, media: MediaType) -> None:
    """Say of a source that is a video that the two may be the wrong way round; raises UnsupportedMedia."""
    if media.kind == "video":
        raise UnsupportedMedia(
            f"The {source_title(name)} is {media.label}, but it must be a picture of the face to put in. "
            "Source and target may be the wrong way round: the target is what gets changed."
        )


def _open_source(name: str, data: bytes, limits: Limits) -> PictureFile:
    media = sniff(data)
    refuse_video(name, media)
    with naming(source_title(name)):
        return open_picture(data, limits, media)


def _check_together(pictures: Mapping[str, PictureFile], limits: Limits) -> None:
    total = sum(picture.pixels for picture in pictures.values())
    if len(pictures) > 1 and total > limits.max_animation_pixels:
        raise MediaTooLarge(
            f"The pictures of the faces to put in have {total / 1e6:.1f} million pixels together; at most "
            f"{limits.max_animation_pixels / 1e6:.1f} million are accepted. Send smaller ones."
        )


class TargetFrames:
    """Reads the frames of a target in order, and times it; faults are said to be the target's.

    With `content` some are looked at: see `TargetContent`.
    """

    def __init__(self, target: Target, timings: Timings, content: ContentCheck | None) -> None:
        self._frames = target.frames()
        self._timings = timings
        self._content = None if content is None else TargetContent(content, total=target.total)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the sender should know of what the frames show."""
        return self._content.notices if self._content else ()

    def read(self) -> Picture:
        """Decode the next frame, on a CPU thread; there are as many as the target says.

        Raises:
            MediaCorrupt: it is damaged.
            ContentRejected: what it shows is not wanted.
        """
        with self._timings.measure("decode"), naming("target"):
            frame = next(self._frames, None)
            if frame is None:
                raise RuntimeError("a target has no more frames than it says")
            if self._content is not None:
                self._content.look(frame.bgr, frame.alpha)
        return frame
