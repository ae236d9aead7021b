"""A hand before a real face stays in a picture and in a video, through whole jobs on this machine."""

from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from consumer.client.local import open_local_jobs
from consumer.config.settings import Settings
from pipeline.engines.mesh.engine import open_mesh_engine
from pipeline.face import Array, Bgr
from pipeline.media.pictures.decode import Limits, decode
from storage.lease.outcome import Findings, Output
from storage.records.manifest import read_manifest
from tests.support.clips.make import make
from tests.support.clips.recipe import Recipe
from tests.support.engines import png
from tests.support.faces import HOPPER_FACE, astronaut, hopper, scaled
from tests.support.hand import hand_before
from tests.support.reels import frames_of

X0, Y0, X1, Y1 = (side // 2 for side in HOPPER_FACE)
WIDTH, HEIGHT = X1 - X0, Y1 - Y0
MIDDLE = slice(Y0 + HEIGHT // 3, Y1 - HEIGHT // 8), slice(X0 + WIDTH // 4, X1 - WIDTH // 4)
"""All of this is face or hand."""


def hand_over_mouth(shift: float = 0) -> tuple[Bgr, Array]:
    """The portrait at half its size, and where the hand before it is."""
    place = (X0 + X1) / 2 + shift, Y1 + 0.2 * HEIGHT
    return hand_before(scaled(hopper(), 0.5), place, 1.15 * HEIGHT, skin=(120, 150, 210))


_opened_once = cache(open_mesh_engine)


@pytest.fixture(autouse=True)
def _one_engine_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """To open it takes longer than what these tests do with it."""
    monkeypatch.setattr("consumer.engines.opening.open_mesh_engine", _opened_once)


async def done(folder: Path, target: Path, kind: str) -> tuple[Output, Findings]:
    """Put the other portrait's face onto a target; a result in a file is in the folder then."""
    source = folder / "source.png"
    source.write_bytes(png(astronaut()))
    manifest = read_manifest(
        {
            "process_type": kind,
            "source": str(source),
            "target": str(target),
            "options": {"engine": "mesh"},
        }
    )
    async with (
        open_local_jobs(Settings(work_dir=folder / "work")) as jobs,
        jobs.context(manifest, output_id="one") as context,
    ):
        output = await context.run()
        if output.path is not None:
            output.path.rename(folder / "result")
    return output, context.known


async def test_in_a_picture_fingers_before_the_mouth_keep_their_pixels(tmp_path: Path) -> None:
    shown, share = hand_over_mouth()
    target = tmp_path / "target.png"
    target.write_bytes(png(shown))
    output, known = await done(tmp_path, target, "single-image")
    assert output.body is not None
    result = decode(output.body, Limits()).bgr
    same, hand = (shown == result).all(axis=2)[MIDDLE], share[MIDDLE]
    assert same[hand > 0.99].mean() > 0.9
    assert same[hand == 0].mean() < 0.2
    assert known.engine is not None
    assert {"palm_detection.onnx", "hand_landmarks.onnx"} <= known.engine.models.keys()


async def test_in_a_video_they_stay_in_every_frame(tmp_path: Path) -> None:
    frames = [hand_over_mouth(number) for number in range(8)]
    recipe = Recipe(
        count=len(frames),
        size=(256, 300),
        rate=Fraction(25),
        options={"preset": "veryfast", "crf": "6"},
        sounds=(),
        draw=lambda number, _width, _height: frames[number][0],
    )
    await done(tmp_path, make(tmp_path / "clip.mp4", recipe), "single-video")
    results = frames_of((tmp_path / "result").read_bytes(), tmp_path)
    for (shown, share), result in zip(frames, results, strict=True):
        change, hand = np.abs(shown.astype(int) - result).max(axis=2)[MIDDLE], share[MIDDLE]
        assert np.percentile(change[hand > 0.99], 80) < 13  # what the encoder does
        assert np.percentile(change[hand == 0], 50) > 15
