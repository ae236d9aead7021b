"""The picture job's three steps with an engine of known result."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from pipeline.engines.base import BlendOptions
from pipeline.errors import (
    MediaCorrupt,
    MediaTooLarge,
    NoFaceInSource,
    NoFaceInTarget,
    OptionUnavailable,
    UnsupportedMedia,
)
from pipeline.face import Bgr, Face, Source
from pipeline.marks.provenance import DIGITAL_SOURCE_TYPE, Mark
from pipeline.media.pictures.decode import Limits
from pipeline.media.pictures.decode import decode as decode_picture
from pipeline.swap.decode import decode, decoded_bytes
from pipeline.swap.encode import encode
from pipeline.swap.picture import PictureSwapper
from pipeline.swap.request import Every, Largest, PictureRequest, SourceFile
from pipeline.swap.result import SwappedPicture
from pipeline.swap.timing import Timings
from tests.support.engines import FACE_BGR, FlatEngine, picture, png

SOURCE_BGR = (10, 200, 30)
MP4 = b"\0\0\0\x18ftypisom\0\0\0\0isomiso2" + bytes(64)
TWO_FACES = ((4, 4, 10, 12), (30, 6, 20, 24))


def request(source: Bgr | bytes, target: Bgr | bytes, *, many_faces: bool = False) -> PictureRequest:
    bodies = [body if isinstance(body, bytes) else png(body) for body in (source, target)]
    return PictureRequest(
        sources={"source": SourceFile(body=bodies[0], sha256=str(hash(bodies[0])))},
        target=bodies[1],
        choice=Every() if many_faces else Largest(),
        blend=BlendOptions(),
    )


def a_mark() -> Mark:
    made = datetime(2026, 1, 1, tzinfo=UTC)
    return Mark(output_id="job/1", provider="us", system="swapdrop", version="1", created_at=made)


def run(asked: PictureRequest, swapper: PictureSwapper | None = None) -> SwappedPicture:
    swapper = swapper or PictureSwapper(FlatEngine())
    return swapper.swap(decode(asked, Limits(), Timings()), lambda _stage, _done, _total: None)


def test_only_the_largest_face_changes_and_nothing_outside_of_it() -> None:
    target = picture(faces=TWO_FACES)
    expected = target.copy()
    expected[6:30, 30:50] = SOURCE_BGR
    swapped = run(request(picture(colour=SOURCE_BGR), target))
    encoded = encode(swapped, requested=None, quality=95, mark=a_mark())
    assert np.array_equal(decode_picture(encoded.data, Limits()).bgr, expected)
    assert [face.swapped for face in swapped.faces] == [False, True]
    assert swapped.faces[1].box == (30, 6, 20, 24)


def test_many_faces_changes_every_face() -> None:
    target = picture(faces=TWO_FACES)
    swapped = run(request(picture(colour=SOURCE_BGR), target, many_faces=True))
    assert not np.any(np.all(swapped.picture.bgr == FACE_BGR, axis=-1))
    assert [face.face_id for face in swapped.faces if face.swapped] == ["face_0", "face_1"]


def test_the_largest_face_of_the_source_is_the_one_put_in() -> None:
    seen: list[Face] = []

    class Remembering(FlatEngine):
        def prepare_source(self, picture: Bgr, face: Face) -> Source:
            seen.append(face)
            return super().prepare_source(picture, face)

    run(request(picture(faces=TWO_FACES), picture()), PictureSwapper(Remembering()))
    assert [face.size for face in seen] == [(20, 24)]


def test_likeness_tells_both_distances_of_the_face_before_and_after() -> None:
    swapped = run(request(picture(colour=SOURCE_BGR), picture()))
    apart = round(float(np.linalg.norm(np.subtract(FACE_BGR, SOURCE_BGR))), 4)
    likeness = swapped.faces[0].likeness
    assert likeness is not None
    assert (likeness.to_source, likeness.to_target_before) == (0, apart)
    assert likeness.source_to_target_before == apart


def test_an_engine_without_identity_gives_no_likeness() -> None:
    class Anonymous(FlatEngine):
        def embed(self, picture: Bgr, face: Face) -> None:  # noqa: ARG002 -- the port's
            return None

    swapped = run(request(picture(), picture()), PictureSwapper(Anonymous()))
    assert swapped.faces[0].likeness is None
    assert swapped.faces[0].swapped


def test_a_result_without_a_swapped_face_is_an_error_and_not_a_success() -> None:
    class Refusing(FlatEngine):
        def swap(
            self,
            frame: Bgr,  # noqa: ARG002 -- the port's
            pairs: Sequence[tuple[Face, Source]],
            blend: BlendOptions,  # noqa: ARG002 -- the port's
            *,
            others: Sequence[Face] = (),  # noqa: ARG002 -- the port's
        ) -> list[bool]:
            return [False] * len(pairs)

    with pytest.raises(NoFaceInTarget):
        run(request(picture(), picture()), PictureSwapper(Refusing()))


def test_each_missing_face_is_blamed_on_its_own_picture() -> None:
    with pytest.raises(NoFaceInTarget):
        run(request(picture(), picture(faces=())))
    with pytest.raises(NoFaceInSource):
        run(request(picture(faces=()), picture()))


def test_one_source_for_many_targets_is_prepared_once_as_long_as_it_is_kept() -> None:
    engine = FlatEngine()
    swapper = PictureSwapper(engine, kept_sources=2)
    red, green, blue = (request(picture(colour=c), picture()) for c in ((9, 9, 99), (9, 99, 9), (99, 9, 9)))
    for asked in (red, green, red, red):
        run(asked, swapper)
    assert engine.prepared == 2
    run(blue, swapper)  # pushes out green, used longest ago
    run(red, swapper)
    assert engine.prepared == 3
    run(green, swapper)
    assert engine.prepared == 4


def test_a_video_as_source_is_told_that_the_two_may_be_the_wrong_way_round() -> None:
    for asked in (request(MP4, picture()), request(MP4, MP4)):
        with pytest.raises(UnsupportedMedia, match="wrong way round"):
            decode(asked, Limits(), Timings())


def test_a_video_as_target_is_unsupported_for_now() -> None:
    with pytest.raises(UnsupportedMedia, match="target is an MP4 video"):
        decoded_bytes(request(picture(), MP4), Limits())


@pytest.mark.parametrize(("broken", "name"), [(0, "source"), (1, "target")])
def test_an_error_names_the_picture_it_is_about(broken: int, name: str) -> None:
    bodies: list[Bgr | bytes] = [picture(), picture()]
    bodies[broken] = png(picture())[:-40]
    with pytest.raises(MediaCorrupt, match=f"The {name} cannot be used"):
        decode(request(*bodies), Limits(), Timings())


def test_memory_is_known_before_anything_is_decoded() -> None:
    asked = request(picture(100, 80), picture(60, 50))
    assert decoded_bytes(asked, Limits()) == (100 * 80 + 60 * 50) * 16
    with pytest.raises(MediaTooLarge, match="source"):
        decoded_bytes(asked, Limits(max_pixels=100 * 80 - 1))


def test_memory_is_that_of_the_format_asked_for_where_that_takes_more() -> None:
    asked = request(picture(100, 80), picture(60, 50))
    plain = decoded_bytes(asked, Limits())
    assert decoded_bytes(asked, Limits(), to="png") == plain
    assert decoded_bytes(asked, Limits(), to="webp") == plain + 60 * 50 * (32 - 16)
    assert decoded_bytes(asked, Limits(), to="avif") == plain + 60 * 50 * (48 - 16)


def test_stages_are_timed_and_notices_of_the_engine_reach_the_result() -> None:
    swapped = run(request(picture(), picture()))
    encode(swapped, requested="jpeg", quality=90, mark=a_mark())
    assert set(swapped.timings.ms) == {"decode", "detect", "swap", "encode"}
    assert [notice.code for notice in swapped.notices] == ["flat_engine"]


def test_the_result_is_in_the_format_asked_for_and_marked() -> None:
    swapped = run(request(picture(), picture()))
    for requested, extension in ((None, "png"), ("jpeg", "jpg"), ("webp", "webp")):
        encoded = encode(swapped, requested=requested, quality=80, mark=a_mark())  # type: ignore[arg-type] # literals
        assert encoded.media.extension == extension
        assert DIGITAL_SOURCE_TYPE.encode() in encoded.data


def test_progress_counts_the_faces() -> None:
    told: list[tuple[str, int, int]] = []
    asked = request(picture(), picture(faces=TWO_FACES), many_faces=True)
    PictureSwapper(FlatEngine()).swap(
        decode(asked, Limits(), Timings()), lambda stage, done, total: told.append((stage, done, total))
    )
    assert told == [("detect", 0, 0), ("swap", 0, 2), ("swap", 1, 2)]


def test_faces_are_swapped_in_batches_of_the_engines_own_size_and_each_keeps_its_result() -> None:
    class EveryOther(FlatEngine):
        def swap(
            self,
            frame: Bgr,
            pairs: Sequence[tuple[Face, Source]],
            blend: BlendOptions,
            *,
            others: Sequence[Face] = (),
        ) -> list[bool]:
            super().swap(frame, pairs, blend, others=others)
            return [face.bbox[0] % 2 == 0 for face, _ in pairs]

    told: list[tuple[str, int, int]] = []
    boxes = tuple((x, 4, 6, 8) for x in (2, 11, 20, 30, 41))
    asked = request(picture(), picture(faces=boxes), many_faces=True)
    engine = EveryOther(batch_size=2)
    swapped = PictureSwapper(engine).swap(
        decode(asked, Limits(), Timings()), lambda stage, done, total: told.append((stage, done, total))
    )
    assert told[1:] == [("swap", 0, 5), ("swap", 2, 5), ("swap", 4, 5)]
    assert engine.swaps == 3
    assert [face.swapped for face in swapped.faces] == [True, False, True, True, False]
    assert [face.likeness is not None for face in swapped.faces] == [True, False, True, True, False]


class Blackening:
    """An enhancer that turns a face black and remembers which ones it was given."""

    name = "black"

    def __init__(self) -> None:
        self.faces: list[Face] = []
        self.others: Sequence[Face] = ()
        self.keeps_mouth = False

    def enhance(
        self, frame: Bgr, face: Face, *, others: Sequence[Face] = (), keep_mouth: bool = False
    ) -> bool:
        self.faces.append(face)
        self.others = others
        self.keeps_mouth = keep_mouth
        x0, y0, x1, y1 = face.bbox.astype(int)
        frame[y0:y1, x0:x1] = 0
        return True


def enhanced(asked: PictureRequest, swapper: PictureSwapper) -> SwappedPicture:
    return run(replace(asked, blend=BlendOptions(enhance=True)), swapper)


def test_only_swapped_faces_are_enhanced_after_the_swap() -> None:
    class EveryOther(FlatEngine):
        def swap(
            self,
            frame: Bgr,
            pairs: Sequence[tuple[Face, Source]],
            blend: BlendOptions,
            *,
            others: Sequence[Face] = (),
        ) -> list[bool]:
            super().swap(frame, pairs, blend, others=others)
            return [index % 2 == 0 for index in range(len(pairs))]

    enhancer = Blackening()
    swapper = PictureSwapper(EveryOther(batch_size=8), enhancer=enhancer)
    asked = request(picture(colour=SOURCE_BGR), picture(faces=TWO_FACES), many_faces=True)
    swapped = enhanced(asked, swapper)
    assert [face.bbox[0] for face in enhancer.faces] == [4]
    assert not swapped.picture.bgr[4:16, 4:14].any()
    assert (swapped.picture.bgr[6:30, 30:50] == SOURCE_BGR).all()


def test_the_likeness_is_that_of_the_enhanced_face() -> None:
    asked = request(picture(colour=SOURCE_BGR), picture())
    likeness = enhanced(asked, PictureSwapper(FlatEngine(), enhancer=Blackening())).faces[0].likeness
    assert likeness is not None
    assert likeness.to_source == round(float(np.linalg.norm(SOURCE_BGR)), 4)


@pytest.mark.parametrize("keep", [True, False])
def test_a_mouth_that_was_not_swapped_is_not_enhanced(keep: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    enhancer = Blackening()
    blend = BlendOptions(enhance=True, mouth_mask=keep)
    run(replace(request(picture(), picture()), blend=blend), PictureSwapper(FlatEngine(), enhancer=enhancer))
    assert enhancer.keeps_mouth == keep


def test_nothing_is_enhanced_unasked_and_asking_in_vain_is_an_error() -> None:
    enhancer = Blackening()
    run(request(picture(), picture()), PictureSwapper(FlatEngine(), enhancer=enhancer))
    assert enhancer.faces == []
    with pytest.raises(OptionUnavailable, match="use_face_enhancer"):
        enhanced(request(picture(), picture()), PictureSwapper(FlatEngine()))


def test_engine_and_enhancer_are_told_of_every_face_of_the_picture_not_only_of_the_chosen_one() -> None:
    told: list[Sequence[Face]] = []

    class Listening(FlatEngine):
        def swap(
            self,
            frame: Bgr,
            pairs: Sequence[tuple[Face, Source]],
            blend: BlendOptions,
            *,
            others: Sequence[Face] = (),
        ) -> list[bool]:
            told.append(others)
            return super().swap(frame, pairs, blend, others=others)

    enhancer = Blackening()
    asked = request(picture(), picture(faces=((4, 4, 10, 12), (30, 6, 20, 24))))
    enhanced(asked, PictureSwapper(Listening(), enhancer=enhancer))
    for others in (*told, enhancer.others):
        assert [face.bbox[0] for face in others] == [4, 30]
