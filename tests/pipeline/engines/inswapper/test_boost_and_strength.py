"""Larger crops and other strengths on the stand-in, whose every pixel is known: half crop, half colour."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.catalogue import Catalogue
from pipeline.engines.base import BlendOptions
from pipeline.engines.inswapper.crop import cut_out
from pipeline.engines.inswapper.engine import InswapperEngine, InswapperSource, open_inswapper_engine
from pipeline.engines.inswapper.network import SwapNetwork, Swapped
from pipeline.face import Array, Bgr, Face
from tests.support.engines import picture
from tests.support.standins.insight import embedding_by_insightface
from tests.support.standins.swapper import build_swapper, colour_of, emap

PLAIN = BlendOptions(color_correction=False)
SIDE, LEFT, TOP = 128, 60, 40


def open_engine(files: dict[str, Path], name: str = "inswapper_128") -> InswapperEngine:
    return open_inswapper_engine(files, Catalogue.load().engines[name], provider="cpu", threads=1, hashes={})


@pytest.fixture(scope="module")
def engine(inswapper_files: dict[str, Path]) -> InswapperEngine:
    return open_engine(inswapper_files)


@pytest.fixture(scope="module")
def source(engine: InswapperEngine) -> InswapperSource:
    bgr = picture(640, 640, colour=(40, 160, 90), faces=((240, 200, 160, 200),))
    (face,) = engine.find_faces(bgr)
    return engine.prepare_source(bgr, face)


def noise() -> Bgr:
    """A frame whose neighbouring pixels have nothing in common: whatever is scaled shows."""
    return np.random.default_rng(7).integers(0, 256, (620, 640, 3), np.uint8)


def face_of(times: float, side: int = SIDE) -> Face:
    """A face whose crop is `times * side` pixels of the frame from (LEFT, TOP) on, upright."""
    template = np.array(Catalogue.load().engines["inswapper_128"].template.at(side))
    kps = (template * times + (times - 1) / 2 + (LEFT, TOP)).astype(np.float32)
    low, high = kps.min(axis=0), kps.max(axis=0)
    return Face(bbox=np.concatenate([low * 1.2 - high * 0.2, high]), score=0.9, kps=kps)


def middle(side: int) -> tuple[slice, slice]:
    """The part of a crop of `side` pixels in which only the swap shows."""
    margin = side * 3 // 8
    return slice(TOP + margin, TOP + side - margin), slice(LEFT + margin, LEFT + side - margin)


def tinted(latent: Array) -> Array:
    """All of the frame as the stand-in gives it back, in levels."""
    return np.asarray((noise() / 255 + colour_of(latent)[::-1]) / 2 * 255, np.float32)


def off(frame: Bgr, latent: Array, side: int) -> float:
    """The largest difference from what the stand-in gives, fractions being cut off."""
    return float(np.abs(frame[middle(side)] - np.floor(tinted(latent)[middle(side)])).max())


@pytest.mark.parametrize("k", [2, 3, 4])
def test_a_face_k_times_the_networks_crop_keeps_every_pixel_of_its_own(
    engine: InswapperEngine, source: InswapperSource, k: int
) -> None:
    boosted, plain = noise(), noise()
    engine.swap(boosted, [(face_of(k), source)], replace(PLAIN, pixel_boost=512))
    engine.swap(plain, [(face_of(k), source)], PLAIN)
    assert off(boosted, source.latent, k * SIDE) <= 1
    assert off(plain, source.latent, k * SIDE) > 30  # noise that was scaled down and up again


@pytest.mark.parametrize(
    ("times", "pixel_boost", "runs"),
    [(0.5, 1024, 1), (1.4, 1024, 1), (1.6, 1024, 4), (4, 0, 1), (4, 255, 1), (4, 300, 4), (4, 512, 16)],
)
def test_a_face_takes_as_many_runs_as_its_size_asks_for_within_the_bound(
    engine: InswapperEngine,
    source: InswapperSource,
    monkeypatch: pytest.MonkeyPatch,
    times: float,
    pixel_boost: int,
    runs: int,
) -> None:
    counted: list[int] = []
    swap = SwapNetwork.swap

    def counting(network: SwapNetwork, crops: list[Bgr], latents: list[Array]) -> list[Swapped]:
        counted.append(len(crops))
        return swap(network, crops, latents)

    monkeypatch.setattr(SwapNetwork, "swap", counting)
    pairs = [(face_of(times), source), (face_of(0.5), source)]
    engine.swap(noise(), pairs, replace(PLAIN, pixel_boost=pixel_boost))
    assert counted == [runs + 1]  # all faces in one call, so that they fill its batches together


def test_a_network_as_large_as_the_bound_works_as_without_it(
    engine: InswapperEngine, source: InswapperSource
) -> None:
    boosted, plain = noise(), noise()
    engine.swap(boosted, [(face_of(4), source)], replace(PLAIN, pixel_boost=128))
    engine.swap(plain, [(face_of(4), source)], PLAIN)
    assert np.array_equal(boosted, plain)


def test_the_parts_of_a_crop_have_every_kth_pixel_and_each_is_the_whole_face() -> None:
    crop = cut_out(noise(), np.array([[0.5, 0, -30.25], [0, 0.5, -20.25]]), SIDE, pixel_boost=256)
    assert (crop.k, len(crop.parts)) == (2, 4)
    for number, part in enumerate(crop.parts):
        assert np.array_equal(
            part, noise()[TOP + number // 2 : TOP + 256 : 2, LEFT + number % 2 : LEFT + 256 : 2]
        )


def test_the_masks_of_the_parts_are_put_together_like_their_pictures(
    inswapper_files: dict[str, Path], tmp_path: Path
) -> None:
    swapper = build_swapper(tmp_path / "s.onnx", size=256, signed=True, mask=True)
    engine = open_engine({**inswapper_files, "swapper": swapper}, "hyperswap_1a_256")
    bgr = picture(640, 640, colour=(40, 160, 90), faces=((240, 200, 160, 200),))
    (face,) = engine.find_faces(bgr)
    frame = noise()
    large = face_of(2, 256)
    engine.swap(frame, [(large, engine.prepare_source(bgr, face))], replace(PLAIN, pixel_boost=512))
    changed = (frame != noise()).any(axis=(0, 2)).nonzero()[0]
    assert changed.max() == LEFT + 256  # the mask is 1 in the left half, and fades within a pixel


@pytest.mark.parametrize(("strength", "share"), [(0.0, 0.35), (0.25, 0.175), (1.0, -0.35)])
def test_the_strength_of_a_swap_is_a_share_of_the_targets_own_identity(
    engine: InswapperEngine,
    source: InswapperSource,
    inswapper_files: dict[str, Path],
    strength: float,
    share: float,
) -> None:
    frame, face = noise(), face_of(1)
    own = embedding_by_insightface(inswapper_files["recogniser"], noise(), face.kps)
    mixed = (1 - share) * _unit(source.recognised) + share * _unit(own)
    engine.swap(frame, [(face, source)], replace(PLAIN, swap_strength=strength))
    latent = _unit(_unit(mixed) @ emap())[None]
    assert off(frame, latent, SIDE) <= 1
    assert off(frame, source.latent, SIDE) > 1


def test_the_usual_strength_changes_nothing(engine: InswapperEngine, source: InswapperSource) -> None:
    usual, plain = noise(), noise()
    engine.swap(usual, [(face_of(1), source)], replace(PLAIN, swap_strength=0.5))
    engine.swap(plain, [(face_of(1), source)], PLAIN)
    assert np.array_equal(usual, plain)
    assert off(plain, source.latent, SIDE) <= 1


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_a_network_that_takes_embeddings_as_they_are_gets_them_at_the_sources_length(
    inswapper_files: dict[str, Path], tmp_path: Path, strength: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    swapper = build_swapper(tmp_path / "s.onnx", size=256)
    engine = open_engine({**inswapper_files, "swapper": swapper}, "alphaface_256")
    bgr = picture(640, 640, colour=(40, 160, 90), faces=((240, 200, 160, 200),))
    (face,) = engine.find_faces(bgr)
    source = engine.prepare_source(bgr, face)
    given: list[Array] = []
    swap = SwapNetwork.swap

    def watched(network: SwapNetwork, crops: list[Bgr], latents: list[Array]) -> list[Swapped]:
        given.extend(latents)
        return swap(network, crops, latents)

    monkeypatch.setattr(SwapNetwork, "swap", watched)
    engine.swap(noise(), [(face_of(1, 256), source)], replace(PLAIN, swap_strength=strength))
    (latent,) = given
    assert np.linalg.norm(latent) == pytest.approx(np.linalg.norm(source.recognised), rel=1e-4)
    assert np.abs(latent - source.latent).max() > 1e-3


def _unit(vector: Array) -> Array:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)
