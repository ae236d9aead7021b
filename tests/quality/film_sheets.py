"""A sheet for each film, four of its moments before and after, for the eye; and what can be counted of it."""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from consumer.client.local import open_local_jobs
from consumer.config.settings import Settings
from pipeline.face import Bgr
from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.limits import VideoLimits
from pipeline.media.video.probe import open_video
from storage.records.manifest import Manifest, read_manifest
from tests.bench.report import Row, row
from tests.quality.films import Film, films
from tests.support.clips.make import make
from tests.support.videos import read_all

_MOMENTS: Final = (0.1, 0.4, 0.65, 0.9)
_SIDE: Final = 320
_GAP: Final = 6
_AROUND: Final = 0.35
_CHANGED: Final = 6
"""Levels by which an encoder changes nothing by itself."""
_CHANGED_FACE: Final = 12
_LEAST_PX: Final = 100
_TONE_STEP: Final = 3.0
_UNSTEADY: Final = ("small", "crossing")
"""Of a face of a few pixels, and of two together, the part that changed is another one in each frame."""
_SHARE: Final = 0.3
"""Of the largest change, and of the largest part that changed: what is less is no face."""


def film_rows(folder: Path) -> list[Row]:
    """Swap faces in all films; writes `video-NAME.jpg` for each to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    return asyncio.run(_measured(folder))


async def _measured(folder: Path) -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as work:
        async with open_local_jobs(Settings(work_dir=Path(work))) as jobs:
            for name, film in films().items():
                clip = make(Path(work, f"{name}.mp4"), film.recipe)
                async with jobs.context(_manifest(film, clip), output_id=name) as context:
                    output = await context.run()
                    assert output.path is not None
                    before, after = _frames(clip), _frames(output.path)
                (folder / f"video-{name}.jpg").write_bytes(_sheet(before, after))
                rows += _rows(name, before, after)
    return rows


def _manifest(film: Film, clip: Path) -> Manifest:
    given = {name: str(path) for name, path in film.sources.items()}
    single = "source" in given
    asked = {"process_type": "single-video" if single else "multi-video", "target": str(clip), "version": 1}
    return read_manifest({**asked, **(given if single else {"face_mappings": given})})


def _frames(path: Path) -> list[Bgr]:
    """Upright frames, HDR brought to what is seen."""
    video = open_video(path, VideoLimits())
    return [
        np.asarray(frame.image.to_ndarray(format="bgr24"), np.uint8)
        for frame in read_all(video, ToneMapper())
    ]


def _rows(name: str, before: Sequence[Bgr], after: Sequence[Bgr]) -> Iterator[Row]:
    tones = [_tone(one, other) for one, other in zip(before, after, strict=True)]
    seen = [tone for tone in tones if tone is not None]
    yield row(f"film {name}: swapped", len(seen), "frames", reference=len(before), at_least=1)
    steps = [abs(other - one) for one, other in pairwise(seen)]
    steady = None if name in _UNSTEADY else _TONE_STEP
    yield row(f"film {name}: tone from frame to frame, worst", max(steps), "levels", at_most=steady)


def _tone(before: Bgr, after: Bgr) -> float | None:
    """By how many levels what changed of a frame became lighter; None if no face did."""
    mask = cv2.blur(cv2.absdiff(before, after), (9, 9)).max(axis=2) > _CHANGED_FACE
    if mask.sum() < _LEAST_PX:
        return None
    return float(after[mask].mean() - before[mask].mean())


def _sheet(before: Sequence[Bgr], after: Sequence[Bgr]) -> bytes:
    rows = []
    for moment in _MOMENTS:
        number = round(moment * (len(before) - 1))
        box = _changed(before[number], after[number])
        rows.append(np.hstack([_fitted(picture[box]) for picture in (before[number], after[number])]))
    gap = np.full((_GAP, rows[0].shape[1], 3), 245, np.uint8)
    sheet = np.vstack([part for row in rows for part in (row, gap)])
    return cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()


def _changed(before: Bgr, after: Bgr) -> tuple[slice, slice]:
    """The part of a frame around the faces that changed; all of it if none did."""
    difference = cv2.blur(cv2.absdiff(before, after), (7, 7)).max(axis=2)
    mask = (difference > max(_CHANGED, _SHARE * int(difference.max()))).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(mask, np.ones((15, 15), np.uint8)))
    parts = [part for part in stats[1:] if part[4] > _SHARE * stats[1:, 4].max()]
    if not parts:
        return slice(None), slice(None)
    x0, y0 = (min(int(part[side]) for part in parts) for side in (0, 1))
    x1, y1 = (max(int(part[side] + part[side + 2]) for part in parts) for side in (0, 1))
    margin = round(_AROUND * max(x1 - x0, y1 - y0))
    return slice(max(0, y0 - margin), y1 + margin), slice(max(0, x0 - margin), x1 + margin)


def _fitted(picture: Bgr) -> Bgr:
    """In the middle of a square; what is small shows its pixels."""
    factor = _SIDE / max(picture.shape[:2])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST if factor > 3 else cv2.INTER_CUBIC
    fitted = np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=method), np.uint8)
    square = np.full((_SIDE, _SIDE, 3), 245, np.uint8)
    height, width = min(_SIDE, fitted.shape[0]), min(_SIDE, fitted.shape[1])
    top, left = (_SIDE - height) // 2, (_SIDE - width) // 2
    square[top : top + height, left : left + width] = fitted[:height, :width]
    return square
