"""Every option of a manifest does what it says, or is said to be ignored, through the whole consumer."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from pipeline.engines.mesh.engine import MeshEngine, open_mesh_engine
from pipeline.face import Bgr
from pipeline.media.pictures.decode import Limits, decode
from pipeline.media.pictures.metadata import dated_exif
from storage.records.manifest import Options
from storage.records.status import Result, Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.faces import astronaut
from tests.support.jobs import drop_job, ended, running
from tests.support.pictures import save, to_image
from tests.support.scenes import grid, tiles

SCENE = grid([tiles()[0], tiles()[2]], 2)
"""Twice the same person, once mirrored."""
DATE = "2019:07:06 18:30:05"
TARGET = save(to_image(SCENE), "JPEG", quality=95, exif=b"Exif\0\0" + dated_exif(DATE))


def warm_with_blue_lips() -> Bgr:
    """The same person once more: what is hers in a result is not told apart by her expression."""
    shown = astronaut() * (0.6, 0.85, 1.0)
    shown[130:152, 198:250] *= (2, 0.8, 0.7)
    return shown.clip(0, 255).astype(np.uint8)


SOURCE = save(to_image(warm_with_blue_lips()), "PNG")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a job ended, and its result as file and as pixels."""

    status: Status
    body: bytes
    bgr: Bgr

    @property
    def result(self) -> Result:
        assert self.status.result is not None, self.status.error
        return self.status.result

    @property
    def ignored(self) -> list[str]:
        """The options that warnings say had no effect."""
        warnings = [warning for warning in self.status.warnings if warning.code == "option_ignored"]
        return [warning.message.split("`")[1] for warning in warnings]

    def refused(self, word: str) -> bool:
        """Whether the job failed for want of a model, and says so."""
        error = self.status.error
        return error is not None and error.code == "model_unavailable" and word in error.message


@pytest.fixture(scope="module")
def engine() -> MeshEngine:
    return open_mesh_engine()


async def outcome(store: ObjectStore, job: str) -> Outcome:
    status = await ended(store, job)
    if status.result is None:
        return Outcome(status=status, body=b"", bgr=np.zeros((1, 1, 3), np.uint8))
    body = (await store.get(status.result.key, max_bytes=10**7)).body
    return Outcome(status=status, body=body, bgr=decode(body, Limits()).bgr)


def from_target(found: Outcome, part: tuple[slice, slice]) -> float:
    """Mean difference from the target within a part of the picture, in levels."""
    before = decode(TARGET, Limits()).bgr[part].astype(int)
    return float(np.abs(found.bgr[part].astype(int) - before).mean())


def mouth(found: Outcome) -> tuple[slice, slice]:
    """The middle of the mouth of the face that was swapped."""
    x, y, width, height = swapped_box(found)
    return slice(y + round(0.64 * height), y + round(0.78 * height)), slice(
        x + width // 3, x + 2 * width // 3
    )


def swapped_box(found: Outcome) -> tuple[int, ...]:
    assert found.status.faces is not None
    (box,) = [face.box for face in found.status.faces if face.swapped]
    return tuple(map(round, box))


def keeps_the_mouth(plain: Outcome, kept: Outcome) -> bool:
    return 3 * from_target(kept, mouth(kept)) < from_target(plain, mouth(plain))


def differs_in_tone(plain: Outcome, raw: Outcome) -> bool:
    """The source is warmer: without correction the face's colour is not that of the target."""
    x, y, width, height = swapped_box(plain)
    middle = slice(y + height // 4, y + 3 * height // 4), slice(x + width // 4, x + 3 * width // 4)

    def off(found: Outcome) -> float:
        mean = found.bgr[middle].mean(axis=(0, 1)) - SCENE[middle].mean(axis=(0, 1))
        return float(np.abs(mean).max())

    return off(raw) > off(plain) + 2


def date_of(found: Outcome) -> str | None:
    return decode(found.body, Limits()).date


def is_ignored(name: str) -> Callable[[Outcome, Outcome], bool]:
    def said(plain: Outcome, changed: Outcome) -> bool:
        same = np.array_equal(plain.bgr, changed.bgr)
        return same and (plain.ignored, changed.ignored) == ([], [name])

    return said


CASES: dict[str, tuple[object, Callable[[Outcome, Outcome], bool]]] = {
    "engine": ("simswap", lambda _, changed: changed.refused("simswap")),
    "many_faces": (
        True,
        lambda plain, changed: (plain.result.faces_swapped, changed.result.faces_swapped) == (1, 2),
    ),
    "swap_strength": (0.2, is_ignored("swap_strength")),  # by this engine
    "pixel_boost": (512, is_ignored("pixel_boost")),
    "enhancer_strength": (0.5, is_ignored("enhancer_strength")),  # without an enhancer
    "use_face_enhancer": (True, lambda _, changed: changed.refused("use_face_enhancer")),
    "mouth_mask": (True, keeps_the_mouth),
    "color_correction": (False, differs_in_tone),
    "output_format": (
        "webp",
        lambda plain, changed: (
            (plain.result.content_type, changed.result.content_type) == ("image/jpeg", "image/webp")
        ),
    ),
    "image_quality": (30, lambda plain, changed: changed.result.size < plain.result.size / 2),
    "keep_date": (True, lambda plain, changed: (date_of(plain), date_of(changed)) == (None, DATE)),
    "keep_fps": (False, is_ignored("keep_fps")),
    "keep_audio": (False, is_ignored("keep_audio")),
    "video_encoder": ("libx265", is_ignored("video_encoder")),
    "video_quality": (30, is_ignored("video_quality")),
    "trim": ({"start": 1}, is_ignored("trim")),
    "execution_provider": ("cuda", is_ignored("execution_provider")),
}


def test_no_option_goes_untested() -> None:
    assert set(CASES) == set(Options.model_fields)


@pytest.mark.parametrize("option", CASES)
async def test_an_option_has_its_effect_or_is_said_to_have_none(option: str, engine: MeshEngine) -> None:
    value, has_effect = CASES[option]
    store = MemoryStore()
    plain = await drop_job(store, source=SOURCE, target=TARGET)
    changed = await drop_job(store, source=SOURCE, target=TARGET, **{option: value})
    async with running(store, engine):
        assert has_effect(await outcome(store, plain), await outcome(store, changed))
