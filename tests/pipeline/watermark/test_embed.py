"""An id hidden in pictures and in frames is found again, and nothing else becomes of them."""

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange

from pipeline.face import Array, Bgr
from pipeline.media.pictures.decode import Picture
from pipeline.media.sniff import MEDIA_TYPES
from pipeline.media.video.colour import ColourTags
from pipeline.media.video.frame import FrameEditor, YuvFrame
from pipeline.watermark.embed import Watermarker, has_room
from pipeline.watermark.ids import agreeing, id_of, to_bits, to_id
from pipeline.watermark.network import Decoder, Encoder, shrunk
from tests.support.pictures import scene
from tests.support.standins.watermark import decoder, watermarker

ID = "9b04e67f"


@pytest.fixture(scope="module")
def hider(tmp_path_factory: pytest.TempPathFactory) -> Watermarker:
    return watermarker(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Decoder:
    return decoder(tmp_path_factory.mktemp("decoder"))


def as_picture(bgr: Bgr, alpha: Bgr | None = None) -> Picture:
    return Picture(bgr=bgr, alpha=alpha, media=MEDIA_TYPES["png"])


def soft(width: int, height: int) -> Bgr:
    """A picture without edges."""
    few = cv2.resize(scene(width, height), (8, 6), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(few, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize("mark_id", ["00000000", "ffffffff", ID, "00000001", "80000000"])
def test_an_id_is_its_bits(mark_id: str) -> None:
    assert to_id(to_bits(mark_id) - 0.5) == mark_id
    assert agreeing(mark_id, mark_id) == 32


def test_ids_differ_in_as_many_bits_as_they_do() -> None:
    assert agreeing("00000000", "80000001") == 30
    assert id_of("job", "plan") == id_of("job", "plan") != id_of("job", "other")
    assert len(id_of("job")) == 8


@pytest.mark.parametrize("size", [(640, 360), (64, 64), (1000, 90), (90, 1000), (319, 181), (320, 180)])
def test_it_is_found_in_a_picture_of_any_size(
    size: tuple[int, int], hider: Watermarker, finder: Decoder
) -> None:
    picture = as_picture(soft(*size))
    before = picture.bgr.copy()
    hider.on_picture(picture, ID)
    assert to_id(finder.read(shrunk(picture.bgr))) == ID
    assert np.abs(picture.bgr.astype(int) - before).max() <= 7  # as much as the network itself changes


@pytest.mark.parametrize(
    "spoil",
    [
        lambda bgr: cv2.imdecode(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 80])[1], 1),
        lambda bgr: cv2.resize(bgr, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    ],
)
def test_it_outlasts_what_the_network_itself_outlasts(
    spoil: Callable[[Bgr], Bgr], hider: Watermarker, finder: Decoder
) -> None:
    picture = as_picture(soft(900, 600))
    hider.on_picture(picture, ID)
    assert to_id(finder.read(shrunk(spoil(picture.bgr)))) == ID


def test_colours_of_what_is_wholly_transparent_stay(hider: Watermarker) -> None:
    alpha = np.zeros((200, 300), np.uint8)
    alpha[:, 100:] = 1
    picture = as_picture(soft(300, 200), alpha)
    before = picture.bgr.copy()
    hider.on_picture(picture, ID)
    np.testing.assert_array_equal(picture.bgr[:, :100], before[:, :100])
    assert (picture.bgr[:, 100:] != before[:, 100:]).any()


@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
@pytest.mark.parametrize("colour_range", [ColorRange.MPEG, ColorRange.JPEG])
def test_a_frame_of_a_video_changes_as_a_picture_does(
    matrix: int, colour_range: int, hider: Watermarker, finder: Decoder
) -> None:
    image = av.VideoFrame(640, 360, "yuv420p")
    frame = YuvFrame(image=image, time=0, colour=ColourTags(matrix=matrix, range=colour_range))
    for plane, level in zip(frame.planes, (140, 120, 140), strict=True):
        plane[...] = level
    like = as_picture(FrameEditor().read(frame))
    hider.on_picture(like, ID)
    hider.on_frame(frame, ID)
    seen = FrameEditor().read(frame)
    assert np.abs(seen.astype(int) - like.bgr).max() <= 3
    assert to_id(finder.read(shrunk(seen))) == ID


class Bluer(Encoder):
    """Changes nothing but blue."""

    def __init__(self) -> None: ...

    def change(self, small: Bgr, bits: Array) -> Array:
        del bits
        return np.tile(np.array((40, 0, 0), np.float32), (*small.shape[:2], 1))


def test_what_only_blue_gains_is_blue_in_a_frame_too() -> None:
    colour = ColourTags(matrix=1, range=ColorRange.MPEG)
    frame = YuvFrame(image=av.VideoFrame(64, 64, "yuv420p"), time=0, colour=colour)
    for plane, level in zip(frame.planes, (120, 128, 128), strict=True):
        plane[...] = level
    before = FrameEditor().read(frame)
    Watermarker(Bluer, model="none").on_frame(frame, ID)
    gained = (FrameEditor().read(frame).astype(int) - before).reshape(-1, 3).mean(axis=0)
    assert gained == pytest.approx((40, 0, 0), abs=2)


def test_the_network_is_opened_once_whoever_comes_first_and_anew_in_another_process(tmp_path: Path) -> None:
    opened: list[Encoder] = []
    plain = watermarker(tmp_path)

    def opening() -> Encoder:
        opened.append(plain._open_encoder())
        return opened[-1]

    hider = Watermarker(opening, model="sha256:x")
    assert not opened
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: hider.on_picture(as_picture(soft(64, 64)), ID), range(8)))
    assert len(opened) == 1
    plain.on_picture(as_picture(soft(64, 64)), ID)
    sent = pickle.loads(pickle.dumps(plain))  # noqa: S301 -- our own
    assert (sent.model, sent._encoder) == (plain.model, None)
    sent.on_picture(as_picture(soft(64, 64)), ID)


def test_small_pictures_have_no_room() -> None:
    assert has_room(64, 64)
    assert not has_room(63, 4000)
