"""Frames come out upright, at their own times, and the same however a video is cut."""

import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext

from pipeline.errors import MediaCorrupt
from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.frame import FrameEditor, YuvFrame
from pipeline.media.video.probe import VideoFile, open_video
from pipeline.media.video.read import VideoReader
from pipeline.media.video.scan import check_damage
from tests.support.clips.frames import is_upright, number_of, picture
from tests.support.clips.recipes import ORIENTATIONS
from tests.support.videos import LIMITS, digest, read_all, shown

Clips = Callable[[str], Path]
Videos = Callable[[str], VideoFile]

PLAIN = ["plain", "vfr", "open_gop", "late_start", "ts", "avi", "flv", "wmv", "mkv", "vp8", "vp9", "av1"]
CONVERTED = [
    "palette",
    "odd_444",
    "odd_vp9",
    "full_range",
    "mjpeg",
    "prores",
    "interlaced",
    "interlaced_mpg",
    "hlg",
]
CUT_BY_CONTAINER = ["edit_list", "early_start", "fragmented", "open_gop_hevc", "turned_90"]


def stamps(frames: list[YuvFrame]) -> list[tuple[int, str]]:
    return [(frame.time, digest(frame.image)) for frame in frames]


@pytest.mark.parametrize("kind", PLAIN)
def test_samples_and_times_are_those_of_a_plain_decoder(
    clips: Clips, videos: Videos, mapper: ToneMapper, kind: str
) -> None:
    video = videos(kind)
    ours = [(time * video.time_base, key) for time, key in stamps(read_all(video, mapper))]
    assert ours == [(frame.at, frame.digest) for frame in shown(clips(kind))]


@pytest.mark.parametrize("kind", [*PLAIN, *CONVERTED, *CUT_BY_CONTAINER])
def test_parts_cut_at_key_frames_and_anywhere_are_those_of_one_pass(
    videos: Videos, mapper: ToneMapper, kind: str
) -> None:
    video = videos(kind)
    whole = stamps(read_all(video, mapper))
    assert [time for time, _ in whole] == video.scan.times.tolist()
    dice = random.Random(7)
    somewhere = sorted(dice.sample([time for time, _ in whole[1:]], min(7, len(whole) - 1)))
    for cuts in (video.scan.keys.tolist(), somewhere):
        starts = [whole[0][0], *(cut for cut in cuts if cut > whole[0][0])]
        together: list[tuple[int, str]] = []
        for start, end in zip(starts, [*starts[1:], None], strict=True):
            reader = VideoReader(video, mapper, threads=1)
            together += stamps(list(reader.planned(start, end)))
            assert not reader.stats.from_beginning
        assert together == whole


@pytest.mark.parametrize("kind", ["plain", "open_gop_hevc", "vp9"])
def test_the_number_of_threads_changes_nothing(videos: Videos, mapper: ToneMapper, kind: str) -> None:
    video = videos(kind)
    first = int(video.scan.times[0])
    several = VideoReader(video, mapper, threads=3).planned(first, None)
    assert stamps(list(several)) == stamps(read_all(video, mapper))


@pytest.mark.parametrize("wrong", ["one_less", "one_more", "too_late"])
def test_an_index_that_lies_leads_to_the_same_frames_by_the_long_way(
    videos: Videos, mapper: ToneMapper, wrong: str
) -> None:
    video = videos("plain")
    whole = stamps(read_all(video, mapper))
    times = video.scan.times
    lying = {
        "one_less": np.delete(times, 20),
        "one_more": np.insert(times, 21, times[20] + 5),
        "too_late": np.where(times == times[20], times[20] + 5, times),
    }[wrong]
    reader = VideoReader(replace(video, scan=replace(video.scan, times=lying)), mapper)
    part = list(reader.planned(int(times[16]), int(times[30])))
    assert stamps(part) == whole[16:30]
    assert reader.stats.from_beginning
    assert reader.stats.frames == 14


def test_a_seek_that_leads_nowhere_is_the_long_way_too(videos: Videos, mapper: ToneMapper) -> None:
    video = videos("plain")
    early = int(video.scan.times[0]) - 1000
    assert stamps(list(VideoReader(video, mapper).frames(early))) == stamps(read_all(video, mapper))


@pytest.mark.parametrize("kind", ORIENTATIONS)
def test_every_orientation_comes_out_upright(videos: Videos, mapper: ToneMapper, kind: str) -> None:
    video = videos(kind)
    frames = read_all(video, mapper)
    assert {frame.size for frame in frames} == {video.size}
    for number in (0, 20, 44):
        seen = FrameEditor().read(frames[number])
        assert is_upright(seen)
        assert number_of(seen) == number
        assert np.abs(seen.astype(int) - picture(number, *video.size)).mean() < 6


def combed(frame: YuvFrame) -> int:
    """How many samples differ much from those above and below alike, as where two moments mix."""
    luma = frame.planes[0].astype(int)[12:]
    return int(((luma[1:-1] - luma[:-2]) * (luma[1:-1] - luma[2:]) > 400).sum())


@pytest.mark.parametrize("kind", ["interlaced", "interlaced_mpg"])
def test_fields_become_whole_frames_at_the_same_times(videos: Videos, mapper: ToneMapper, kind: str) -> None:
    video = videos(kind)
    as_stored = read_all(replace(video, is_interlaced=False), mapper)
    frames = read_all(video, mapper)
    assert [frame.time for frame in frames] == video.scan.times.tolist()
    assert min(combed(frame) for frame in as_stored[2:-2]) > 10
    assert max(combed(frame) for frame in frames[2:-2]) == 0


def test_hdr_comes_out_in_ordinary_colours(videos: Videos, mapper: ToneMapper) -> None:
    for kind in ("hlg", "pq"):
        frame = read_all(videos(kind), mapper)[3]
        assert frame.image.format.name == "yuv420p"
        assert (frame.colour.matrix, frame.colour.transfer, frame.colour.primaries) == (1, 1, 1)
        seen = FrameEditor().read(frame)
        assert is_upright(seen)
        assert number_of(seen) == 3


def test_full_range_stays_full_range(videos: Videos, mapper: ToneMapper) -> None:
    frame = read_all(videos("full_range"), mapper)[0]
    assert (frame.colour.matrix, frame.colour.range) == (1, 2)
    assert np.abs(FrameEditor().read(frame).astype(int) - picture(0)).mean() < 4


def test_a_size_that_changes_is_brought_to_the_first_one(videos: Videos, mapper: ToneMapper) -> None:
    video = videos("size_change")
    reader = VideoReader(video, mapper)
    frames = list(reader.planned(int(video.scan.times[0]), None))
    assert {frame.size for frame in frames} == {video.size}
    assert reader.stats.adapted == 30
    assert is_upright(FrameEditor().read(frames[-1]))


def test_frames_without_times_of_their_own_come_out_one_after_the_other(
    videos: Videos, mapper: ToneMapper
) -> None:
    video = videos("same_times")
    assert not video.scan.is_timed
    times = [frame.time for frame in read_all(video, mapper)]
    assert len(times) == video.frames == 90
    assert times == sorted(set(times))


def test_colours_out_of_a_table_are_those_of_the_film_in_every_part(
    videos: Videos, mapper: ToneMapper
) -> None:
    video = videos("palette")
    assert video.pix_fmt == "pal8"
    times = video.scan.times.tolist()
    for start in (0, 20):
        frames = [frame.image.to_ndarray(format="bgr24") for frame in read_all(video, mapper, times[start])]
        assert [number_of(frame.astype(np.uint8)) for frame in frames] == list(range(start, 45))


def test_frames_for_which_a_stream_has_no_times_come_at_its_rate(videos: Videos, mapper: ToneMapper) -> None:
    video = videos("h264_mpg")
    assert not video.scan.is_timed
    gaps = np.diff([float(frame.time * video.time_base) for frame in read_all(video, mapper)])
    assert len(gaps) == 44
    assert np.abs(gaps - 1 / 30).max() < 0.001


def test_damage_is_counted_though_no_decoder_speaks_of_it(videos: Videos, mapper: ToneMapper) -> None:
    video = videos("damaged")
    reader = VideoReader(video, mapper)
    frames = list(reader.planned(int(video.scan.times[0]), None))
    assert (reader.stats.announced, reader.stats.frames) == (video.frames, len(frames))
    assert reader.stats.bad > video.frames * 0.02
    with pytest.raises(MediaCorrupt, match="missing or garbled"):
        check_damage(video.frames, bad=reader.stats.bad)


def test_a_little_damage_is_let_pass() -> None:
    check_damage(1000, bad=20, short_s=1.0)
    with pytest.raises(MediaCorrupt):
        check_damage(1000, bad=21)
    with pytest.raises(MediaCorrupt):
        check_damage(1000, bad=0, short_s=1.1)


def test_frames_are_the_reader_s_no_more_once_they_are_handed_out(videos: Videos, mapper: ToneMapper) -> None:
    video = videos("plain")
    untouched = stamps(read_all(video, mapper))
    after: list[tuple[int, str]] = []
    for frame in VideoReader(video, mapper, threads=1).planned(int(video.scan.times[0]), None):
        after.append((frame.time, digest(frame.image)))
        for plane in frame.planes:
            plane[...] = 0
    assert after == untouched


def test_a_file_that_is_gone_is_told_as_such(clips: Clips, tmp_path: Path, mapper: ToneMapper) -> None:
    path = tmp_path / "gone.mp4"
    path.write_bytes(clips("plain").read_bytes())
    video = open_video(path, LIMITS)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        read_all(video, mapper)


def test_one_frame_is_a_video_too(videos: Videos, mapper: ToneMapper) -> None:
    video = videos("one_frame")
    assert len(read_all(video, mapper)) == 1
    assert video.duration_s == pytest.approx(float(Fraction(1, 30)))


@pytest.mark.parametrize("matrix", [8, 10, 14], ids=["YCgCo", "constant luminance", "ICtCp"])
@pytest.mark.parametrize("kind", ["plain", "odd_444"])
def test_a_matrix_that_is_not_converted_by_stops_nobody(
    clips: Clips, mapper: ToneMapper, tmp_path: Path, kind: str, matrix: int
) -> None:
    path = tmp_path / "tagged.mp4"
    with av.open(str(clips(kind))) as into, av.open(str(path), "w") as out:
        stream = into.streams.video[0]
        copy = out.add_stream_from_template(stream, opaque=True)
        tagging = BitStreamFilterContext(f"h264_metadata=matrix_coefficients={matrix}", stream, copy)
        for packet in (*into.demux(stream), None):
            for tagged in tagging.filter(packet) if packet is None or packet.size else ():
                tagged.stream = copy
                out.mux(tagged)
    frame, *_ = read_all(open_video(path, LIMITS), mapper)
    editor, box = FrameEditor(), (0, 0, 32, 32)
    before = editor.read(frame, box)
    assert editor.look(frame, (0, 0, *frame.size), (32, 32)).shape == (32, 32, 3)
    assert editor.write(frame, box, before, 255 - before)
