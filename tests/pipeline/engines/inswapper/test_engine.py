"""The inswapper engine on stand-ins: what a swap must give is known to the pixel."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.catalogue import Catalogue, EngineSpec
from models.errors import ModelUnavailable
from pipeline.engines.base import BlendOptions, Engine
from pipeline.engines.inswapper.engine import InswapperEngine, InswapperSource, open_inswapper_engine
from pipeline.errors import NoFaceInSource, OutputInvalid
from pipeline.face import Array, Bgr, Face
from tests.support.engines import picture
from tests.support.faces import astronaut, scaled
from tests.support.standins.insight import embedding_by_insightface, swapped_by_insightface
from tests.support.standins.swapper import build_converter, build_swapper, colour_of

PLAIN = BlendOptions(color_correction=False)
ASTRONAUT_KPS = np.array([[204, 102], [246, 104], [223, 126], [202, 139], [245, 140]], np.float32)
HASHES = {"inswapper_128.onnx": "sha256:" + "0" * 64}


def open_engine(files: dict[str, Path], spec: EngineSpec | str = "inswapper_128") -> InswapperEngine:
    if isinstance(spec, str):
        spec = Catalogue.load().engines[spec]
    return open_inswapper_engine(files, spec, provider="cpu", threads=1, hashes=HASHES)


@pytest.fixture(scope="module")
def engine(inswapper_files: dict[str, Path]) -> InswapperEngine:
    return open_engine(inswapper_files)


@pytest.fixture(scope="module")
def source(engine: InswapperEngine) -> InswapperSource:
    return a_source(engine)


def a_source(engine: InswapperEngine, colour: tuple[int, int, int] = (40, 160, 90)) -> InswapperSource:
    """A source face: a red rectangle in a picture whose other pixels say whose it is."""
    bgr = picture(640, 640, colour=colour, faces=((240, 200, 160, 200),))
    (face,) = engine.find_faces(bgr)
    return engine.prepare_source(bgr, face)


def a_face(kps: Array = ASTRONAUT_KPS) -> Face:
    low, high = kps.min(axis=0), kps.max(axis=0)
    bbox = np.concatenate([low - (high - low) / 2, high + (high - low) / 2]).astype(np.float32)
    return Face(bbox=bbox, score=0.9, kps=kps)


def test_it_is_an_engine_that_says_what_it_is(engine: InswapperEngine) -> None:
    port: Engine[InswapperSource] = engine
    assert port.info.name == "inswapper_128"
    assert port.info.provider == "CPUExecutionProvider"
    assert port.info.models == HASHES
    assert port.notices == ()
    assert port.batch_size == 1


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.3])
def test_a_swap_is_insightfaces_own_to_two_levels(
    engine: InswapperEngine, inswapper_files: dict[str, Path], factor: float
) -> None:
    bgr = picture(640, 640, faces=((240, 200, 160, 200),))
    (source_face,) = engine.find_faces(bgr)
    frame = scaled(astronaut(), factor)
    kps = ((ASTRONAUT_KPS + 0.5) * factor - 0.5).astype(np.float32)
    embedding = embedding_by_insightface(inswapper_files["recogniser"], bgr, source_face.kps)
    expected = swapped_by_insightface(inswapper_files["swapper"], frame, kps, embedding)
    assert engine.swap(frame, [(a_face(kps), engine.prepare_source(bgr, source_face))], PLAIN) == [True]
    assert np.abs(frame.astype(int) - expected).max() <= 2


def test_the_face_is_tinted_with_the_colour_of_its_identity(
    engine: InswapperEngine, source: InswapperSource
) -> None:
    frame = astronaut()
    engine.swap(frame, [(a_face(), source)], PLAIN)
    expected = (astronaut() / 255 + colour_of(source.latent)[::-1]) / 2 * 255
    inside = slice(100, 150), slice(200, 245)
    # Down to 128 pixels and back up: exact on average, not in every pixel.
    assert np.abs((frame[inside] - expected[inside]).mean(axis=(0, 1))).max() < 1.5
    assert np.abs(np.linalg.norm(source.latent) - 1) < 1e-5


def test_faces_of_one_picture_each_get_their_own_source(engine: InswapperEngine) -> None:
    target = picture(640, 640, faces=((80, 100, 120, 160), (380, 300, 140, 180)))
    faces = engine.find_faces(target)
    sources = [a_source(engine, colour) for colour in ((250, 10, 10), (10, 250, 240))]
    together, apart = target.copy(), target.copy()
    assert engine.swap(together, list(zip(faces, sources, strict=True)), PLAIN) == [True, True]
    for face, source in zip(faces, sources, strict=True):
        engine.swap(apart, [(face, source)], PLAIN)
    assert np.array_equal(together, apart)
    assert np.abs(together[180, 140].astype(int) - together[390, 450]).max() > 10
    assert engine.swap(target, [], PLAIN) == []


def test_a_face_outside_of_the_frame_changes_nothing(
    engine: InswapperEngine, source: InswapperSource
) -> None:
    frame = astronaut()
    away = a_face(ASTRONAUT_KPS + np.float32(3000))
    assert engine.swap(frame, [(away, source), (a_face(), source)], PLAIN) == [False, True]
    assert np.array_equal(frame[300:], astronaut()[300:])


def test_embeddings_are_of_unit_length_and_tell_faces_apart(engine: InswapperEngine) -> None:
    bgr = picture(640, 640, faces=((240, 200, 160, 200),))
    (face,) = engine.find_faces(bgr)
    one, other = engine.embed(bgr, face), engine.embed(astronaut(), a_face())
    assert abs(float(np.linalg.norm(one)) - 1) < 1e-5
    assert abs(engine.distance(one, one)) < 1e-5
    assert engine.distance(one, other) > 0.1
    source = engine.prepare_source(bgr, face)
    assert source.embedding is not None
    assert engine.distance(one, source.embedding) < 1e-5


def test_a_source_too_small_is_refused_and_a_small_one_is_a_notice(engine: InswapperEngine) -> None:
    bgr = picture(640, 640, faces=((100, 100, 40, 48),))
    (face,) = engine.find_faces(bgr)
    assert [notice.code for notice in engine.prepare_source(bgr, face).notices] == ["source_small"]
    tiny = replace(face, bbox=face.bbox * np.float32(0.4))
    with pytest.raises(NoFaceInSource, match="19 pixels"):
        engine.prepare_source(bgr, tiny)


@pytest.mark.parametrize("fault", ["nan", "flat"])
def test_an_output_that_is_no_picture_is_an_error_and_leaves_the_frame_alone(
    inswapper_files: dict[str, Path], source: InswapperSource, tmp_path: Path, fault: str
) -> None:
    broken = build_swapper(tmp_path / "broken.onnx", fault=fault)  # type: ignore[arg-type] # literals
    engine = open_engine({**inswapper_files, "swapper": broken})
    frame = astronaut()
    with pytest.raises(OutputInvalid):
        engine.swap(frame, [(a_face(), source)], PLAIN)
    assert np.array_equal(frame, astronaut())


@pytest.mark.parametrize("fault", ["nan", "flat"])
def test_full_precision_mends_what_half_precision_breaks(
    inswapper_files: dict[str, Path],
    engine: InswapperEngine,
    source: InswapperSource,
    tmp_path: Path,
    fault: str,
) -> None:
    broken = build_swapper(tmp_path / "broken.onnx", fault=fault)  # type: ignore[arg-type] # literals
    files = {**inswapper_files, "swapper": broken, "swapper_fp32": inswapper_files["swapper"]}
    frame, expected = astronaut(), astronaut()
    open_engine(files).swap(frame, [(a_face(), source)], PLAIN)
    engine.swap(expected, [(a_face(), source)], PLAIN)
    assert np.array_equal(frame, expected)


def test_a_flat_crop_may_stay_flat(engine: InswapperEngine, source: InswapperSource) -> None:
    frame = np.full((300, 300, 3), 90, np.uint8)
    assert engine.swap(frame, [(a_face(), source)], PLAIN) == [True]


def test_the_mouth_mask_keeps_the_targets_mouth_and_swaps_the_rest(
    engine: InswapperEngine, source: InswapperSource
) -> None:
    kept, swapped = astronaut(), astronaut()
    engine.swap(kept, [(a_face(), source)], replace(PLAIN, mouth_mask=True))
    engine.swap(swapped, [(a_face(), source)], PLAIN)
    mouth = slice(138, 152), slice(212, 236)
    assert np.abs(kept[mouth].astype(int) - astronaut()[mouth]).max() <= 2
    assert np.abs(swapped[mouth].astype(int) - astronaut()[mouth]).mean() > 10
    assert np.abs(kept[:105].astype(int) - swapped[:105]).max() <= 1


def test_colour_correction_brings_the_swap_back_to_the_targets_tone(
    engine: InswapperEngine, source: InswapperSource
) -> None:
    plain, matched = astronaut(), astronaut()
    engine.swap(plain, [(a_face(), source)], PLAIN)
    engine.swap(matched, [(a_face(), source)], BlendOptions(color_correction=True))
    skin = slice(95, 150), slice(200, 245)
    tone = [bgr[skin].mean(axis=(0, 1)) for bgr in (astronaut(), plain, matched)]
    assert np.abs(tone[2] - tone[0]).max() < 4 < np.abs(tone[1] - tone[0]).max()


def test_colour_correction_of_black_and_of_white_invents_no_colour(
    engine: InswapperEngine, source: InswapperSource
) -> None:
    for level in (0, 255):
        frame = np.full((300, 300, 3), level, np.uint8)
        engine.swap(frame, [(a_face(), source)], BlendOptions())
        assert np.abs(frame[90:145, 205:245].astype(int) - level).max() <= 2


def test_the_fast_paste_looks_the_same(engine: InswapperEngine, source: InswapperSource) -> None:
    exact, fast = scaled(astronaut(), 3.0), scaled(astronaut(), 3.0)
    face = a_face(((ASTRONAUT_KPS + 0.5) * 3 - 0.5).astype(np.float32))
    engine.swap(exact, [(face, source)], PLAIN)
    engine.swap(fast, [(face, source)], replace(PLAIN, paste="fast"))
    assert not np.array_equal(exact, fast)
    changed = (exact != scaled(astronaut(), 3.0)).any(axis=2)
    assert np.abs(exact.astype(int) - fast)[changed].mean() < 3


@pytest.mark.parametrize(
    ("name", "has"),
    [
        ("hyperswap_1a_256", frozenset({"signed", "mask"})),
        ("hyperswap_1b_256", frozenset({"signed", "mask"})),
        ("hyperswap_1c_256", frozenset({"signed", "mask"})),
        ("alphaface_256", frozenset[str]()),
        ("ghost_1_256", frozenset({"signed"})),
        ("simswap_256", frozenset[str]()),
        ("simswap_unofficial_512", frozenset[str]()),
    ],
)
def test_another_swapper_is_an_entry_of_the_catalogue_and_nothing_else(
    inswapper_files: dict[str, Path], tmp_path: Path, name: str, has: frozenset[str]
) -> None:
    spec = Catalogue.load().engines[name]
    files = dict(inswapper_files)
    signed, mask = "signed" in has, "mask" in has
    files["swapper"] = build_swapper(tmp_path / "s.onnx", size=spec.input_size, signed=signed, mask=mask)
    files["converter"] = build_converter(tmp_path / "c.onnx")
    engine = open_engine(files, spec)
    bgr = picture(640, 640, faces=((240, 200, 160, 200),))
    (face,) = engine.find_faces(bgr)
    source = engine.prepare_source(bgr, face)
    embedding = embedding_by_insightface(files["recogniser"], bgr, face.kps)
    latent = {
        "unit": embedding,
        "raw": embedding,
        "converted": 2 * embedding[::-1],
        "converted_unit": embedding[::-1],
    }[spec.embedding]
    if spec.embedding not in {"converted", "raw"}:
        latent = latent / np.linalg.norm(latent)
    assert np.abs(source.latent[0] - latent).max() < 1e-3
    frame = scaled(astronaut(), 2.0)
    large = a_face(((ASTRONAUT_KPS + 0.5) * 2 - 0.5).astype(np.float32))
    engine.swap(frame, [(large, source)], PLAIN)
    expected = _tinted(spec, scaled(astronaut(), 2.0), colour_of(source.latent))
    inside = slice(240, 300), slice(422, 445)  # in the left half, where a mask lets the swap show
    assert np.abs((frame[inside] - expected[inside]).mean(axis=(0, 1))).max() < 2
    right = slice(240, 300), slice(470, 490)
    assert np.array_equal(frame[right], scaled(astronaut(), 2.0)[right]) == mask


def _tinted(spec: EngineSpec, frame: Bgr, colour: Array) -> Array:
    """What the stand-in makes of a frame, by the entry's own figures."""
    rgb = (frame[..., ::-1] / 255 - np.array(spec.input_mean)) / np.array(spec.input_std)
    signed = spec.output_mean != (0, 0, 0)
    output = (rgb + (colour * 2 - 1 if signed else colour)) / 2
    shown = output * np.array(spec.output_std) + np.array(spec.output_mean)
    return np.asarray(np.clip(shown * 255, 0, 255)[..., ::-1], np.float32)


def test_a_file_that_is_no_swap_network_is_named(inswapper_files: dict[str, Path], tmp_path: Path) -> None:
    wrong = {**inswapper_files, "swapper": inswapper_files["recogniser"]}
    spec = Catalogue.load().engines["inswapper_128"].model_copy(update={"embedding": "unit"})
    with pytest.raises(ModelUnavailable, match=r"w600k_r50\.onnx is not a swap network"):
        open_engine(wrong, spec)
    larger = build_swapper(tmp_path / "larger.onnx", size=256)
    with pytest.raises(ModelUnavailable, match=r"larger\.onnx does not take crops of 128"):
        open_engine({**inswapper_files, "swapper": larger})


def test_a_wide_frame_is_swapped_like_any_other(engine: InswapperEngine, source: InswapperSource) -> None:
    wide = np.zeros((160, 33000, 3), np.uint8)  # OpenCV's warps refuse more than 32767 pixels a side
    wide[:, 32000:32512] = astronaut()[40:200]
    kps = np.asarray(ASTRONAUT_KPS + np.array([32000, -40]), np.float32)
    narrow = wide[:, 32000:32512].copy()
    engine.swap(wide, [(a_face(kps), source)], PLAIN)
    engine.swap(narrow, [(a_face(np.asarray(ASTRONAUT_KPS - np.array([0, 40]), np.float32)), source)], PLAIN)
    assert np.abs(wide[:, 32000:32512].astype(int) - narrow).max() <= 1
    assert cv2.countNonZero(wide[..., 0][:, :31000]) == 0


@settings(deadline=None, max_examples=60)
@given(
    x=st.floats(-3000, 3000),
    y=st.floats(-3000, 3000),
    size=st.floats(0.01, 20000),
    noise=st.floats(0, 1),
    seed=st.integers(0, 9),
    blend=st.builds(BlendOptions, paste=st.sampled_from(["exact", "fast"]), mouth_mask=st.booleans()),
)
def test_no_five_points_whatever_break_a_swap(
    engine: InswapperEngine,
    source: InswapperSource,
    x: float,
    y: float,
    size: float,
    noise: float,
    seed: int,
    blend: BlendOptions,
) -> None:
    shape = np.array([[-0.2, -0.2], [0.2, -0.2], [0, 0], [-0.18, 0.2], [0.18, 0.2]])
    shape += np.random.default_rng(seed).normal(0, 0.3, shape.shape) * noise
    frame = astronaut()[:200, :300].copy()
    face = a_face((shape * size + (x, y)).astype(np.float32))
    (changed,) = engine.swap(frame, [(face, source)], blend)
    assert changed or np.array_equal(frame, astronaut()[:200, :300])


def test_pictures_of_one_person_are_put_in_as_what_they_have_in_common(engine: InswapperEngine) -> None:
    one, other = a_source(engine, (250, 10, 10)), a_source(engine, (10, 250, 240))
    both = engine.merge_sources([one, other])
    assert one.embedding is not None
    assert other.embedding is not None
    assert both.embedding is not None
    apart = engine.distance(one.embedding, other.embedding)
    assert engine.distance(both.embedding, one.embedding) == pytest.approx(
        engine.distance(both.embedding, other.embedding), abs=1e-4
    )
    assert engine.distance(both.embedding, one.embedding) < apart
    assert abs(float(np.linalg.norm(both.embedding)) - 1) < 1e-5
    alone = engine.merge_sources([one, one])
    assert np.allclose(alone.latent, one.latent, atol=1e-5)
