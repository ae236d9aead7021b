"""Cuts are told from what moves within a shot."""

import numpy as np

from pipeline.face import Bgr
from pipeline.tracks.frame import PictureView
from pipeline.tracks.scene import CUT, DOUBTFUL, SceneChanges
from tests.support.faces import astronaut, hopper, scaled


def changes(frames: list[Bgr]) -> list[float]:
    scenes = SceneChanges()
    return [scenes.change(PictureView(frame)) for frame in frames]


def test_the_first_frame_begins_a_shot() -> None:
    assert changes([astronaut()]) == [1.0]


def test_another_picture_is_a_cut_also_where_its_brightness_is_the_same() -> None:
    one = astronaut()
    assert changes([one, hopper()[:512]])[1] >= CUT
    assert changes([one, np.ascontiguousarray(one[::-1, ::-1])])[1] >= CUT


def test_neither_motion_nor_noise_nor_another_size_is_a_cut() -> None:
    one = astronaut()
    noise = np.random.default_rng(0).normal(0, 4, one.shape)
    noisy = np.clip(one + noise, 0, 255).astype(np.uint8)
    frames = [
        one,
        np.roll(one, 10, axis=1),
        np.roll(noisy, 20, axis=1),
        scaled(np.roll(one, 20, axis=1), 0.4),
    ]
    assert max(changes(frames)[1:]) < DOUBTFUL


def test_a_change_of_light_is_no_cut() -> None:
    one = astronaut()
    assert changes([one, (one * 0.93).astype(np.uint8)])[1] < CUT
