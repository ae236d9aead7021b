"""`swapdrop probe` tells what a video is, to people and to programs."""

import json
from pathlib import Path

import pytest

from tests.support.clips.kinds import clip
from tests.support.command import swapdrop


def test_people_read_what_the_video_is(tmp_path: Path) -> None:
    ended = swapdrop("probe", clip(tmp_path, "two_sounds"))
    assert ended.exit_code == 0
    for words in (
        "an MP4 video",
        "160 x 120 pixels, h264",
        "1.50 s, 45 frames, 30 a second",
        "aac (eng), ac3 (deu)",
    ):
        assert words in ended.stdout


def test_programs_read_the_same_as_json(tmp_path: Path) -> None:
    ended = swapdrop("probe", clip(tmp_path, "turned_90"), "--json")
    found = json.loads(ended.stdout)
    expected = {
        "kind": "mp4",
        "codec": "h264",
        "width": 120,
        "height": 160,
        "turned": True,
        "frames": 45,
        "segments": 1,
    }
    assert {name: found[name] for name in expected} == expected
    assert found["duration_s"] == 1.5
    assert found["steady_rate"] is True


def test_times_of_their_own_are_told(tmp_path: Path) -> None:
    assert "each with a time of its own" in swapdrop("probe", clip(tmp_path, "vfr")).stdout


def test_what_a_result_would_lack_is_said(tmp_path: Path) -> None:
    ended = swapdrop("probe", clip(tmp_path, "hlg"))
    assert "HDR" in ended.stdout
    assert "hdr_to_sdr: The video is HDR" in ended.stdout


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [("truncated", "(media_corrupt)"), ("unknown_codec", "`zz01`"), ("audio_only", "(unsupported_media)")],
)
def test_what_cannot_be_used_is_a_sentence_with_its_code(tmp_path: Path, kind: str, sentence: str) -> None:
    ended = swapdrop("probe", clip(tmp_path, kind))
    assert ended.exit_code == 1
    assert sentence in ended.stderr
    assert ended.stdout == ""


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    ended = swapdrop("probe", tmp_path / "none.mp4")
    assert ended.exit_code == 1
    assert "is not a file" in ended.stderr


def test_the_limit_of_the_settings_holds(tmp_path: Path) -> None:
    ended = swapdrop("probe", clip(tmp_path, "plain"), environment={"SWAPDROP_MAX_VIDEO_BYTES": "10000"})
    assert ended.exit_code == 1
    assert "(input_too_large)" in ended.stderr
