"""Detecting faces, storing what was found, and finding the same people again in today's picture."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from consumer.jobs.detection_record import to_record, to_stored_faces
from pipeline.engines.mesh.engine import MeshEngine, open_mesh_engine
from pipeline.errors import FaceNotFound, MediaCorrupt, UnsupportedMedia
from pipeline.face import Array, Bgr, Face, FoundFaces
from pipeline.faces.identity import SCALE
from pipeline.faces.match import bind, identity_distances
from pipeline.faces.select import by_reference, largest
from pipeline.media.pictures.decode import Limits, Picture, decode
from pipeline.media.target import open_target
from pipeline.steps import Steps, Stepwise, at_once
from pipeline.swap.detect import DetectRun, detect, positions
from pipeline.swap.request import FaceFilter
from pipeline.swap.timing import Timings
from pipeline.swap.whole import detect_file
from storage.records.detection import read_detection
from tests.support.animations import animate
from tests.support.engines import FlatEngine, picture, png
from tests.support.faces import made_up_face, scaled
from tests.support.pictures import to_image
from tests.support.scenes import TILE, grid, tiles


@pytest.fixture(scope="module")
def engine() -> MeshEngine:
    return open_mesh_engine()


def decoded(bgr: Bgr) -> Picture:
    return decode(png(bgr), Limits())


def jpeg(bgr: Bgr, quality: int) -> Bgr:
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def stored(engine: MeshEngine, bgr: Bgr) -> bytes:
    """The result that a detect-faces job leaves in the bucket."""
    return to_record(detect(engine, decoded(bgr), FaceFilter())).to_bytes()


def found_again(
    engine: MeshEngine, detection: bytes, today: Bgr, wanted: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """Centres of the faces that the ids of a stored detection are bound to in today's picture.

    Today's detector counts from the end.
    """
    faces = engine.find_faces(today)[::-1]
    known = to_stored_faces(read_detection(detection))
    embeddings = [engine.embed(today, face) for face in faces]
    distances = identity_distances(known.faces, embeddings, engine.distance)
    size = today.shape[1], today.shape[0]
    places = bind(wanted, known, faces, distances, size=size, scale=SCALE)
    return {name: faces[place].center for name, place in places.items()}


def cell(center: tuple[float, float], side: float, columns: int) -> int:
    """The number of the square that a point lies in."""
    return int(center[1] / side) * columns + int(center[0] / side)


CHANGES = [
    pytest.param(lambda bgr: bgr, 1.0, id="as it was"),
    pytest.param(lambda bgr: jpeg(bgr, 25), 1.0, id="JPEG quality 25"),
    pytest.param(lambda bgr: jpeg(scaled(bgr, 0.5), 60), 0.5, id="half the size, JPEG quality 60"),
    pytest.param(lambda bgr: scaled(bgr, 0.25), 0.25, id="a quarter of the size"),
    pytest.param(lambda bgr: scaled(bgr, 2.3), 2.3, id="more than twice the size"),
    pytest.param(lambda bgr: (bgr * 0.5).astype(np.uint8), 1.0, id="darker"),
]


@pytest.mark.parametrize(("change", "factor"), CHANGES)
@pytest.mark.parametrize("count", [2, 6])
def test_everybody_is_found_again(
    engine: MeshEngine, count: int, change: Callable[[Bgr], Bgr], factor: float
) -> None:
    columns = min(count, 3)
    before = grid(tiles()[:count], columns)
    names = [f"face_{i}" for i in range(count)]
    centers = found_again(engine, stored(engine, before), change(before), names)
    assert {name: cell(center, TILE * factor, columns) for name, center in centers.items()} == {
        f"face_{i}": i for i in range(count)
    }


def test_one_more_person_above_changes_every_number_but_nobody_who_was_pointed_at(
    engine: MeshEngine,
) -> None:
    """The picture keeps its size; above the two, where nothing was, a third face is found today."""
    squares, empty = tiles(), np.full((TILE, TILE, 3), 90, np.uint8)
    before = grid([empty, empty, squares[0], squares[1]], 2)
    today = grid([empty, squares[3], squares[0], squares[1]], 2)
    centers = found_again(engine, stored(engine, before), today, ["face_0", "face_1"])
    assert [cell(centers[name], TILE, 2) for name in ("face_0", "face_1")] == [2, 3]


def test_in_a_mirrored_or_cropped_picture_each_is_found_where_they_are_now(engine: MeshEngine) -> None:
    squares = tiles()
    before = grid([squares[0], squares[1]], 2)
    detection = stored(engine, before)
    mirrored = found_again(engine, detection, before[:, ::-1].copy(), ["face_0", "face_1"])
    assert [cell(mirrored[name], TILE, 2) for name in ("face_0", "face_1")] == [1, 0]
    cropped = found_again(engine, detection, before[:, TILE:].copy(), ["face_1"])
    assert cell(cropped["face_1"], TILE, 1) == 0


def test_who_was_cut_out_is_named_and_nobody_else_is_taken(engine: MeshEngine) -> None:
    squares, empty = tiles(), np.full((TILE, TILE, 3), 90, np.uint8)
    detection = stored(engine, grid([squares[0], squares[1]], 2))
    for today in ([empty, squares[1]], [squares[3], squares[1]]):
        with pytest.raises(FaceNotFound, match=r"^face_0 of the stored"):
            found_again(engine, detection, grid(today, 2), ["face_0", "face_1"])


def test_a_person_is_chosen_by_a_reference_picture(engine: MeshEngine) -> None:
    """Asked for by another picture of hers: smaller, mirrored and compressed."""
    squares = tiles()
    target = grid([squares[0], squares[3]], 2)
    faces = engine.find_faces(target)
    for reference, expected in ((squares[2], 0), (squares[5], 1)):
        shown = jpeg(scaled(reference, 0.8), 60)
        face = largest(engine.find_faces(shown))
        embedding = engine.embed(shown, face)
        distances = [engine.distance(engine.embed(target, other), embedding) for other in faces]
        chosen = by_reference(faces, np.array(distances, np.float32), reference=face, scale=SCALE)
        assert chosen is faces[expected]


def test_who_is_not_in_the_picture_is_not_recognised(engine: MeshEngine) -> None:
    squares = tiles()
    target, reference = squares[1], squares[0]
    faces, face = engine.find_faces(target), largest(engine.find_faces(reference))
    embedding = engine.embed(reference, face)
    distances = [engine.distance(engine.embed(target, other), embedding) for other in faces]
    with pytest.raises(FaceNotFound, match="not recognised"):
        by_reference(faces, np.array(distances, np.float32), reference=face, scale=SCALE)


def test_six_people_are_described_one_by_one(engine: MeshEngine) -> None:
    found = detect(engine, decoded(grid(tiles(), 3)), FaceFilter())
    assert (found.width, found.height) == (900, 600)
    assert [face.face_id for face in found.faces] == [f"face_{i}" for i in range(6)]
    assert [face.position for face in found.faces] == [
        *("top left", "top", "top right"),
        *("bottom left", "bottom", "bottom right"),
    ]


def test_a_picture_without_a_face_is_described_too() -> None:
    found = detect(FlatEngine(), decoded(picture(faces=())), FaceFilter())
    assert (found.width, found.height, found.faces) == (64, 48, ())
    assert to_record(found).total_faces == 0


def test_an_engine_without_an_identity_model_leaves_the_embedding_out() -> None:
    class Faceless(FlatEngine):
        def embed(self, picture: Bgr, face: object) -> None:  # noqa: ARG002 -- the port's
            return None

    found = detect(Faceless(), decoded(picture()), FaceFilter())
    assert found.faces[0].embedding is None
    assert b"embedding" not in to_record(found).to_bytes()


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (10, 10, "top left"),
        (450, 10, "top"),
        (890, 10, "top right"),
        (10, 300, "left"),
        (450, 300, "center"),
        (890, 300, "right"),
        (10, 590, "bottom left"),
        (450, 590, "bottom"),
        (890, 590, "bottom right"),
        (-5, 605, "bottom left"),
        (905, -5, "top right"),
    ],
)
def test_a_place_is_put_into_words(x: float, y: float, words: str) -> None:
    assert positions([made_up_face(x, y, 20)], (900, 600)) == [words]


def test_those_who_share_a_place_are_counted_along_it() -> None:
    beside = [made_up_face(480, 290, 20), made_up_face(420, 300, 20), made_up_face(10, 10, 20)]
    assert positions(beside, (900, 600)) == [
        "center, second from the left",
        "center, first from the left",
        "top left",
    ]
    below = [made_up_face(450, 250 + 30 * i, 20) for i in range(3)]
    assert positions(below, (900, 600)) == [
        f"center, {ordinal} from the top" for ordinal in ("first", "second", "third")
    ]


def test_a_crowd_in_one_place_has_as_many_descriptions_as_faces() -> None:
    crowd = [made_up_face(310 + 20 * i, 300, 18) for i in range(14)]
    words = positions(crowd, (900, 600))
    assert len(set(words)) == 14
    assert words[-1] == "center, number 14 from the left"


def film(faces: Sequence[tuple[tuple[int, int, int, int], ...]]) -> bytes:
    """An animation of frames with these faces, no two alike."""
    frames = [picture(faces=boxes) for boxes in faces]
    for number, frame in enumerate(frames):
        frame[-1, -1] = (number, 3, 9)
    return animate([to_image(frame) for frame in frames], "PNG", [50] * len(frames))


FACE = (20, 10, 24, 24)


class Crowded(FlatEngine):
    """Says that there were more faces; counts what it does."""

    embedded = 0

    def find_in_steps(self, picture: Bgr) -> Steps[FoundFaces]:
        found = yield from super().find_in_steps(picture)
        return replace(found, left_out=7 if found.faces else 0)

    def embed(self, picture: Bgr, face: Face) -> Array | None:
        self.embedded += 1
        return super().embed(picture, face)


@pytest.mark.parametrize("moves", [True, False])
def test_that_faces_were_left_out_is_told_and_no_step_takes_two(moves: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    faces, engine = ((20, 10, 8, 8), (40, 10, 8, 8), (40, 30, 8, 8)), Crowded()
    data = film([(), faces]) if moves else png(picture(faces=faces))
    run = DetectRun(engine, open_target(data, Limits()), FaceFilter(), Timings())
    for _ in range(2 if moves else 1):
        look, done = Stepwise(run.look(run.read_frame())), False
        while not done:
            before, done = engine.embedded, look.step()
            assert engine.embedded - before <= 1
    assert look.result
    assert "faces_left_out" in [notice.code for notice in run.result().notices]


def test_of_what_moves_it_is_the_first_frame_with_a_face_and_no_later_one_is_read() -> None:
    run = DetectRun(FlatEngine(), open_target(film([(), (FACE,), (), ()]), Limits()), FaceFilter(), Timings())
    told = [run.progress]
    while not at_once(run.look(run.read_frame())):
        told.append(run.progress)
    assert [*told, run.progress] == [(0, 4), (1, 4), (2, 4)]
    found = run.result()
    assert [face.face.bbox.tolist() for face in found.faces] == [[20, 10, 44, 34]]
    [notice] = found.notices
    assert notice.code == "first_frame_only"
    assert "frame 2 of 4" in notice.message


def test_a_film_without_a_face_is_described_too() -> None:
    found = detect_file(FlatEngine(), film([(), (), ()]), Limits(), FaceFilter())
    assert found.faces == ()
    assert [notice.message for notice in found.notices] == ["None of the target's 3 frames shows a face."]


def test_a_picture_is_detected_from_its_file_and_its_faults_are_the_targets() -> None:
    timings = Timings()
    found = detect_file(FlatEngine(), png(picture()), Limits(), FaceFilter(), timings=timings)
    assert (len(found.faces), found.notices) == (1, ())
    assert set(timings.ms) == {"decode", "detect"}
    assert detect_file(FlatEngine(), png(picture()), Limits(), FaceFilter(min_size_px=25)).faces == ()
    with pytest.raises(MediaCorrupt, match="The target cannot be used"):
        detect_file(FlatEngine(), png(picture())[:-20], Limits(), FaceFilter())
    with pytest.raises(UnsupportedMedia, match=r"The target .* is an MP4 video"):
        detect_file(FlatEngine(), b"\0\0\0\x18ftypisom" + bytes(64), Limits(), FaceFilter())


def test_what_needs_no_network_is_not_done_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Bgr] = []

    def remembering(bgr: Bgr, _face: Face) -> bytes:
        made.append(bgr)
        return b"jpeg"

    monkeypatch.setattr("pipeline.swap.detect.preview", remembering)
    run = DetectRun(FlatEngine(), open_target(png(picture()), Limits()), FaceFilter(), Timings())
    assert at_once(run.look(run.read_frame()))
    assert not made
    assert [face.preview for face in run.result().faces] == [b"jpeg"]
