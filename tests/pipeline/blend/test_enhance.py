"""The enhancer on a stand-in that brightens what it is given."""

from pathlib import Path

import numpy as np
import pytest

from models.catalogue import Catalogue
from models.errors import ModelUnavailable
from pipeline.blend.enhance import Enhancer, OnnxEnhancer, open_enhancer
from pipeline.face import Bgr, Face
from tests.support.faces import made_up_face
from tests.support.standins.enhancer import BRIGHTER, build_enhancer

SHARE = 0.8  # of the restored face in the result


@pytest.fixture(scope="module", params=["gfpgan_1.4", "codeformer", "gpen_bfr_256"])
def enhancer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OnnxEnhancer:
    name: str = request.param
    spec = Catalogue.load().engines[name]
    folder = tmp_path_factory.mktemp("enhancer")
    path = build_enhancer(folder / f"{name}.onnx", size=spec.input_size, weighted=name == "codeformer")
    return open_enhancer({"enhancer": path}, spec, provider="cpu", threads=1)


def grey() -> Bgr:
    return np.full((400, 600, 3), 100, np.uint8)


def brightened(enhancer: Enhancer, strength: float = 1) -> float:
    """What the middle of a grey face becomes."""
    more = 0.7 if enhancer.name == "codeformer" else BRIGHTER
    return 100 + strength * SHARE * more * 255 / 2


@pytest.mark.parametrize("strength", [0.0, 0.25, 0.5, 1.0])
def test_as_much_of_the_restored_face_shows_as_was_asked_for(enhancer: OnnxEnhancer, strength: float) -> None:
    frame = grey()
    enhancer.enhance(frame, made_up_face(300, 200, 150), strength=strength)
    assert np.abs(frame[200, 300] - brightened(enhancer, strength)).max() <= 1.5
    assert strength or np.array_equal(frame, grey())


@pytest.mark.parametrize("size", [60.0, 150.0, 300.0])
def test_the_middle_of_the_face_is_restored(enhancer: OnnxEnhancer, size: float) -> None:
    frame = grey()
    assert enhancer.enhance(frame, made_up_face(300, 200, size))
    assert np.abs(frame[200, 300] - brightened(enhancer)).max() <= 1.5


@pytest.mark.parametrize("size", [60.0, 300.0])
def test_the_targets_own_mouth_is_not_restored_where_it_is_kept(enhancer: OnnxEnhancer, size: float) -> None:
    frame, face = grey(), made_up_face(300, 200, size)
    assert enhancer.enhance(frame, face, keep_mouth=True)
    x, y = face.kps[3:].mean(axis=0).round().astype(int)
    assert np.array_equal(frame[y, x], [100, 100, 100])
    x, y = face.kps[:2].mean(axis=0).round().astype(int)
    assert np.abs(frame[y, x] - brightened(enhancer)).max() <= 1.5


def test_a_bystander_beside_the_face_is_not_touched(enhancer: OnnxEnhancer) -> None:
    frame = grey()
    enhancer.enhance(frame, made_up_face(200, 200, 100))
    changed = (frame != grey()).any(axis=(0, 2)).nonzero()[0]
    assert changed.min() > 130
    assert changed.max() < 270  # a face of 100 px that touches this one begins at 250


def test_a_face_at_the_edge_is_restored_up_to_the_edge_and_one_outside_is_left_alone(
    enhancer: OnnxEnhancer,
) -> None:
    frame = grey()
    assert enhancer.enhance(frame, made_up_face(0, 200, 150))
    assert np.abs(frame[200, 0] - brightened(enhancer)).max() <= 1.5
    frame = grey()
    assert not enhancer.enhance(frame, made_up_face(3000, 200, 150))
    assert np.array_equal(frame, grey())


def test_a_file_that_is_no_enhancer_is_named(inswapper_files: dict[str, Path]) -> None:
    spec = Catalogue.load().engines["gfpgan_1.4"]
    files = {"enhancer": inswapper_files["swapper"]}
    with pytest.raises(ModelUnavailable, match=r"inswapper_128\.onnx is not an enhancer"):
        open_enhancer(files, spec, provider="cpu", threads=1)


def test_the_face_that_was_named_is_the_one_restored(enhancer: OnnxEnhancer) -> None:
    frame = grey()
    first, second = made_up_face(120, 200, 90), made_up_face(480, 200, 90)
    face: Face = second
    enhancer.enhance(frame, face)
    assert np.array_equal(frame[200, int(first.center[0])], [100, 100, 100])
    assert frame[200, 480, 0] > 110
