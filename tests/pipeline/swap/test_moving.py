"""An animation is swapped frame by frame with an engine of known result; what has no face stays as it is."""

import io
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from pipeline.engines.base import BlendOptions
from pipeline.errors import MediaCorrupt, MediaTooLarge, NoFaceInTarget
from pipeline.face import Array, Bgr, Face, Source
from pipeline.marks.vocabulary import DIGITAL_SOURCE_TYPE
from pipeline.media.animations.read import AnimationFile, open_animation
from pipeline.media.pictures.decode import Limits, decode
from pipeline.media.pictures.encode import OutputFormat
from pipeline.steps import at_once
from pipeline.swap.request import Every, Largest, SwapRequest
from pipeline.swap.run import SwapRun
from pipeline.swap.swapper import Swapper
from pipeline.swap.timing import Timings
from pipeline.swap.whole import SwappedFile
from tests.support.animations import in_every_format
from tests.support.apng import CLEARED, RESTORED, Frame, apng, shown
from tests.support.engines import FACE_BGR, FlatEngine, picture, png
from tests.support.requests import MARK, a_request, swap

SOURCE_BGR = (10, 200, 30)
DURATIONS_MS = (40, 200, 70, 100, 60)
Box = tuple[int, int, int, int]
FACES: tuple[tuple[Box, ...], ...] = (
    (),
    ((20, 10, 24, 24), (2, 2, 9, 9)),
    (),
    ((22, 12, 20, 20), (2, 2, 9, 9)),
)


def frames(faces: Sequence[tuple[Box, ...]] = FACES) -> list[Bgr]:
    """Frames of 64 x 48 pixels with these faces, no two alike."""
    made = [picture(faces=boxes) for boxes in faces]
    for number, frame in enumerate(made):
        frame[40:44, 50:54] = (7 * number, 3, 9)
    return made


def files(faces: Sequence[tuple[Box, ...]] = FACES) -> dict[str, bytes]:
    return in_every_format(frames(faces), DURATIONS_MS[: len(faces)])


def request(target: bytes, *, many_faces: bool = False) -> SwapRequest:
    source = png(picture(colour=SOURCE_BGR))
    return a_request(source, target, choice=Every() if many_faces else Largest())


def run(
    target: bytes,
    requested: OutputFormat | None = None,
    *,
    many_faces: bool = False,
    engine: FlatEngine | None = None,
) -> SwappedFile:
    return swap(request(target, many_faces=many_faces), engine or FlatEngine(), requested)


def opened(target: bytes, limits: Limits | None = None) -> SwapRun:
    return Swapper(FlatEngine()).open(request(target), limits or Limits(), Timings())


def moving(data: bytes) -> AnimationFile:
    animation = open_animation(data, Limits())
    assert animation is not None
    return animation


@pytest.mark.parametrize("name", ["gif", "png", "webp"])
def test_only_frames_with_a_face_change_and_all_keep_their_time(name: str) -> None:
    swapped = run(files()[name])
    assert swapped.written.media.name == name
    assert (swapped.written.frames, swapped.written.duration_s) == (4, 0.41)
    assert DIGITAL_SOURCE_TYPE.encode() in swapped.data
    animation = moving(swapped.data)
    assert animation.timeline.durations_ms == DURATIONS_MS[:4]
    expected = frames()
    expected[1][10:34, 20:44] = SOURCE_BGR
    expected[3][12:32, 22:42] = SOURCE_BGR
    for found, wanted in zip(animation.frames(), expected, strict=True):
        np.testing.assert_array_equal(found.bgr, wanted)


def test_half_transparent_frames_of_a_png_stay_exact_beside_the_face() -> None:
    noise = np.random.default_rng(4)
    whole = picture(faces=((20, 10, 24, 24),))[..., ::-1]
    opaque = np.dstack((whole, np.full(whole.shape[:2], 255, np.uint8)))
    laid = [Frame(rgba=opaque)]
    for left, disposal in ((0, RESTORED), (45, CLEARED), (50, RESTORED), (46, CLEARED)):
        half = noise.integers(0, 256, (40, 12, 4), np.uint8)
        laid.append(Frame(rgba=half, left=left, top=3, disposal=disposal, over=True))
    size = whole.shape[1], whole.shape[0]
    expected = [frame[..., [2, 1, 0, 3]] for frame in shown(laid, size)]
    frames = list(moving(run(apng(laid, size)).data).frames())
    for found, wanted in zip(frames, expected, strict=True):
        wanted[10:34, 20:44, :3] = SOURCE_BGR
        assert found.alpha is not None
        np.testing.assert_array_equal(found.alpha, wanted[..., 3])
        np.testing.assert_array_equal(found.bgr, wanted[..., :3])
    assert any(np.any((frame[..., 3] > 0) & (frame[..., 3] < 255)) for frame in expected)


def test_many_faces_changes_every_face_of_every_frame() -> None:
    for frame in moving(run(files()["png"], many_faces=True).data).frames():
        assert not np.any(np.all(frame.bgr == FACE_BGR, axis=-1))


def test_the_record_is_of_the_first_swapped_frame_and_says_how_many_stayed() -> None:
    swapped = run(files()["gif"]).result
    assert [(face.swapped, face.box) for face in swapped.faces] == [
        (False, (2, 2, 9, 9)),
        (True, (20, 10, 24, 24)),
    ]
    assert swapped.faces[1].likeness is not None
    notices = {notice.code: notice.message for notice in swapped.notices}
    assert set(notices) == {"basic_engine", "frames_unchanged"}
    assert notices["frames_unchanged"].startswith("2 of 4 frames")


def test_an_animation_with_a_face_in_every_frame_needs_no_notice() -> None:
    swapped = run(files([FACES[1], FACES[3]])["gif"]).result
    assert [notice.code for notice in swapped.notices] == ["basic_engine"]


def test_no_face_in_any_frame_and_none_that_could_be_swapped_are_errors() -> None:
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

    with pytest.raises(NoFaceInTarget, match="any frame"):
        run(files([(), ()])["gif"])
    with pytest.raises(NoFaceInTarget, match="any frame"):
        run(files()["gif"], engine=Refusing())


def test_a_face_is_followed_although_another_becomes_the_largest() -> None:
    left, right = (4, 10, 20, 20), (40, 10, 18, 18)
    grown = (38, 8, 24, 24)
    swapped = run(files([(left, right), (left, grown)])["png"])
    for frame in moving(swapped.data).frames():
        assert (frame.bgr[12, 10] == SOURCE_BGR).all()
        assert (frame.bgr[12, 45] == FACE_BGR).all()


def test_likeness_is_measured_once_and_not_in_every_frame() -> None:
    class Counting(FlatEngine):
        embedded = 0

        def embed(self, picture: Bgr, face: Face) -> Array | None:
            self.embedded += 1
            return super().embed(picture, face)

    engine = Counting()
    run(files()["png"], engine=engine)
    assert (engine.embedded, engine.swaps) == (2, 2)


def test_progress_counts_the_frames() -> None:
    running = opened(files()["webp"])
    at_once(running.prepare("source", running.load("source")))
    told = [running.progress]
    for _ in range(running.target.total):
        running.swap(running.read_frame())
        told.append(running.progress)
    assert running.target.unit == "frames"
    assert told == [(number, 4) for number in range(5)]


@pytest.mark.parametrize(("requested", "name"), [("jpeg", "jpeg"), ("avif", "avif")])
def test_a_format_that_does_not_move_shows_the_first_swapped_frame_and_says_so(
    requested: OutputFormat, name: str
) -> None:
    result = run(files()["gif"], requested)
    assert (result.written.media.name, result.written.frames) == (name, None)
    assert [notice.code for notice in result.written.notices] == ["first_frame_only"]
    shown = decode(result.data, Limits()).bgr
    assert np.abs(shown[20, 30].astype(int) - SOURCE_BGR).max() < 12


@pytest.mark.parametrize(("requested", "name"), [("png", "png"), ("webp", "webp")])
def test_an_animation_moves_in_the_format_asked_for_where_that_can(
    requested: OutputFormat, name: str
) -> None:
    result = run(files()["gif"], requested)
    assert (result.written.media.name, result.written.notices) == (name, ())
    assert moving(result.data).timeline.durations_ms == DURATIONS_MS[:4]


def test_memory_is_known_before_a_frame_is_decoded_and_does_not_grow_with_their_number() -> None:
    source, canvas = 64 * 48 * 16, 64 * 48
    short, long = (files([FACES[1], FACES[3]] * pairs)["png"] for pairs in (1, 2))
    assert opened(short).memory_bytes() == opened(long).memory_bytes() == source + canvas * (16 + 4 * 4 + 24)
    with pytest.raises(MediaTooLarge, match=r"The target cannot be used\. The animation has 4 frames"):
        opened(long, Limits(max_frames=3))


def test_a_damaged_frame_is_blamed_on_the_target() -> None:
    data = bytearray(files()["webp"])
    last = data.rindex(b"VP8L") + 8
    data[last : last + 12] = bytes(12)
    with pytest.raises(MediaCorrupt, match="The target cannot be used"):
        run(bytes(data))


def test_a_source_that_moves_gives_its_first_frame_and_says_so() -> None:
    source = files([FACES[1], ()])["gif"]
    swapped = swap(a_request(source, png(picture())), FlatEngine())
    assert [notice.code for notice in swapped.result.notices] == ["first_frame_only", "basic_engine"]


@pytest.mark.parametrize("name", ["gif", "png", "webp"])
def test_frames_may_be_read_swapped_and_written_on_threads_of_their_own(name: str) -> None:
    target = files([FACES[1], FACES[3], (), FACES[3], FACES[1]])[name]
    running, sink = opened(target), io.BytesIO()
    at_once(running.prepare("source", running.load("source")))
    writer = running.target.writer(requested=None, quality=90, mark=MARK, sink=sink)
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as device, ThreadPoolExecutor(1) as disk:
        total, writing = running.target.total, list[Future[None]]()
        reading = [reader.submit(running.read_frame) for _ in range(total)]
        for read in reading:
            frame = read.result()
            changed = device.submit(running.swap, frame).result()
            writing.append(disk.submit(writer.add, frame, changed=changed))
        for written in writing:
            written.result()
    writer.finish()
    assert running.progress == (total, total)
    assert sink.getvalue() == run(target).data
