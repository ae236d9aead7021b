"""The swap of a picture job on decoded pictures; for the device's thread.

A job goes through `decode`, `PictureSwapper.swap` and `encode`. Nothing here knows of jobs in a bucket, or
of retries.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from pipeline.blend.enhance import Enhancer
from pipeline.engines.base import Engine
from pipeline.errors import NoFaceInTarget, OptionUnavailable
from pipeline.face import Face, Notice, Source
from pipeline.faces.select import listed
from pipeline.media.animations.read import Animation
from pipeline.media.pictures.decode import Picture
from pipeline.swap.animation import Patch, SwappedAnimation, patch_between
from pipeline.swap.choose import binding_notices, choose, find_faces
from pipeline.swap.decode import DecodedPictures
from pipeline.swap.follow import Follower
from pipeline.swap.frame_stats import FrameStats
from pipeline.swap.naming import naming
from pipeline.swap.paint import Painter
from pipeline.swap.prepare import SourcePreparer, source_notices
from pipeline.swap.request import Mapped, PictureRequest
from pipeline.swap.result import Swapped, SwappedPicture, face_result
from pipeline.swap.sources import PreparedSource
from pipeline.swap.steps import run_through

Stage = Literal["detect", "swap"]
OnProgress = Callable[[Stage, int, int], None]  # stage, then faces or frames done and to do


class PictureSwapper:
    """Swaps faces with one engine, and restores them where asked to.

    A source face is prepared once per content and then kept, the `kept_sources` last used ones.
    """

    def __init__(
        self, engine: Engine[Any], *, enhancer: Enhancer | None = None, kept_sources: int = 16
    ) -> None:
        self._engine = engine
        self._enhancer = enhancer
        self._sources = SourcePreparer(engine, kept_sources)

    def kept(self, request: PictureRequest) -> dict[str, PreparedSource]:
        """The request's sources that need not be decoded, by the hash of their files; on any thread."""
        return self._sources.kept(request)

    def swap(self, decoded: DecodedPictures, on_progress: OnProgress) -> SwappedPicture:
        """Take all `steps` at once; raises as they do."""
        return run_through(self.steps(decoded, on_progress))

    def steps(
        self, decoded: DecodedPictures, on_progress: OnProgress
    ) -> Generator[None, None, SwappedPicture]:
        """Put the sources onto the chosen faces of the target, in place.

        The largest face of a source's picture is the one put in. A step prepares a source or swaps a batch of
        faces; between two the engine may work on other jobs.

        Raises:
            NoFaceInSource: a source has no face, or none that can be used.
            NoFaceInTarget: the target has no face, or none that could be swapped.
            FaceNotFound: a face that was asked for is not in the target.
            OptionUnavailable: the enhancer is asked for, and there is none.
        """
        if decoded.blend.enhance and self._enhancer is None:
            raise OptionUnavailable("There is no face enhancer here; leave out `use_face_enhancer`.")
        on_progress("detect", 0, 0)
        sources = yield from self._sources.prepare(decoded.sources, decoded.timings)
        if isinstance(decoded.target, Animation):
            return (yield from self._swap_animation(decoded, decoded.target, sources, on_progress))
        return (yield from self._swap_picture(decoded, decoded.target, sources, on_progress))

    def _swap_picture(
        self,
        decoded: DecodedPictures,
        target: Picture,
        sources: Mapping[str, PreparedSource],
        on_progress: OnProgress,
    ) -> Generator[None, None, SwappedPicture]:
        with decoded.timings.measure("detect"):
            faces = find_faces(self._engine, target.bgr, decoded.face_filter)
            chosen = choose(self._engine, target.bgr, faces, decoded)
        swapped = yield from self._painter(decoded).paint(
            target.bgr,
            faces,
            _sources_of(chosen, sources),
            lambda done: on_progress("swap", done, len(chosen)),
            measured=True,
        )
        if not swapped:
            raise NoFaceInTarget(
                "No face in the target picture could be swapped; send one that shows it larger."
            )
        result = self._result(decoded, sources, target, faces, chosen, swapped)
        left = [face.face_id for face in result.faces if face.source is not None and not face.swapped]
        return replace(result, notices=(*result.notices, _left_alone(left))) if left else result

    def _swap_animation(
        self,
        decoded: DecodedPictures,
        animation: Animation,
        sources: Mapping[str, PreparedSource],
        on_progress: OnProgress,
    ) -> Generator[None, None, SwappedPicture]:
        """Swap frame by frame; frames without a face stay, and one with a swapped face is enough."""
        total = len(animation.timeline.durations_ms)
        patches: dict[int, Patch] = {}
        result: SwappedPicture | None = None
        tally = FrameStats(decoded.sources if isinstance(decoded.choice, Mapped) else ())
        follower, painter = Follower(self._engine, decoded), self._painter(decoded)
        frames = _frames(animation)
        for number in range(total):
            tell = _teller(on_progress, number, total)
            tell(0)
            with decoded.timings.measure("swap"):
                frame = next(frames)
                faces = find_faces(self._engine, frame.bgr, decoded.face_filter)
                chosen = follower.choose(frame.bgr, faces) if faces else {}
                before = frame.bgr.copy() if chosen else None
            if before is None:
                tally.count((), ())
                yield
                continue
            swapped = yield from painter.paint(
                frame.bgr, faces, _sources_of(chosen, sources), tell, measured=result is None
            )
            tally.count(chosen.values(), [chosen[place] for place in swapped])
            if swapped:
                patches[number] = patch_between(before, frame.bgr)
                result = result or self._result(decoded, sources, frame, faces, chosen, swapped)
        if result is None:
            raise NoFaceInTarget("No face could be swapped in any frame of the target animation.")
        moving = SwappedAnimation(animation=animation, patches=patches)
        return replace(result, notices=(*result.notices, *tally.notices()), animation=moving)

    def _painter(self, decoded: DecodedPictures) -> Painter:
        return Painter(self._engine, self._enhancer, decoded.blend, decoded.timings)

    def _result(
        self,
        decoded: DecodedPictures,
        sources: Mapping[str, PreparedSource],
        picture: Picture,
        faces: Sequence[Face],
        chosen: Mapping[int, str],
        swapped: Swapped,
    ) -> SwappedPicture:
        results = tuple(
            face_result(number, face, source=chosen.get(number), swapped=swapped)
            for number, face in enumerate(faces)
        )
        return SwappedPicture(
            picture=picture,
            faces=results,
            notices=(
                *source_notices(sources),
                *picture.notices,
                *binding_notices(self._engine, decoded.choice),
                *self._engine.notices,
            ),
            engine=self._engine.info,
            timings=decoded.timings,
        )


def _sources_of(chosen: Mapping[int, str], sources: Mapping[str, PreparedSource]) -> dict[int, Source]:
    return {place: sources[name].source for place, name in chosen.items()}


def _left_alone(face_ids: Sequence[str]) -> Notice:
    return Notice(
        code="faces_not_swapped",
        message=f"Left as in the target, being too small or cut off: {listed(face_ids)}.",
    )


def _teller(on_progress: OnProgress, number: int, total: int) -> Callable[[int], None]:
    """A frame's batches tell the frame, not the face."""
    return lambda _done: on_progress("swap", number, total)


def _frames(animation: Animation) -> Iterator[Picture]:
    with naming("target"):
        yield from animation.frames()
