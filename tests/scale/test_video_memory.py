"""A video of two minutes takes no more memory than one of ten seconds."""

import os
from pathlib import Path

import pytest

from tests.bench.video_clip import make_clip
from tests.bench.video_job import measured

pytestmark = [
    pytest.mark.skipif("SOAK" not in os.environ, reason="takes minutes of both cores; `make soak`"),
    pytest.mark.timeout(1800),
]

SIZE = 320, 180
SHORT, LONG = 300, 3600
MOST = 1.1


def test_memory_does_not_grow_with_a_videos_length(tmp_path: Path) -> None:
    peaks = []
    for frames in (SHORT, LONG):
        work = tmp_path / str(frames)
        work.mkdir()
        cost = measured(make_clip(tmp_path / f"{frames}.mp4", frames=frames, size=SIZE), work, processes=1)
        assert cost.frames == frames
        peaks.append(cost.peak_bytes)
    assert peaks[1] <= MOST * peaks[0]
