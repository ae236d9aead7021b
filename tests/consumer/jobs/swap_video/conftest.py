"""Videos of these tests have several segments."""

import pytest

from pipeline.media.video.segments import plan_segments


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of a second, of which clips of a test have several."""
    assert plan_segments.__kwdefaults__ is not None
    monkeypatch.setitem(plan_segments.__kwdefaults__, "segment_s", 1.0)
