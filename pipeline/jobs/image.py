"""The picture job in three steps, each for its own thread: `decode`, `PictureSwapper.swap`, `encode`.

Decoding and encoding may run on any thread; swapping belongs to the device's. Nothing here knows of
jobs, buckets or retries.
"""

import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.engines.base import Engine, EngineInfo, Look
from pipeline.enhance import Enhancer
from pipeline.errors import InputError, NoFaceInSource, NoFaceInTarget, OptionUnavailable, UnsupportedMedia
from pipeline.faces import Array, Bgr, Face, Notice, Source
from pipeline.image_io.decode import Limits, Picture, count_pixels
from pipeline.image_io.decode import decode as decode_picture
from pipeline.image_io.encode import Encoded, OutputFormat, output_format
from pipeline.image_io.encode import encode as encode_picture
from pipeline.image_io.sniff import sniff
from pipeline.jobs.timing import Timings
from pipeline.provenance import Mark, xmp_packet
from pipeline.select import largest

Stage = Literal["detect", "swap"]
_BYTES_PER_PIXEL = 16  # BGR and alpha, and what the decoders take beside: 7 to 16, by format
OnProgress = Callable[[Stage, int, int], None]  # stage, faces done, faces to do


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
    """Both pictures of a request as pixels; the files' bytes are let go."""

    source: Picture
    source_sha256: str
    target: Picture
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
    """The target with its faces swapped; at least one was."""

    picture: Picture
    faces: tuple[FaceResult, ...]
    notices: tuple[Notice, ...]
    engine: EngineInfo
    timings: Timings


def decoded_bytes(request: PictureRequest, limits: Limits) -> int:
    """Memory that the decoded pictures of `request` take, from their headers alone; raises as `decode`."""
    _refuse_video(request)
    with _naming("source"):
        pixels = count_pixels(request.source, limits)
    with _naming("target"):
        pixels += count_pixels(request.target, limits)
    return pixels * _BYTES_PER_PIXEL


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
            target = decode_picture(request.target, limits)
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

    Raises:
        MediaTooLarge: the format cannot hold a picture this large.
        OutputInvalid: the encoder failed.
    """
    picture = swapped.picture
    with swapped.timings.measure("encode"):
        return encode_picture(
            picture.bgr,
            picture.alpha,
            to=output_format(requested, picture.media),
            quality=quality,
            xmp=xmp_packet(mark),
        )


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
        target, timings = decoded.target.bgr, decoded.timings
        on_progress("detect", 0, 0)
        with timings.measure("detect"):
            source = self._prepare(decoded)
            faces = self._engine.find_faces(target)
        if not faces:
            raise NoFaceInTarget
        chosen = range(len(faces)) if decoded.many_faces else [faces.index(largest(faces))]
        swapped: dict[int, Likeness | None] = {}
        with timings.measure("swap"):
            for done in range(0, len(chosen), self._engine.batch_size):
                on_progress("swap", done, len(chosen))
                batch = chosen[done : done + self._engine.batch_size]
                likenesses = self._swap(target, [faces[number] for number in batch], source, decoded.look)
                swapped.update((batch[index], likeness) for index, likeness in likenesses.items())
        if not swapped:
            raise NoFaceInTarget(
                "No face in the target picture could be swapped; send one that shows it larger."
            )
        return SwappedPicture(
            picture=decoded.target,
            faces=tuple(_result(number, face, swapped) for number, face in enumerate(faces)),
            notices=(
                *decoded.source.notices,
                *source.notices,
                *decoded.target.notices,
                *self._engine.notices,
            ),
            engine=self._engine.info,
            timings=timings,
        )

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
        self, target: Bgr, faces: Sequence[Face], source: Source, look: Look
    ) -> dict[int, Likeness | None]:
        """Swap a batch of faces; returns the likeness of those that changed by their place in `faces`."""
        before = [self._engine.embed(target, face) for face in faces]
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
        after = self._engine.embed(target, face)
        if after is None or before is None or source.embedding is None:
            return None
        distance = self._engine.distance
        return Likeness(
            to_source=round(distance(after, source.embedding), 4),
            to_target_before=round(distance(after, before), 4),
            source_to_target_before=round(distance(source.embedding, before), 4),
        )


def _result(number: int, face: Face, swapped: Mapping[int, Likeness | None]) -> FaceResult:
    x, y, width, height = (round(float(value), 1) for value in (*face.bbox[:2], *face.size))
    return FaceResult(
        face_id=f"face_{number}",
        box=(x, y, width, height),
        score=round(face.score, 4),
        swapped=number in swapped,
        likeness=swapped.get(number),
    )
