"""Clips are made once a session, and so are the tables that bring HDR to SDR."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.probe import VideoFile, open_video
from tests.support.clips.kinds import clip
from tests.support.videos import LIMITS

Clips = Callable[[str], Path]
Videos = Callable[[str], VideoFile]


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    """Makes clips by kind."""

    @cache
    def made(kind: str) -> Path:
        return clip(tmp_path_factory.mktemp(kind), kind)

    return made


@pytest.fixture(scope="session")
def videos(clips: Clips) -> Videos:
    """Opens clips by kind."""

    @cache
    def opened(kind: str) -> VideoFile:
        return open_video(clips(kind), LIMITS)

    return opened


@pytest.fixture(scope="session")
def mapper() -> ToneMapper:
    """One for all, as in a process that works on jobs."""
    return ToneMapper()
