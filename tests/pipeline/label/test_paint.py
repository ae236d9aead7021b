"""Where a label is painted and how it looks; what is beside it stays as it was, bit by bit."""

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange

from pipeline.face import Bgr
from pipeline.label.label import Corner, label_in
from pipeline.label.paint import LabelPainter
from pipeline.label.words import Language
from pipeline.media.pictures.decode import Picture
from pipeline.media.sniff import MEDIA_TYPES
from pipeline.media.video.colour import ColourTags
from pipeline.media.video.frame import FrameEditor, YuvFrame
from tests.support.pictures import scene, texture

CORNERS: tuple[Corner, ...] = ("top-left", "top-right", "bottom-left", "bottom-right")
BT709 = 1


def as_picture(bgr: Bgr, alpha: Bgr | None = None) -> Picture:
    return Picture(bgr=bgr, alpha=alpha, media=MEDIA_TYPES["png"])


def painted(bgr: Bgr, corner: Corner = "bottom-left", *, language: Language = "en") -> Bgr:
    """A picture with the label of a language; `bgr` stays as it is."""
    picture = as_picture(bgr.copy())
    LabelPainter(label_in(language, corner)).on_picture(picture)
    return picture.bgr


def box_of(changed: Bgr) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of what is set."""
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def flat(width: int, height: int, level: int) -> Bgr:
    return np.full((height, width, 3), level, np.uint8)


@pytest.mark.parametrize("size", [(640, 360), (361, 641), (64, 64), (901, 48)])
@pytest.mark.parametrize("corner", CORNERS)
def test_it_stands_in_its_corner_and_nothing_else_is_changed(corner: Corner, size: tuple[int, int]) -> None:
    width, height = size
    before = texture(width, height) // 2 + 64
    after = painted(before, corner)
    left, top, right, bottom = box_of((before != after).any(axis=2).astype(np.uint8))
    beside = right <= width // 2 + width % 2 if corner.endswith("left") else left >= width // 2
    above = bottom <= height // 2 if corner.startswith("top") else top >= height // 2
    assert above
    assert beside or width < 500  # in a narrow one it is wider than half of it
    assert min(left, top, width - right, height - bottom) > 0


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", [(640, 400), (400, 640), (3000, 200)])
def test_letters_are_as_high_as_the_standard_asks_for(size: tuple[int, int], language: Language) -> None:
    after = painted(flat(*size, 0), language=language)
    _, top, _, bottom = box_of((after[..., 0] > 128).astype(np.uint8))
    assert bottom - top >= 0.05 * min(size)


def luminance(level: float) -> float:
    """Relative luminance of a grey (WCAG 2.2)."""
    share = level / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


@pytest.mark.parametrize("level", [0, 60, 128, 200, 255])
def test_it_can_be_read_on_every_ground(level: int) -> None:
    after = painted(flat(640, 400, level))
    left, top, right, bottom = box_of((painted(flat(640, 400, 0))[..., 0] > 128).astype(np.uint8))
    plate = float(np.median(after[top:bottom, left:right]))  # the letters take less than half of it
    assert (luminance(255) + 0.05) / (luminance(plate) + 0.05) >= 4.5


def test_a_small_picture_says_it_in_fewer_letters_that_are_not_smaller() -> None:
    small = painted(flat(64, 64, 0))
    _, top, right, bottom = box_of((small[..., 0] > 128).astype(np.uint8))
    assert bottom - top >= 7
    assert right < 32


@pytest.mark.parametrize("size", [(16, 16), (8, 8), (1, 1), (2, 300), (300, 2)])
def test_where_there_is_no_room_for_letters_a_picture_stays_a_picture(size: tuple[int, int]) -> None:
    assert painted(flat(*size, 200)).shape == (size[1], size[0], 3)


def test_grey_stays_grey() -> None:
    after = painted(np.dstack([texture(320, 240)[..., 0]] * 3))
    np.testing.assert_array_equal(after[..., 0], after[..., 1])
    np.testing.assert_array_equal(after[..., 0], after[..., 2])


def test_what_is_transparent_is_not_under_the_label_and_keeps_its_colours_beside_it() -> None:
    before = texture(320, 240)
    picture = as_picture(before.copy(), np.zeros((240, 320), np.uint8))
    LabelPainter(label_in("en", "top-left")).on_picture(picture)
    assert picture.alpha is not None
    left, top, right, bottom = box_of(picture.alpha)
    under = np.zeros((240, 320), bool)
    under[top:bottom, left:right] = True
    assert (picture.bgr[picture.alpha == 255] > 200).any()
    assert np.median(picture.alpha[under]) == pytest.approx(0.6 * 255, abs=1)
    assert picture.bgr[picture.alpha == 153].max() <= 2  # nothing of what nobody saw before
    np.testing.assert_array_equal(picture.bgr[~under], before[~under])


def test_an_opaque_picture_with_alpha_looks_like_one_without() -> None:
    before = scene(320, 240)
    picture = as_picture(before.copy(), np.full((240, 320), 255, np.uint8))
    LabelPainter(label_in("en", "bottom-left")).on_picture(picture)
    assert picture.alpha is not None
    assert picture.alpha.min() == 255
    assert np.abs(picture.bgr.astype(int) - painted(before)).max() <= 1


def frame(luma: int, chroma: int, colour_range: int, size: tuple[int, int] = (320, 240)) -> YuvFrame:
    image = av.VideoFrame(*size, "yuv420p")
    made = YuvFrame(image=image, time=0, colour=ColourTags(matrix=BT709, range=colour_range))
    for plane, level in zip(made.planes, (luma, chroma, chroma), strict=True):
        plane[...] = level
    return made


@pytest.mark.parametrize("colour_range", [ColorRange.MPEG, ColorRange.JPEG])
@pytest.mark.parametrize("corner", CORNERS)
def test_a_frame_of_a_video_looks_like_a_picture_and_keeps_all_samples_beside_the_label(
    colour_range: int, corner: Corner
) -> None:
    made, untouched = (frame(140, 128, colour_range) for _ in range(2))
    editor = FrameEditor()
    ground = editor.read(untouched)
    LabelPainter(label_in("en", corner)).on_frame(made)
    like = painted(ground, corner)
    assert np.abs(editor.read(made).astype(int) - like).max() <= 2
    left, top, right, bottom = box_of((like != ground).any(axis=2).astype(np.uint8))
    for plane, before, scale in zip(made.planes, untouched.planes, (1, 2, 2), strict=True):
        changed = plane != before
        changed[top // scale : -(-bottom // scale), left // scale : -(-right // scale)] = False
        assert not changed.any()


def test_colours_of_a_frame_fade_under_the_label() -> None:
    made = frame(140, 200, ColorRange.MPEG)
    LabelPainter(label_in("en", "top-left")).on_frame(made)
    _, blue, _ = made.planes
    assert np.median(blue[blue != 200]) == pytest.approx(128 + 0.4 * 72, abs=1)
    assert blue.min() < 128 + 0.2 * 72  # the letters have none
    assert blue.min() >= 128


@pytest.mark.parametrize(
    ("faces", "corner"),
    [
        ([(20, 210, 20, 20)], "bottom-right"),
        ([(20, 100, 120, 140)], "bottom-left"),  # a large one is covered in part
        ([(20, 210, 20, 20), (280, 210, 20, 20)], "top-left"),
        ([(x, y, 20, 20) for x in (20, 280) for y in (12, 210)], "bottom-left"),  # there is no better one
    ],
)
def test_it_goes_where_it_covers_no_whole_face(
    faces: list[tuple[float, float, float, float]], corner: Corner
) -> None:
    picture = as_picture(flat(320, 240, 90))
    LabelPainter(label_in("en", "bottom-left")).on_picture(picture, faces)
    np.testing.assert_array_equal(picture.bgr, painted(flat(320, 240, 90), corner))


def test_pictures_of_several_sizes_each_get_their_own() -> None:
    """As where a stream changes its size: one painter is used for all frames."""
    painter = LabelPainter(label_in("en", "top-left"))
    for size in [(320, 240), (640, 480), (320, 240)]:
        picture = as_picture(flat(*size, 90))
        painter.on_picture(picture)
        np.testing.assert_array_equal(picture.bgr, painted(flat(*size, 90), "top-left"))
