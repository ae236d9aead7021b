"""Colour transfer, on patches whose right answer is known."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engines.mesh.colour import (
    find_blur,
    keep_blacks,
    keep_hue,
    limit_highlights,
    match_colour,
    match_sharpness,
    tie_chroma,
)
from pipeline.engines.mesh.regions import Regions, masked_blur
from pipeline.face import Array

SIDE = 96
FACE = Regions(
    inside=np.full((SIDE, SIDE), 0.2, np.float32),
    openings=np.zeros((SIDE, SIDE), np.float32),
    features=np.zeros((SIDE, SIDE), np.float32),
    face_px=SIDE,
)
SKIN = np.ones((SIDE, SIDE), np.float32)

lab_colours = st.tuples(st.floats(30, 80), st.floats(-30, 40), st.floats(-30, 50))


def _flat(colour: tuple[float, ...]) -> Array:
    return np.asarray(np.broadcast_to(np.array(colour, np.float32), (SIDE, SIDE, 3)).copy())


def _textured(seed: int, spread: float, *, grey: bool = False) -> Array:
    noise = np.random.default_rng(seed).normal(0, spread, (SIDE, SIDE, 3)).astype(np.float32)
    lab = _flat((60, 15, 20)) + noise
    if grey:
        lab[..., 1:] = 0
    return lab


def _blotched(seed: int, spread: float) -> Array:
    """Structure as coarse as a face's: cheeks and lips, not pores."""
    soft = np.asarray(cv2.GaussianBlur(_textured(seed, 1) - _flat((60, 15, 20)), (0, 0), 6), np.float32)
    return np.asarray(_flat((60, 15, 20)) + soft * spread / soft.std(axis=(0, 1)), np.float32)


@given(ours=lab_colours, theirs=lab_colours)
@settings(max_examples=25)
def test_a_flat_face_takes_exactly_the_targets_tone(
    ours: tuple[float, ...], theirs: tuple[float, ...]
) -> None:
    matched = match_colour(_flat(ours), _flat(theirs), FACE, SKIN)
    assert np.abs(matched - _flat(theirs))[..., 1:].max() < 0.1
    # The highlight limit begins 8 below the target's brightest: all of a flat patch is its brightest.
    assert abs(float(matched[..., 0].mean()) - theirs[0]) < 8 * (1 - np.tanh(8 / 12)) + 0.1


def test_a_textured_face_takes_the_targets_mean_and_deviation() -> None:
    drawn, target = _blotched(1, 5), _blotched(2, 6) + np.array([-15, 4, -9], np.float32)
    matched = match_colour(drawn, target, FACE, SKIN)
    assert matched.mean(axis=(0, 1)) == pytest.approx(target.mean(axis=(0, 1)), abs=0.8)
    assert matched.std(axis=(0, 1)) == pytest.approx(target.std(axis=(0, 1)), rel=0.25)


def test_noise_in_the_target_is_not_taken_for_colourfulness() -> None:
    drawn, target = _blotched(1, 5), _blotched(2, 3)
    noise = _textured(11, 12) - _flat((60, 15, 20))
    noise[..., 0] = 0
    clean, noisy = (match_colour(drawn, each, FACE, SKIN)[..., 1:].std() for each in (target, target + noise))
    assert noisy == pytest.approx(clean, rel=0.15)


def _edges(sigma: float) -> Array:
    """Dark bars on skin, blurred."""
    lab = _flat((70, 15, 20))
    lab[30:66:12] = lab[31:66:12] = lab[32:66:12] = (30, 10, 15)
    lab[:, 60:] = (30, 10, 15)
    return np.asarray(cv2.GaussianBlur(lab, (0, 0), sigma), np.float32)


def test_the_targets_blur_is_found_and_a_sharp_or_noisy_one_has_none() -> None:
    regions = replace(FACE, features=np.ones((SIDE, SIDE), np.float32))
    found = [find_blur(_edges(1), _edges(sigma), regions) for sigma in (1, 2, 4, 8)]
    assert found[0] == 0
    assert 0.5 < found[1] < found[2] < found[3] < 9
    noise = _textured(12, 6) - _flat((60, 15, 20))
    assert find_blur(_edges(1), _edges(1) + noise, regions) == 0
    assert find_blur(_edges(4), _edges(1), regions) == 0
    assert find_blur(_edges(1), _edges(4), FACE) == 0  # no features to tell it by


def test_a_grey_target_takes_all_colour_away() -> None:
    matched = match_colour(_textured(3, 5), _textured(4, 5, grey=True), FACE, SKIN)
    assert np.abs(matched[..., 1:]).max() < 0.01


def test_shadows_take_no_more_than_half_of_the_targets_colour() -> None:
    drawn = _blotched(1, 5)
    drawn[..., 1:] = (15, 20)
    target = drawn.copy()
    target[..., 1] += 0.5 * (target[..., 0] - 60)
    sample = np.flatnonzero(SKIN)
    tied = tie_chroma(drawn, target, sample, FACE)
    slope = np.polyfit(tied[..., 0].ravel(), tied[..., 1].ravel(), 1)[0]
    assert 0.1 < slope < 0.25  # all of it turns eye sockets and dark lips red


def test_black_stays_black_on_a_much_brighter_target() -> None:
    drawn = _textured(5, 3)
    drawn[40:44, 40:44] = (2, 0, 0)
    matched = match_colour(drawn, _flat((85, 5, 8)), FACE, SKIN)
    assert matched[40:44, 40:44, 0].max() < 6
    assert np.abs(matched[40:44, 40:44, 1:]).max() < 6
    assert matched[:20, :20, 0].mean() > 75


def test_blacks_are_kept_and_skin_is_not() -> None:
    drawn = np.array([[0.0, 60.0]], np.float32)
    kept = keep_blacks(np.full((1, 2, 3), 50, np.float32), np.zeros((1, 2, 3), np.float32), drawn, 60)
    assert kept[0, 0].tolist() == [0, 0, 0]
    assert kept[0, 1].tolist() == [50, 50, 50]


def test_pale_skin_fades_to_grey_and_never_into_the_opposite_colour() -> None:
    matched = np.zeros((1, 2, 3), np.float32)
    matched[0, :, 1:] = [(-6, -8), (3, 4)]
    stretched = np.zeros((1, 2, 3), np.float32)
    kept = keep_hue(matched, stretched, np.array([9, 12], np.float32))
    assert kept[0, 0, 1:] == pytest.approx(0, abs=1e-5)
    assert kept[0, 1, 1:].tolist() == [3, 4]


def test_a_dark_target_gets_no_more_contrast_than_its_light_allows() -> None:
    drawn = _textured(9, 6)
    dark = _flat((10, 3, 4)) + _textured(10, 0.5) - _flat((60, 15, 20))
    matched = match_colour(drawn, dark, FACE, SKIN)
    assert matched[..., 0].std() < 0.3 * drawn[..., 0].std()


def test_nothing_is_much_brighter_than_the_target_ever_is() -> None:
    lab = np.zeros((1, 3, 3), np.float32)
    lab[0, :, 0] = (30, 72, 100)
    limited = limit_highlights(lab, 80)[0, :, 0]
    assert limited[:2].tolist() == [30, 72]
    assert 72 < limited[2] <= 80


def test_sharpness_moves_towards_the_targets_both_ways() -> None:
    everywhere = np.ones((SIDE, SIDE), bool)
    soft, sharp = _textured(6, 1), _textured(7, 6)
    assert match_sharpness(soft, sharp, everywhere)[..., 0].std() > 1.3 * soft[..., 0].std()
    assert match_sharpness(sharp, soft, everywhere)[..., 0].std() < 0.7 * sharp[..., 0].std()
    assert match_sharpness(sharp, sharp, everywhere) is sharp


def test_the_masked_mean_does_not_see_what_is_masked() -> None:
    values = np.full((64, 64, 3), 10, np.float32)
    values[:, 32:] = 200
    mask = np.zeros((64, 64), np.float32)
    mask[:, :24] = 1
    assert masked_blur(values, mask, 6)[:, :24] == pytest.approx(10, abs=0.5)
