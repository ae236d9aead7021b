"""A swapped face that looks like the person before, or that something covers, is told face by face."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from pipeline.engines.base import BlendOptions
from pipeline.face import Bgr, Face, Source
from pipeline.faces.identity import SCALE
from pipeline.swap.doubts import doubts
from pipeline.swap.frame import SwappedFrame
from pipeline.swap.request import Every
from pipeline.swap.result import Likeness
from tests.support.engines import FlatEngine, picture, png
from tests.support.faces import made_up_face
from tests.support.requests import a_request, swap


def a_frame(*faces: tuple[float, float, float], covered: Sequence[int] = ()) -> SwappedFrame:
    """A swapped frame; of each face its side, its distance to the source and to the person before."""
    return SwappedFrame(
        faces=[made_up_face(100 * number, 50, side) for number, (side, _, _) in enumerate(faces)],
        chosen=dict.fromkeys(range(len(faces)), "source"),
        likenesses={
            number: Likeness(to_source=to_source, to_target_before=before, source_to_target_before=0.8)
            for number, (_, to_source, before) in enumerate(faces)
        },
        covered=frozenset(covered),
    )


def told(frame: SwappedFrame) -> list[tuple[str, str]]:
    return [(notice.code, notice.message) for notice in doubts(frame, SCALE)]


@pytest.mark.parametrize(
    ("side", "to_source", "before", "weak"),
    [
        (100, 0.66, 0.62, True),
        (100, 0.62, 0.66, False),
        (100, 0.57, 0.30, False),  # nearer to who was there, and yet the source: one person, or two alike
        (50, 0.57, 0.30, True),  # which of a smaller face is not enough
        (50, 0.47, 0.30, False),
        (39, 0.90, 0.30, False),  # so small that distances say nothing
    ],
)
def test_a_face_is_weak_that_is_nearer_to_who_was_there_and_not_taken_for_the_source(
    side: float, to_source: float, before: float, *, weak: bool
) -> None:
    assert [code for code, _ in told(a_frame((side, to_source, before)))] == ["weak_likeness"] * weak


def test_each_face_is_named_and_says_what_to_do() -> None:
    frame = a_frame((100, 0.7, 0.5), (100, 0.4, 0.7), (100, 0.7, 0.6), covered=(1,))
    (weak, first), (_, second), (covered, third) = told(frame)
    assert (weak, covered) == ("weak_likeness", "target_covered")
    assert first.startswith("face_0 ")
    assert second.startswith("face_2 ")
    assert "face_1" in third
    assert "larger" in first


def test_of_very_many_the_last_are_told_together() -> None:
    warnings = told(a_frame(*[(100, 0.7, 0.5)] * 300))
    assert len(warnings) == 10
    assert "face_9" in warnings[-1][1]
    assert len(warnings[-1][1]) < 400


def test_a_face_without_likeness_is_not_judged() -> None:
    frame = a_frame((100, 0.7, 0.5))
    assert not told(SwappedFrame(faces=frame.faces, chosen=frame.chosen, likenesses={0: None}))


class IdleEngine(FlatEngine):
    """Says that it has swapped, and leaves every face as it was."""

    def swap(
        self,
        frame: Bgr,  # noqa: ARG002 -- the port's
        pairs: Sequence[tuple[Face, Source]],
        blend: BlendOptions,  # noqa: ARG002 -- the port's
        *,
        others: Sequence[Face] = (),  # noqa: ARG002 -- the port's
    ) -> list[bool]:
        return [True] * len(pairs)


def test_a_swap_that_changes_nobody_is_told_in_its_result() -> None:
    source = png(picture(colour=(10, 200, 30)))
    target = png(picture(faces=((4, 4, 10, 12), (30, 6, 20, 24))))
    notices = swap(a_request(source, target, choice=Every()), IdleEngine()).result.notices
    assert [notice.code for notice in notices if notice.code == "weak_likeness"] == ["weak_likeness"] * 2
    notices = swap(a_request(source, target, choice=Every()), FlatEngine()).result.notices
    assert not [notice for notice in notices if notice.code == "weak_likeness"]


def test_only_faces_that_were_swapped_are_said_to_be_covered() -> None:
    target = picture(300, 120, faces=((10, 10, 100, 100), (150, 10, 90, 100)))
    assert not cv2.Laplacian(target[20:100, 20:100], cv2.CV_8U).any()  # faces without eyes or mouth
    result = swap(a_request(png(picture(colour=(10, 200, 30))), png(target)), FlatEngine()).result
    covered = [notice.message for notice in result.notices if notice.code == "target_covered"]
    assert len(covered) == 1
    assert "face_0" in covered[0]
    assert np.array_equal([face.swapped for face in result.faces], [True, False])
