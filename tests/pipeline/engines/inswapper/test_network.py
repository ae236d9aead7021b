"""Batches of the swap network, and what is read from its file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest

from models.catalogue import Catalogue, EngineSpec
from models.errors import DeviceOutOfMemory, ModelUnavailable
from models.session import open_session
from pipeline.engines.inswapper.graph import read_emap, with_dynamic_batch
from pipeline.engines.inswapper.network import SwapNetwork, open_network
from pipeline.face import Array, Bgr
from tests.support.standins.recogniser import build_recogniser
from tests.support.standins.swapper import Fault, build_swapper, emap


@pytest.fixture(scope="module")
def spec() -> EngineSpec:
    return Catalogue.load().engines["inswapper_128"]


@pytest.fixture(scope="module")
def crops() -> list[Bgr]:
    return list(np.random.default_rng(0).integers(0, 256, (5, 128, 128, 3)).astype(np.uint8))


@pytest.fixture(scope="module")
def latents() -> list[Array]:
    vectors = np.random.default_rng(1).standard_normal((5, 1, 512)).astype(np.float32)
    return [vector / np.float32(np.linalg.norm(vector)) for vector in vectors]


def opened(path: Path, spec: EngineSpec, batch_size: int) -> SwapNetwork:
    return open_network(path, spec, provider="cpu", threads=1, batch_size=batch_size)


def test_a_batch_gives_each_face_what_it_gets_alone(
    inswapper_files: dict[str, Path], spec: EngineSpec, crops: list[Bgr], latents: list[Array]
) -> None:
    alone, batched = (opened(inswapper_files["swapper"], spec, size) for size in (1, 3))
    assert (alone.batch_size, batched.batch_size) == (1, 3)
    expected = [swapped.crop for swapped in alone.swap(crops, latents)]
    together = [swapped.crop for swapped in batched.swap(crops, latents)]  # as 3 and 2
    assert len(together) == 5
    assert all(np.array_equal(one, other) for one, other in zip(expected, together, strict=True))
    assert not np.array_equal(expected[0], expected[1])


@pytest.mark.parametrize("fault", ["fixed_batch", "mixed_batch"])
def test_a_graph_that_refuses_or_mixes_up_a_batch_is_run_face_by_face(
    fault: Fault,
    inswapper_files: dict[str, Path],
    spec: EngineSpec,
    crops: list[Bgr],
    latents: list[Array],
    tmp_path: Path,
) -> None:
    network = opened(build_swapper(tmp_path / "fixed.onnx", fault=fault), spec, 4)
    assert network.batch_size == 1
    expected = opened(inswapper_files["swapper"], spec, 1).swap(crops, latents)
    for one, other in zip(network.swap(crops, latents), expected, strict=True):
        assert np.array_equal(one.crop, other.crop)


def test_a_device_that_is_full_at_the_check_is_not_taken_for_a_graph_that_refuses(
    inswapper_files: dict[str, Path], spec: EngineSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session(with_dynamic_batch(inswapper_files["swapper"]), name="swapper")

    def full(_value: object) -> list[Array]:
        raise DeviceOutOfMemory

    monkeypatch.setattr(session, "run", full)
    with pytest.raises(DeviceOutOfMemory):
        SwapNetwork(session, spec).takes_batches()


def test_only_the_broken_faces_of_a_batch_are_made_again(
    inswapper_files: dict[str, Path],
    spec: EngineSpec,
    crops: list[Bgr],
    latents: list[Array],
) -> None:
    path = inswapper_files["swapper"]
    runs: list[int] = []
    session, precise = open_session(with_dynamic_batch(path), name="swapper"), open_session(path)
    original, mended = session.run, precise.run

    def breaking(value: dict[str, Array]) -> list[Array]:
        output = original(value)[0].copy()
        output[1] = np.nan
        return [output]

    def counting(value: dict[str, Array]) -> list[Array]:
        runs.append(len(value["target"]))
        return list(mended(value))

    session.run, precise.run = breaking, counting  # type: ignore[method-assign,assignment] # the fault
    network = SwapNetwork(session, spec, batch_size=5, open_precise=lambda: precise)
    expected = opened(path, spec, 1).swap(crops, latents)
    for _ in range(2):
        for one, other in zip(network.swap(crops, latents), expected, strict=True):
            assert np.array_equal(one.crop, other.crop)
    assert runs == [1, 1]


def test_emap_is_the_last_matrix_of_the_file_as_float32(inswapper_files: dict[str, Path]) -> None:
    matrix = read_emap(inswapper_files["swapper"])
    assert matrix.dtype == np.float32
    assert np.array_equal(matrix, emap())


def test_a_file_whose_last_weight_is_no_such_matrix_is_refused(tmp_path: Path) -> None:
    path = build_recogniser(tmp_path / "resaved.onnx")  # ends with a matrix of 147x512
    with pytest.raises(ModelUnavailable, match=r"resaved\.onnx does not end with the matrix"):
        read_emap(path)


def test_the_file_itself_stays_as_it_was(inswapper_files: dict[str, Path]) -> None:
    before = inswapper_files["swapper"].read_bytes()
    rewritten = onnx.load_from_string(with_dynamic_batch(inswapper_files["swapper"]))
    assert inswapper_files["swapper"].read_bytes() == before
    sides = [value.type.tensor_type.shape.dim for value in (*rewritten.graph.input, *rewritten.graph.output)]
    assert {dims[0].dim_param for dims in sides} == {"batch"}
    assert [dim.dim_value for dim in sides[0]][1:] == [3, 128, 128]


def test_a_batch_too_large_for_the_device_is_done_crop_by_crop_with_the_same_pictures(
    inswapper_files: dict[str, Path],
    spec: EngineSpec,
    crops: list[Bgr],
    latents: list[Array],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = opened(inswapper_files["swapper"], spec, 1).swap(crops, latents)
    network = opened(inswapper_files["swapper"], spec, 3)
    session, sizes = network._session, list[int]()
    run = session.run

    def run_with_little_memory(feed: Mapping[str, Array]) -> Sequence[Array]:
        sizes.append(len(feed["target"]))
        if sizes[-1] > 1:
            raise DeviceOutOfMemory
        return run(feed)

    monkeypatch.setattr(session, "run", run_with_little_memory)
    swapped = network.swap(crops, latents)
    assert sizes == [3, 1, 1, 1, 1, 1]
    assert all(np.array_equal(one.crop, other.crop) for one, other in zip(swapped, expected, strict=True))
