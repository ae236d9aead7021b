"""The sizes at which a picture is looked at, and its tiles."""

import numpy as np
import pytest

from pipeline.faces.blazeface import GRAIN
from pipeline.faces.pyramid import WHOLE_PX, Level, amid_black, levels, scales

SHAPES = [
    (1, 1),
    (17, 1900),
    (5000, 3),
    (2, 400_000),
    (120, 90),
    (512, 512),
    (1080, 1920),
    (2160, 3840),
    (4000, 6000),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_tiles_are_few_large_and_cover_the_canvas(shape: tuple[int, int]) -> None:
    for level in levels(np.zeros((*shape, 3), np.uint8)):
        seen = np.zeros(level.canvas.shape[:2], bool)
        tiles = list(level.tiles())
        for tile in tiles:
            height, width = tile.picture.shape[:2]
            assert height % GRAIN == width % GRAIN == 0
            assert height * width <= 512 * 512
            seen[tile.start[1] : tile.end[1], tile.start[0] : tile.end[0]] = True
        assert seen.all()
        assert len({tile.picture.shape for tile in tiles}) == 1


@pytest.mark.parametrize("shape", [*SHAPES, (6928, 9238), (65_000, 1000), (30, 2_000_000)])
def test_no_picture_takes_more_than_a_bounded_look(shape: tuple[int, int]) -> None:
    assert sum(scale * scale * shape[0] * shape[1] for scale in scales(*shape)) < 1_900_000


@pytest.mark.parametrize("shape", SHAPES)
def test_the_last_level_shows_the_whole_picture_at_one_size(shape: tuple[int, int]) -> None:
    *finer, whole = scales(*shape)
    assert whole * max(shape) == pytest.approx(WHOLE_PX)
    assert finer == sorted(finer, reverse=True)
    assert all(scale > whole for scale in finer)


@pytest.mark.parametrize("shape", [(1083, 1921), (2161, 3849), (301, 6007), (150, 131)])
def test_places_in_a_level_are_those_of_the_original(shape: tuple[int, int]) -> None:
    """A bright square far from the first pixel: what is cut off or rounded adds up there."""
    picture = np.zeros((*shape, 3), np.uint8)
    y, x = shape[0] - 90, shape[1] - 100
    picture[y : y + 60, x : x + 60] = 255
    for level in levels(picture):
        rows, columns = np.nonzero(level.canvas[..., 0] > 127)
        middle = np.array([columns.mean(), rows.mean()])
        [at] = _to_original(level, middle)
        assert at == pytest.approx((x + 29.5, y + 29.5), abs=0.75 * max(level.steps))


def test_a_picture_amid_black_lies_in_the_middle() -> None:
    level = amid_black(np.full((100, 200, 3), 255, np.uint8), 128, 256)
    rows, columns = np.nonzero(level.canvas[..., 0])
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (64, 191, 96, 159)
    assert level.canvas.shape == (256, 256, 3)


def test_what_a_border_between_tiles_cuts_is_left_to_the_neighbour() -> None:
    level = next(iter(levels(np.zeros((2000, 3000, 3), np.uint8))))
    first = next(level.tiles())
    cut, whole, beyond = np.zeros((3, 17), np.float32)
    cut[:4] = (400, 100, first.end[0] + 5, 160)
    whole[:4] = (200, 100, 260, 160)
    beyond[:4] = (-8, -8, 40, 40)  # the picture's own edge may cut a face
    kept = first.to_original(np.array([cut, whole, beyond]))
    assert len(kept) == 2


def _to_original(level: Level, middle: np.ndarray) -> np.ndarray:
    steps, corner = np.array(level.steps), np.array(level.corner)
    return np.array([(middle - corner + 0.5) * steps - 0.5])
