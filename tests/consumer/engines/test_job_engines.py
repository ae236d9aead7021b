"""Jobs that choose their engine and the enhancer, on stand-ins of the real models' shapes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from consumer.jobs.plan import blend_options
from models.embedded import HAND_FILES
from pipeline.engines.base import BlendOptions
from pipeline.face import Array, Bgr
from pipeline.media.pictures.decode import Limits, decode
from storage.records.manifest import Options, read_manifest
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.engines import picture, png
from tests.support.jobs import drop_job, ended, running
from tests.support.model_files import ENGINE, ENHANCER, OwnModels

BOX = (240, 200, 160, 200)
LARGE = (100, 80, 340, 420)
FILES = {
    "source": png(picture(640, 640, colour=(40, 160, 90), faces=(BOX,))),
    "target": png(picture(640, 640, colour=(10, 20, 200), faces=(BOX,))),
}

# Red, so that the face is found, and of a grain of one pixel, which no smaller crop can hold.
_GRAIN = np.random.default_rng(5).integers(0, 40, (640, 640), np.uint8)
_LARGE_FACE = picture(640, 640, colour=(10, 20, 200), faces=(LARGE,))
_LARGE_FACE[..., 0] += _GRAIN * (_LARGE_FACE[..., 2] == 255)
SHARP = {"source": FILES["source"], "target": png(_LARGE_FACE)}


@pytest.fixture
def own(tmp_path: Path, inswapper_files: dict[str, Path]) -> OwnModels:
    models = OwnModels(tmp_path, inswapper_files)
    models.bring()
    return models


async def result_of(store: ObjectStore, status: Status) -> Bgr:
    assert status.result is not None, status.error
    return decode((await store.get(status.result.key, max_bytes=1 << 20)).body, Limits()).bgr


async def test_the_enhancer_restores_the_swapped_face_and_is_named_in_the_record(own: OwnModels) -> None:
    own.bring([ENHANCER])
    store = MemoryStore()
    plain = await drop_job(store, **FILES, color_correction=False)
    restored = await drop_job(store, **FILES, color_correction=False, use_face_enhancer=True)
    async with running(store, None, engine="inswapper", **own.settings):
        before, after = await ended(store, plain), await ended(store, restored)
    one, other = await result_of(store, before), await result_of(store, after)
    x, y, width, height = BOX
    middle = np.s_[y + height // 3 : y + 2 * height // 3, x + width // 3 : x + 2 * width // 3]
    assert other[middle].mean() > one[middle].mean() + 5  # the stand-in brightens
    assert before.engine is not None
    assert after.engine is not None
    assert set(before.engine.models) == {*ENGINE, *HAND_FILES}
    assert after.engine.models == {**before.engine.models, ENHANCER: own.sha256(ENHANCER)}


async def test_an_enhancer_if_there_is_one_is_used_once_it_is_there_and_missed_before(own: OwnModels) -> None:
    store = MemoryStore()
    without = await drop_job(store, **FILES, use_face_enhancer="auto")
    async with running(store, None, engine="inswapper", **own.settings):
        before = await ended(store, without)
        own.bring([ENHANCER])
        after = await ended(store, await drop_job(store, **FILES, use_face_enhancer="auto"))
    assert (before.status, after.status) == ("completed", "completed")
    said = {warning.code: warning.message for warning in before.warnings}
    assert ENHANCER not in said["enhancer_unavailable"]
    assert "enhancer_unavailable" not in {warning.code for warning in after.warnings}
    assert after.engine is not None
    assert ENHANCER in after.engine.models


async def test_without_its_file_the_enhancer_is_refused_and_other_jobs_go_on(
    own: OwnModels, capsys: pytest.CaptureFixture[str]
) -> None:
    store = MemoryStore()
    wants = await drop_job(store, **FILES, use_face_enhancer=True)
    other = await drop_job(store, **FILES, engine="inswapper_128_fp16")
    unknown = await drop_job(store, **FILES, engine="hyperswap_1a_256")
    async with running(store, None, engine="inswapper", **own.settings) as consumer:
        refused, done, lacking = [await ended(store, job) for job in (wants, other, unknown)]
        assert consumer.health().ready
    assert done.status == "completed"
    assert refused.error is not None
    assert refused.error.code == "model_unavailable"
    assert "`auto`" in refused.error.message
    assert ENHANCER not in refused.error.message  # which its sender cannot bring
    assert f"`swapdrop models pull {ENHANCER}`" in capsys.readouterr().out
    assert lacking.error is not None
    assert lacking.error.code == "model_unavailable"
    assert "`swapdrop models pull hyperswap_1a_256.onnx`" in lacking.error.message


def read_options(**options: object) -> Options:
    manifest = {"process_type": "single-image", "source": "a", "target": "b", "options": options}
    return read_manifest(manifest).options


def test_how_a_crop_goes_back_is_the_operators_choice() -> None:
    assert blend_options(read_options(), "oval", enhance=False, max_pixel_boost=0).paste == "oval"


def test_without_these_options_pixels_are_what_they_were() -> None:
    plain = blend_options(read_options(), "exact", enhance=False, max_pixel_boost=1024)
    assert plain == BlendOptions()


@pytest.mark.parametrize(
    ("option", "value", "is_clear"),
    [
        ("swap_strength", 0.0, lambda plain, changed: np.abs(changed - plain).max() > 3),
        ("pixel_boost", 256, lambda plain, changed: np.abs(changed - plain).max() > 3),
        ("enhancer_strength", 0.25, lambda plain, changed: plain.mean() > changed.mean() + 5),
    ],
)
async def test_an_option_of_engines_that_draw_with_a_network_has_its_effect_and_no_warning(
    own: OwnModels, option: str, value: float, is_clear: Callable[[Array, Array], bool]
) -> None:
    own.bring([ENHANCER])
    store = MemoryStore()
    always: dict[str, Any] = {"color_correction": False, "use_face_enhancer": option == "enhancer_strength"}
    asked: list[dict[str, Any]] = [always, {**always, option: value}]
    jobs = [await drop_job(store, **SHARP, **options) for options in asked]
    async with running(store, None, engine="inswapper", **own.settings):
        plain, changed = [await ended(store, job) for job in jobs]
    x, y, width, height = LARGE
    middle = np.s_[y + height // 3 : y + 2 * height // 3, x + width // 3 : x + 2 * width // 3]
    one, other = [(await result_of(store, status))[middle].astype(np.float32) for status in (plain, changed)]
    assert is_clear(one, other)
    assert "option_ignored" not in {warning.code for warning in changed.warnings}


async def test_more_pixels_than_the_operator_allows_are_not_spent_and_the_sender_is_told(
    own: OwnModels,
) -> None:
    store = MemoryStore()
    jobs = [await drop_job(store, **SHARP, pixel_boost=boost) for boost in (0, 128, 512)]
    async with running(store, None, engine="inswapper", max_pixel_boost=128, **own.settings):
        plain, allowed, cut = [await ended(store, job) for job in jobs]
    pixels = [await result_of(store, status) for status in (plain, allowed, cut)]
    assert np.array_equal(pixels[0], pixels[2])
    said = [[w.message for w in status.warnings if w.code == "option_ignored"] for status in (allowed, cut)]
    assert said == [[], ["`pixel_boost` is at most 128 here, and 512 has no more effect."]]
