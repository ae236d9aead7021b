"""The picture job in three steps, each for its own thread: `decode`, `PictureSwapper.swap`, `encode`.

Decoding and encoding may run on any thread; swapping belongs to the device's. An animation as target is
decoded frame by frame while it is swapped, and again while it is encoded. Nothing here knows of jobs,
buckets or retries.
"""

import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from pipeline.engines.base import Engine, EngineInfo, Look
from pipeline.enhance import Enhancer
from pipeline.errors import InputError, NoFaceInSource, NoFaceInTarget, OptionUnavailable, UnsupportedMedia
from pipeline.faces import Array, Bgr, Face, Notice, Source
from pipeline.image_io.animation import Animation, open_animation
from pipeline.image_io.decode import Limits, Picture, count_pixels
from pipeline.image_io.decode import decode as decode_picture
from pipeline.image_io.encode import Encoded, OutputFormat, output_format
from pipeline.image_io.encode import encode as encode_picture
from pipeline.image_io.encode_animation import animation_format
from pipeline.image_io.sniff import sniff
from pipeline.jobs.animation import Patch, SwappedAnimation, follow, patch_between, patches_bytes
from pipeline.jobs.timing import Timings
from pipeline.provenance import Mark, xmp_packet
from pipeline.select import largest

Stage = Literal["detect", "swap"]
_BYTES_PER_PIXEL = 16  # BGR and alpha, and what the decoders take beside: 7 to 16, by format
_FRAMES_HELD = 4  # of an animation: decoded, before and after the swap, and the one before
OnProgress = Callable[[Stage, int, int], None]  # stage, then faces or frames done and to do


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureRequest:
    """What to do with which two files; `source_sha256` names the source's content for reuse."""

    source: bytes
    source_sha256: str
    target: bytes
    many_faces: bool
    look: Look


@dataclass(frozen=True, kw_only=True, eq=False)
class DecodedPictures:
    """Both pictures of a request as pixels, except for an animation; else the files' bytes are let go."""

    source: Picture
    source_sha256: str
    target: Picture | Animation
    many_faces: bool
    look: Look
    timings: Timings


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Identity distances of a swapped face; 0 is the same face, larger is less alike."""

    to_source: float
    to_target_before: float
    source_to_target_before: float


@dataclass(frozen=True, kw_only=True)
class FaceResult:
    """One face of the target; `box` is x, y, width, height in pixels of the upright picture."""

    face_id: str
    box: tuple[float, float, float, float]
    score: float
    swapped: bool
    likeness: Likeness | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class SwappedPicture:
    """The target with its faces swapped; at least one was.

    Of an animation `picture` is the first frame in which one was, and `faces` are that frame's.
    """

    picture: Picture
    faces: tuple[FaceResult, ...]
    notices: tuple[Notice, ...]
    engine: EngineInfo
    timings: Timings
    animation: SwappedAnimation | None = None


def decoded_bytes(request: PictureRequest, limits: Limits) -> int:
    """Memory that the decoded pictures of `request` take, from their headers alone; raises as `decode`."""
    _refuse_video(request)
    with _naming("source"):
        source = count_pixels(request.source, limits) * _BYTES_PER_PIXEL
    with _naming("target"):
        animation = open_animation(request.target, limits)
        if animation is None:
            return source + count_pixels(request.target, limits) * _BYTES_PER_PIXEL
    return source + _FRAMES_HELD * animation.pixels * _BYTES_PER_PIXEL + patches_bytes(animation)


def decode(request: PictureRequest, limits: Limits, timings: Timings) -> DecodedPictures:
    """Decode both pictures of `request`; `timings` goes along and gains the times of all steps.

    Raises:
        UnsupportedMedia: one is no picture; says so if the two seem to be the wrong way round.
        MediaTooLarge: one exceeds `limits`.
        MediaCorrupt: one is damaged.
    """
    _refuse_video(request)
    with timings.measure("decode"):
        with _naming("source"):
            source = decode_picture(request.source, limits)
        with _naming("target"):
            target = open_animation(request.target, limits) or decode_picture(request.target, limits)
    return DecodedPictures(
        source=source,
        source_sha256=request.source_sha256,
        target=target,
        many_faces=request.many_faces,
        look=request.look,
        timings=timings,
    )


def _refuse_video(request: PictureRequest) -> None:
    source, target = sniff(request.source), sniff(request.target)
    if source.kind == "video":
        raise UnsupportedMedia(
            f"The source is {source.label}, but it must be a picture of the face to put in. Source and "
            "target may be the wrong way round: the target is what gets changed."
        )
    if target.kind == "video":
        raise UnsupportedMedia(f"The target is {target.label}; this consumer changes pictures only.")


@contextmanager
def _naming(picture: str) -> Iterator[None]:
    """Say in an error which of the two pictures it is about."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"The {picture} cannot be used. {error}") from error


def encode(swapped: SwappedPicture, *, requested: OutputFormat | None, quality: int, mark: Mark) -> Encoded:
    """Encode the result in the format `requested`, else the target's own, with its provenance mark.

    An animation moves in GIF, PNG and WebP; else its first swapped frame is the result, with a notice.

    Raises:
        MediaTooLarge: the format cannot hold a picture this large.
        OutputInvalid: the encoder failed.
    """
    picture, xmp = swapped.picture, xmp_packet(mark)
    moving = animation_format(requested, picture.media)
    with swapped.timings.measure("encode"):
        if swapped.animation is not None and moving is not None:
            return swapped.animation.encode(to=moving, quality=quality, xmp=xmp)
        to = output_format(requested, picture.media)
        encoded = encode_picture(picture.bgr, picture.alpha, to=to, quality=quality, xmp=xmp)
    if swapped.animation is None:
        return encoded
    message = f"A {to.upper()} result does not move; it is the first frame with a swapped face."
    notice = Notice(code="first_frame_only", message=message)
    return replace(encoded, notices=(*encoded.notices, notice))


class PictureSwapper:
    """Swaps faces with one engine, and restores them where asked to; for the device's thread only.

    A source face is prepared once per content and then kept, the `kept_sources` last used ones.
    """

    def __init__(
        self, engine: Engine[Any], *, enhancer: Enhancer | None = None, kept_sources: int = 16
    ) -> None:
        self._engine = engine
        self._enhancer = enhancer
        self._kept = kept_sources
        self._sources: OrderedDict[str, Source] = OrderedDict()

    def swap(self, decoded: DecodedPictures, on_progress: OnProgress) -> SwappedPicture:
        """Put the largest face of the source onto the largest, or every, face of the target, in place.

        Raises:
            NoFaceInSource: the source has no face, or none that can be used.
            NoFaceInTarget: the target has no face, or none that could be swapped.
            OptionUnavailable: the enhancer is asked for, and there is none.
        """
        if decoded.look.enhance and self._enhancer is None:
            raise OptionUnavailable("There is no face enhancer here; leave out `use_face_enhancer`.")
        timings = decoded.timings
        on_progress("detect", 0, 0)
        with timings.measure("detect"):
            source = self._prepare(decoded)
        if isinstance(decoded.target, Animation):
            return self._swap_animation(decoded, decoded.target, source, on_progress)
        target = decoded.target.bgr
        with timings.measure("detect"):
            faces = self._engine.find_faces(target)
        if not faces:
            raise NoFaceInTarget
        chosen = range(len(faces)) if decoded.many_faces else [faces.index(largest(faces))]
        with timings.measure("swap"):
            swapped = self._swap_chosen(
                target,
                faces,
                chosen,
                source,
                decoded.look,
                lambda done: on_progress("swap", done, len(chosen)),
            )
        if not swapped:
            raise NoFaceInTarget(
                "No face in the target picture could be swapped; send one that shows it larger."
            )
        return self._result(decoded, source, decoded.target, faces, swapped, decoded.target.notices)

    def _swap_animation(
        self, decoded: DecodedPictures, animation: Animation, source: Source, on_progress: OnProgress
    ) -> SwappedPicture:
        """Swap frame by frame; frames without a face stay, and one with a swapped face is enough."""
        total = len(animation.timeline.durations_ms)
        patches = dict[int, Patch]()
        result: SwappedPicture | None = None
        last: Face | None = None
        with decoded.timings.measure("swap"):
            for number, frame in enumerate(_frames(animation)):
                on_progress("swap", number, total)
                faces = self._engine.find_faces(frame.bgr)
                if not faces:
                    continue
                last = follow(faces, last)
                chosen = range(len(faces)) if decoded.many_faces else [faces.index(last)]
                before = frame.bgr.copy()
                swapped = self._swap_chosen(
                    frame.bgr,
                    faces,
                    chosen,
                    source,
                    decoded.look,
                    _teller(on_progress, number, total),
                    measured=result is None,
                )
                if swapped:
                    patches[number] = patch_between(before, frame.bgr)
                    result = result or self._result(decoded, source, frame, faces, swapped, ())
        if result is None:
            raise NoFaceInTarget("No face could be swapped in any frame of the target animation.")
        notices = result.notices
        if len(patches) < total:
            message = f"{total - len(patches)} of {total} frames show no face to swap and stay as they were."
            notices = (*notices, Notice(code="frames_unchanged", message=message))
        return replace(
            result, notices=notices, animation=SwappedAnimation(animation=animation, patches=patches)
        )

    def _result(
        self,
        decoded: DecodedPictures,
        source: Source,
        picture: Picture,
        faces: Sequence[Face],
        swapped: Mapping[int, Likeness | None],
        notices: tuple[Notice, ...],
    ) -> SwappedPicture:
        return SwappedPicture(
            picture=picture,
            faces=tuple(_result(number, face, swapped) for number, face in enumerate(faces)),
            notices=(*decoded.source.notices, *source.notices, *notices, *self._engine.notices),
            engine=self._engine.info,
            timings=decoded.timings,
        )

    def _swap_chosen(
        self,
        target: Bgr,
        faces: Sequence[Face],
        chosen: Sequence[int],
        source: Source,
        look: Look,
        on_batch: Callable[[int], None],
        *,
        measured: bool = True,
    ) -> dict[int, Likeness | None]:
        """Swap faces in batches of the engine's size; returns the likeness of those that changed."""
        swapped: dict[int, Likeness | None] = {}
        for done in range(0, len(chosen), self._engine.batch_size):
            on_batch(done)
            batch = chosen[done : done + self._engine.batch_size]
            likenesses = self._swap(
                target, [faces[number] for number in batch], source, look, measured=measured
            )
            swapped.update((batch[index], likeness) for index, likeness in likenesses.items())
        return swapped

    def _prepare(self, decoded: DecodedPictures) -> Source:
        key = decoded.source_sha256
        if key not in self._sources:
            faces = self._engine.find_faces(decoded.source.bgr)
            if not faces:
                raise NoFaceInSource
            self._sources[key] = self._engine.prepare_source(decoded.source.bgr, largest(faces))
            while len(self._sources) > self._kept:
                self._sources.popitem(last=False)
        self._sources.move_to_end(key)
        return self._sources[key]

    def _swap(
        self, target: Bgr, faces: Sequence[Face], source: Source, look: Look, *, measured: bool
    ) -> dict[int, Likeness | None]:
        """Swap a batch of faces; returns the likeness of those that changed by their place in `faces`."""
        before = [self._engine.embed(target, face) if measured else None for face in faces]
        changed = self._engine.swap(target, [(face, source) for face in faces], look)
        if look.enhance and self._enhancer is not None:
            for face in itertools.compress(faces, changed):
                self._enhancer.enhance(target, face)
        return {
            index: self._likeness(target, face, source, before[index])
            for index, face in enumerate(faces)
            if changed[index]
        }

    def _likeness(self, target: Bgr, face: Face, source: Source, before: Array | None) -> Likeness | None:
        if before is None or source.embedding is None:
            return None
        after = self._engine.embed(target, face)
        if after is None:
            return None
        distance = self._engine.distance
        return Likeness(
            to_source=round(distance(after, source.embedding), 4),
            to_target_before=round(distance(after, before), 4),
            source_to_target_before=round(distance(source.embedding, before), 4),
        )


def _teller(on_progress: OnProgress, number: int, total: int) -> Callable[[int], None]:
    """A frame's batches tell the frame, not the face."""
    return lambda _done: on_progress("swap", number, total)


def _frames(animation: Animation) -> Iterator[Picture]:
    with _naming("target"):
        yield from animation.frames()


def _result(number: int, face: Face, swapped: Mapping[int, Likeness | None]) -> FaceResult:
    x, y, width, height = (round(float(value), 1) for value in (*face.bbox[:2], *face.size))
    return FaceResult(
        face_id=f"face_{number}",
        box=(x, y, width, height),
        score=round(face.score, 4),
        swapped=number in swapped,
        likeness=swapped.get(number),
    )
