"""Frames of moving WebPs show what was drawn, and what is cleared is transparent."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.media.animations.read import open_animation
from pipeline.media.pictures.decode import Limits, Picture
from tests.support.animations import animate


def check_as_drawn(found: list[Picture], images: list[Image.Image]) -> None:
    for frame, drawn in zip(found, images, strict=True):
        meant = np.asarray(drawn)
        seen = meant[..., 3] > 0
        alpha = np.full(meant.shape[:2], 255) if frame.alpha is None else frame.alpha
        np.testing.assert_array_equal(alpha, meant[..., 3])
        np.testing.assert_array_equal(frame.bgr[seen][:, ::-1], meant[seen][:, :3])


def read(images: list[Image.Image]) -> list[Picture]:
    data = animate(images, "WEBP", [50] * len(images), lossless=True, exact=True)
    animation = open_animation(data, Limits())
    return [] if animation is None else list(animation.frames())


@pytest.mark.parametrize("first", [(200, 10, 60, 255), (0, 0, 0, 0)])
def test_what_is_cleared_is_transparent_though_no_frame_is(first: tuple[int, int, int, int]) -> None:
    images = [Image.new("RGBA", (16, 12), colour) for colour in (first, (0, 0, 0, 0))]
    for number, image in enumerate(images):
        image.paste((0, 90, 21, 255), (0, 2 * number, 4, 6))
    check_as_drawn(read(images), images)


@settings(deadline=None, max_examples=40)
@given(
    boxes=st.lists(
        st.tuples(
            st.integers(0, 15), st.integers(0, 11), st.integers(1, 16), st.integers(1, 12), st.integers(0, 3)
        ),
        min_size=2,
        max_size=5,
    ),
)
def test_frames_are_composed_to_what_was_drawn(boxes: list[tuple[int, int, int, int, int]]) -> None:
    images = []
    for number, (left, top, width, height, shade) in enumerate(boxes):
        image = Image.new("RGBA", (16, 12), (0, 0, 0, 0) if number % 2 else (200, 10, 60, 255))
        image.paste((60 * shade, 90, 20 + number, 255 - 80 * shade), (left, top, left + width, top + height))
        images.append(image)
    found = read(images)
    if found:  # frames that are all alike are written as a picture
        check_as_drawn(found, images)
