"""Choosing an engine: what each name stands for, as far as files are here, and what is said where not."""

import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from consumer.engines.model_files import open_model_store
from consumer.engines.on_disk import FilesMissing
from consumer.engines.registry import CatalogueRegistry, open_registry
from models import session
from models.catalogue import ModelFile
from models.devices import GpuOptions, Provider
from models.store.fetch import Reply
from pipeline.errors import OptionUnavailable
from tests.support.faces import made_up_face
from tests.support.jobs import quick_settings
from tests.support.mirrors import Record
from tests.support.model_files import ENGINE, ENHANCER, OCCLUDER, SWAPPER, OwnModels
from tests.support.standins.occluder import BLUE


@pytest.fixture
def own(tmp_path: Path, inswapper_files: dict[str, Path]) -> OwnModels:
    return OwnModels(tmp_path, inswapper_files)


class FolderFetcher:
    """Delivers an operator's own files, and notes which were asked for."""

    def __init__(self, own: OwnModels) -> None:
        self.asked: list[str] = []
        self._own = own

    def addresses(self, file: ModelFile) -> Sequence[str]:
        return [file.name]

    def label(self, address: str) -> str:
        return address

    @contextmanager
    def fetch(self, address: str, *, start: int, validator: str | None) -> Iterator[Reply]:  # noqa: ARG002 -- the port's
        self.asked.append(address)
        body = self._own.paths[address].read_bytes()
        yield Reply(start=0, total=len(body), validator=None, chunks=iter(BytesIO(body)))


def registry(own: OwnModels, **changes: object) -> CatalogueRegistry:
    return open_registry(quick_settings(**{**own.settings, **changes}))


def test_auto_takes_inswapper_once_all_its_files_verify(own: OwnModels) -> None:
    engines = registry(own)
    for name in ENGINE:
        waiting = engines.find("auto")
        assert (waiting.name, waiting.fallback) == ("mesh", True)
        own.bring([name])
    ready = engines.find("auto")
    assert (ready.name, ready.fallback, ready.folder) == ("inswapper_128_fp16", False, own.models_dir)
    assert ready.models == {name: own.sha256(name) for name in ENGINE}


@pytest.mark.parametrize("name", ["mesh", "inswapper"])
def test_what_opens_an_engine_opens_the_same_from_a_pickle(own: OwnModels, name: str) -> None:
    own.bring()
    own.bring([OCCLUDER, ENHANCER])
    engines = registry(own, occlusion=True)
    for handle in (engines.find(name), engines.find_enhancer()):
        again = pickle.loads(pickle.dumps(handle.open))  # noqa: S301 -- just made
        assert type(again(threads=1)) is type(handle.open(threads=2))


def test_a_file_of_another_content_counts_as_missing_and_says_so(own: OwnModels) -> None:
    own.bring()
    (own.models_dir / SWAPPER).write_bytes(b"\0" * own.paths[SWAPPER].stat().st_size)
    with pytest.raises(FilesMissing, match=f"{SWAPPER} is damaged or not the right one") as caught:
        registry(own).find("inswapper")
    assert "another content" in " ".join(caught.value.missing[SWAPPER])


def test_several_missing_files_are_got_by_one_command(own: OwnModels) -> None:
    with pytest.raises(FilesMissing) as caught:
        registry(own).find("inswapper")
    assert str(caught.value) == (
        f"The engine inswapper_128_fp16 lacks {', '.join(ENGINE[:-1])} and {ENGINE[-1]}; "
        "`swapdrop models pull inswapper_128_fp16` gets them all."
    )


def test_what_is_missing_is_said_with_file_and_command_and_the_places_apart(own: OwnModels) -> None:
    own.bring(ENGINE[1:])
    with pytest.raises(FilesMissing) as caught:
        registry(own).find("inswapper")
    assert f"`swapdrop models pull {SWAPPER}`" in str(caught.value)
    assert str(own.models_dir) not in str(caught.value)
    assert [*caught.value.missing] == [SWAPPER]
    assert str(own.models_dir) in caught.value.missing[SWAPPER][0]


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_auto_on_a_gpu_never_takes_the_engine_of_the_cpu_in_silence(own: OwnModels, provider: str) -> None:
    engines = registry(own, provider=provider)
    with pytest.raises(FilesMissing, match=SWAPPER):
        engines.find("auto")
    assert engines.find("mesh").name == "mesh"


def test_a_jobs_auto_is_what_the_operator_has_chosen(own: OwnModels) -> None:
    own.bring()
    assert registry(own, engine="mesh").find("auto").name == "mesh"
    with pytest.raises(FilesMissing, match="hyperswap"):
        registry(own, engine="hyperswap_1a_256").find("auto")


def test_inswapper_is_the_full_precision_one_where_only_that_is_here(own: OwnModels) -> None:
    own.bring(["inswapper_128.onnx", *ENGINE[1:]])
    assert registry(own).find("inswapper").name == "inswapper_128"


def test_the_full_precision_file_stands_by_for_the_other(own: OwnModels) -> None:
    own.bring(["inswapper_128.onnx", *ENGINE])
    ready = registry(own).find("inswapper")
    assert ready.name == "inswapper_128_fp16"
    assert "inswapper_128.onnx" in ready.models


def test_an_engine_that_was_found_opens(own: OwnModels) -> None:
    own.bring()
    info = registry(own).find("inswapper").open().info
    assert (info.name, info.provider) == ("inswapper_128_fp16", "CPUExecutionProvider")
    assert info.models == {name: own.sha256(name) for name in ENGINE}


def test_the_operators_limits_reach_every_network(own: OwnModels, monkeypatch: pytest.MonkeyPatch) -> None:
    own.bring([*ENGINE, ENHANCER])
    opened: list[tuple[int, GpuOptions]] = []
    load = session._load

    def note(model: Path, name: str, provider: Provider, threads: int, gpu: GpuOptions) -> object:
        opened.append((threads, gpu))
        return load(model, name, provider, threads, gpu)

    monkeypatch.setattr("models.session._load", note)
    engines = registry(own, model_threads=3, gpu_memory_limit_bytes=2**30)
    engines.find("inswapper").open()
    engines.find_enhancer().open()
    wanted = GpuOptions(memory_limit_bytes=2**30, cache_folder=own.cache_dir / "cpu")
    assert opened == [(3, wanted)] * 4


def test_an_unknown_name_is_answered_with_the_known_ones(own: OwnModels) -> None:
    with pytest.raises(OptionUnavailable, match=r"`best`.*auto, mesh, inswapper, inswapper_128_fp16"):
        registry(own).find("best")


def test_an_enhancer_that_is_not_here_is_named_with_the_command(own: OwnModels) -> None:
    with pytest.raises(OptionUnavailable, match=rf"`use_face_enhancer`.*`swapdrop models pull {ENHANCER}`"):
        registry(own).find_enhancer()
    own.bring([ENHANCER])
    ready = registry(own).find_enhancer()
    assert (ready.name, ready.open().name) == ("gfpgan_1.4", "gfpgan_1.4")


@pytest.mark.parametrize("name", ["auto", "inswapper", "mesh"])
def test_no_engine_is_ready_without_the_occluder_that_the_operator_wants(own: OwnModels, name: str) -> None:
    own.bring()
    with pytest.raises(FilesMissing, match=f"`swapdrop models pull {OCCLUDER}`") as caught:
        registry(own, occlusion=True).find(name)
    assert caught.value.code == "model_unavailable"
    own.bring([OCCLUDER])
    ready = registry(own, occlusion=True).find(name)
    assert ready.models[OCCLUDER] == own.sha256(OCCLUDER)
    assert ready.open().info.models == ready.models
    assert OCCLUDER not in registry(own).find(name).models


def test_the_enhancer_spares_what_the_engine_spares(own: OwnModels) -> None:
    own.bring([*ENGINE, ENHANCER])
    with pytest.raises(FilesMissing, match=OCCLUDER):
        registry(own, occlusion=True).find_enhancer()
    own.bring([OCCLUDER])
    frame = np.full((400, 400, 3), 120, np.uint8)
    frame[190:210] = BLUE
    before = frame.copy()
    assert registry(own, occlusion=True).find_enhancer().open().enhance(frame, made_up_face(200, 200, 200))
    assert np.array_equal(frame[190:210], before[190:210])
    assert (frame[230, 190:210] != before[230, 190:210]).all()


@pytest.mark.parametrize(
    ("engine", "changes", "fetched"),
    [
        ("auto", {}, [*ENGINE]),
        ("inswapper", {}, [*ENGINE]),
        ("mesh", {}, []),
        ("mesh", {"occlusion": True}, [OCCLUDER]),
        ("inswapper", {"occlusion": True}, [*ENGINE, OCCLUDER]),
        ("inswapper", {"offline": True}, []),
        ("hyperswap_1a_256", {}, []),  # its licence was never accepted
    ],
)
def test_only_what_the_engine_lacks_and_its_operator_allows_is_downloaded(
    own: OwnModels, engine: str, changes: dict[str, object], fetched: list[str]
) -> None:
    settings = quick_settings(**{**own.settings, "offline": False, "engine": engine, **changes})
    fetcher = FolderFetcher(own)
    CatalogueRegistry(settings, open_model_store(settings), fetchers=lambda: [fetcher]).pull(Record())
    assert fetcher.asked == fetched


def test_hands_are_kept_on_the_cpu_where_no_occluder_does_it(own: OwnModels) -> None:
    """The record names the files: pixels depend on them."""
    hands = registry(own).hand_keeper()
    assert hands is not None
    assert set(hands.models) == {"palm_detection.onnx", "hand_landmarks.onnx"}
    assert registry(own, occlusion=True).hand_keeper() is None
    assert registry(own, provider="cuda").hand_keeper() is None
