"""Odd videos of every kind end in the right result or in an error with a code, soon, in little memory."""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.corpus.clips.damaged import damaged_clips
from tests.corpus.clips.formats import format_clips
from tests.corpus.clips.item import OddClip, sound_clip
from tests.corpus.clips.judge import ClipVerdict
from tests.corpus.clips.look import Seen
from tests.corpus.clips.report import faults, judged
from tests.corpus.clips.shapes import shape_clips
from tests.corpus.clips.strangers import stranger_clips
from tests.corpus.clips.streams import stream_clips
from tests.corpus.clips.times import time_clips
from tests.corpus.item import RESULT

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="memory is measured by /proc"),
    pytest.mark.timeout(1200),
]

GROUPS: dict[str, Callable[[], Iterable[OddClip]]] = {
    "damaged": damaged_clips,
    "formats": format_clips,
    "shapes": shape_clips,
    "times": time_clips,
    "streams": stream_clips,
    "strangers": stranger_clips,
}
_SOME = {
    "formats": (
        "mp4-hevc",
        "mov-prores_ks",
        "mkv-vp9",
        "avi-mjpeg",
        "flv-flv",
        "wmv-wmv2",
        "ts-h264",
        "mpg-mpeg2video",
    ),
    "shapes": (
        *("mp4-turned_90", "avi-1x64", "mkv-17x33", "mkv-2x2"),
        *("vp9-alpha", "qtrle-gray", "interlaced-tff", "face-turned_270"),
    ),
    "times": (
        *(
            "one-frame-mp4",
            "no-frames-mkv",
            "vfr",
            "mkv-all-at-once",
            "mkv-duration-nan",
            "mp4-endless-frames",
        ),
        *("two-hours-of-3-frames", "mkv-from-1000-s"),
    ),
    "streams": (
        "avi-sound-pcm_s16le",
        "sound-unknown",
        "cover-alone",
        "unknown_codec",
        "data-track",
    ),
    "strangers": (
        "empty",
        "m3u8-http",
        "sdp",
        "concat",
        "picture-jpeg",
        "animation-avif",
        "head-ts-noise",
        "detected",
    ),
    "damaged": (
        "mp4-cut-at-0.55",
        "mkv-noise",
        "moov-missing",
        "moov-at-end-cut",
        "fragment-trun-missing",
        "ts-part-lost",
    ),
}
"""Those that `make test` looks at: one of each kind, or nearly."""


def wrong(clips: Iterable[OddClip], folder: Path) -> list[str]:
    """What is wrong with how clips ended."""
    return [
        f"{odd.name}: {fault}" for odd, verdict in judged(clips, folder) for fault in faults(odd, verdict)
    ]


def some() -> Iterator[OddClip]:
    for group, names in _SOME.items():
        by_name = {odd.name: odd for odd in GROUPS[group]()}
        yield from (by_name[name] for name in names)


def test_some_odd_clips_end_in_the_right_result_or_in_a_coded_error(tmp_path: Path) -> None:
    assert wrong(some(), tmp_path) == []


@pytest.mark.films
@pytest.mark.parametrize("group", GROUPS)
def test_every_odd_clip_ends_in_the_right_result_or_in_a_coded_error(group: str, tmp_path: Path) -> None:
    assert wrong(GROUPS[group](), tmp_path) == []


def test_a_wrong_result_and_what_kills_its_process_would_be_found() -> None:
    odd = sound_clip("clip")
    dead = ClipVerdict(name="clip", end="exit 14", peak_bytes=1 << 40, seconds=999, left=("0.mp4",))
    assert len(list(faults(odd, dead))) == 5
    seen = Seen(
        size=(112, 80),
        frames=12,
        seconds=0.48,
        starts=0.0,
        numbers=tuple(range(12)),
        upright=12,
        swapped=12,
        rising=True,
        sound_seconds=(0.5,),
    )
    right = ClipVerdict(name="clip", end=RESULT, size=(112, 80), seen=seen, told=(12, 1))
    assert list(faults(odd, right)) == []
    for change in (
        {"size": (80, 112)},
        {"frames": 11},
        {"seconds": 0.44},
        {"numbers": tuple(range(1, 13))},
        {"upright": 0},
        {"swapped": 11},
        {"rising": False},
        {"sound_seconds": ()},
        {"sound_seconds": (0.1,)},
    ):
        wrong_one = replace(right, seen=replace(seen, **change))
        assert len(list(faults(odd, wrong_one))) == 1, change


def test_names_tell_clips_apart() -> None:
    names = [f"{group} {odd.name}" for group, make in GROUPS.items() for odd in make()]
    assert len(names) == len({*names}) > 600
