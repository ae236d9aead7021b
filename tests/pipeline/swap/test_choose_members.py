"""Whose faces of a video are meant: by prominence, number, reference picture or an earlier detection."""

from dataclasses import replace

import numpy as np
import pytest

from consumer.jobs.detection_record import to_record, to_stored_faces
from pipeline.errors import FaceNotFound, NoFaceInTarget
from pipeline.steps import at_once
from pipeline.swap.choose import ChosenFaces, FaceChooser, counting_members
from pipeline.swap.detect import Extent, describe_cast
from pipeline.swap.request import Choice, Every, FaceFilter, Largest, Mapped, Recognised
from pipeline.tracks.cast import CastMember
from pipeline.tracks.identity import Person
from storage.errors import InvalidManifest
from storage.records.detection import read_detection
from tests.support.engines import FlatEngine, person_bgr, picture
from tests.support.faces import made_up_face

SIZE = (640, 360)


def member(number: int, person: int, *, size: float = 60, prominence: float = 1.0) -> CastMember:
    return CastMember(
        face_id=f"face_{number}",
        face=made_up_face(100 + 150 * number, 100, size),
        frame=3,
        time_s=0.1,
        preview=np.zeros((160, 160, 3), np.uint8),
        person=Person(embedding=np.array(person_bgr(person), np.float32), side_px=size, sharpness=1),
        first_s=0.0,
        last_s=2.5,
        seen=4,
        largest_area=size**2,
        prominence=prominence,
    )


CAST = (member(0, 0), member(1, 2, prominence=3.0), member(2, 4, prominence=2.0))


def chosen(
    choice: Choice, names: tuple[str, ...] = ("source",), cast: tuple[CastMember, ...] = CAST
) -> ChosenFaces:
    chooser = FaceChooser(FlatEngine(), choice, names, FaceFilter())
    if isinstance(choice, Recognised):
        at_once(chooser.learn(picture(faces=((10, 10, 20, 20),), people=(4,))))
    return chooser.choose_members(cast)


def test_one_source_goes_onto_who_is_largest_for_the_longest() -> None:
    assert chosen(Largest()) == {1: "source"}
    equal = tuple(replace(it, prominence=1.0) for it in CAST)
    assert chosen(Largest(), cast=equal) == {0: "source"}


def test_with_many_faces_everybody_is_meant() -> None:
    assert chosen(Every()) == {0: "source", 1: "source", 2: "source"}


def test_a_reference_picture_tells_who_is_meant() -> None:
    assert chosen(Recognised(b"")) == {2: "source"}


def test_numbers_count_the_cast_and_a_number_too_many_is_named() -> None:
    assert chosen(Mapped(), ("face_2", "face_0")) == {2: "face_2", 0: "face_0"}
    with pytest.raises(FaceNotFound, match=r"The target has no face_3: 3 faces were found there"):
        chosen(Mapped(), ("face_3",))


def test_without_anybody_there_is_no_face_in_the_target() -> None:
    with pytest.raises(NoFaceInTarget):
        chosen(Largest(), cast=())


def test_a_stored_detection_binds_by_identity_whatever_the_order_and_place() -> None:
    found = describe_cast(FlatEngine(), CAST, size=SIZE, extent=Extent(frames=75, duration_s=2.5))
    body = to_record(found).to_bytes()
    stored = to_stored_faces(read_detection(body), of="video")
    today = (replace(CAST[2], face=CAST[0].face), replace(CAST[0], face=CAST[2].face))
    assert chosen(Mapped(stored), ("face_0", "face_2"), today) == {1: "face_0", 0: "face_2"}
    with pytest.raises(FaceNotFound, match="face_1 of the stored detection cannot be found again"):
        chosen(Mapped(stored), ("face_1",), today)


def test_a_detection_that_another_model_made_tells_nobody_in_a_video() -> None:
    found = describe_cast(FlatEngine(), CAST, size=SIZE, extent=Extent(frames=75, duration_s=2.5))
    stored = to_stored_faces(to_record(found), of="video")
    with pytest.raises(FaceNotFound, match="another identity model"):
        chosen(Mapped(replace(stored, identity_model="sha256:ff")), ("face_0",))


def test_the_record_of_a_video_says_when_each_person_is_seen() -> None:
    found = describe_cast(FlatEngine(), CAST, size=SIZE, extent=Extent(frames=75, duration_s=2.5))
    record = read_detection(to_record(found).to_bytes())
    assert (record.media.kind, record.media.frames, record.media.duration_s) == ("video", 75, 2.5)
    assert [(it.first_s, it.last_s) for it in (face.track for face in record.faces) if it] == [(0, 2.5)] * 3
    assert [face.position_description for face in record.faces] == ["top left", "top", "top"]
    with pytest.raises(InvalidManifest, match="is of a video, and the target is a picture"):
        to_stored_faces(record)


def test_who_is_too_small_does_not_count_and_the_others_are_numbered_anew() -> None:
    cast = (member(0, 0, size=20), member(1, 2), member(2, 4))
    left = counting_members(cast, FaceFilter(min_size_px=40))
    assert [(it.face_id, it.face) for it in left] == [("face_0", cast[1].face), ("face_1", cast[2].face)]
