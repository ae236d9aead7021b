"""An encoder is offered only where it works, and equal lines make equal files."""

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from pipeline.errors import OutputInvalid
from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.encode import SegmentWriter
from pipeline.media.video.encoders import ENCODERS, EncoderName, encoder_line, why_unavailable
from pipeline.media.video.probe import VideoFile
from pipeline.media.video.segments import plan_segments
from tests.support.videos import encode

Videos = Callable[[str], VideoFile]
SOFTWARE: tuple[EncoderName, ...] = ("libx264", "libx265", "libvpx-vp9", "libsvtav1")


@pytest.mark.parametrize("name", SOFTWARE)
def test_every_software_encoder_works_here(name: EncoderName) -> None:
    assert why_unavailable(name) is None


@pytest.mark.parametrize("name", ["h264_nvenc", "hevc_nvenc"])
def test_hardware_that_is_not_there_is_a_sentence_and_no_crash(name: EncoderName) -> None:
    why = why_unavailable(name)
    assert why is None or (why.startswith(f"{name} does not work on this machine") and why.endswith("."))


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("quality", [0, 18, 51])
def test_every_quality_has_a_line_and_none_is_lossless(name: EncoderName, quality: int) -> None:
    options = dict(encoder_line(name, quality).options)
    assert options.get("crf", options.get("cq")) != "0" or name == "libvpx-vp9"


@pytest.mark.parametrize("quality", [-1, 52])
def test_a_quality_that_no_encoder_knows_is_refused(quality: int) -> None:
    with pytest.raises(ValueError, match="0 to 51"):
        encoder_line("libx264", quality)


@pytest.mark.parametrize("name", SOFTWARE)
def test_a_segment_made_twice_is_the_same_file(
    videos: Videos, mapper: ToneMapper, tmp_path: Path, name: EncoderName
) -> None:
    video = videos("plain")
    plan = plan_segments(video, encoder_line(name, 18), segment_s=0.5)
    made = []
    for attempt in ("one", "two"):
        folder = tmp_path / attempt
        folder.mkdir()
        made.append(encode(video, plan, 1, folder, mapper).path.read_bytes())
    assert made[0] == made[1]


def test_x264_runs_no_code_that_makes_other_pictures_now_and_then(
    videos: Videos, mapper: ToneMapper, tmp_path: Path
) -> None:
    video = videos("plain")
    plan = plan_segments(video, encoder_line("libx264", 18), segment_s=0.5)
    before = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        with av.logging.Capture() as said:
            encode(video, plan, 0, tmp_path, mapper)
    finally:
        av.logging.set_level(before)
    [capabilities] = [text for _, _, text in said if "cpu capabilities" in text]
    assert "AVX512" not in capabilities


@pytest.mark.parametrize("name", SOFTWARE)
def test_segments_begin_with_a_key_frame_at_time_0_and_share_their_headers(
    videos: Videos, mapper: ToneMapper, tmp_path: Path, name: EncoderName
) -> None:
    video = videos("vfr")
    plan = plan_segments(video, encoder_line(name, 18), segment_s=0.5)
    headers = set()
    for segment in plan.segments:
        made = encode(video, plan, segment.number, tmp_path, mapper)
        assert (made.frames, made.size_bytes) == (segment.frames, made.path.stat().st_size)
        with av.open(str(made.path)) as file:
            stream = file.streams.video[0]
            packets = [packet for packet in file.demux(stream) if packet.size]
            headers.add(stream.codec_context.extradata)
            assert packets[0].is_keyframe
            assert packets[0].pts == 0
            assert stream.time_base == video.time_base
    assert len(headers) == 1


def test_key_frames_of_the_target_are_not_forced_upon_the_result(
    videos: Videos, mapper: ToneMapper, tmp_path: Path
) -> None:
    video = videos("mjpeg")  # nothing but key frames
    plan = plan_segments(video, encoder_line("libx264", 18))
    with av.open(str(encode(video, plan, 0, tmp_path, mapper).path)) as file:
        keys = sum(packet.is_keyframe for packet in file.demux(video=0) if packet.size)
    assert keys == 1


def test_a_segment_without_a_frame_is_an_error(videos: Videos, tmp_path: Path) -> None:
    plan = plan_segments(videos("plain"), encoder_line("libx264", 18))
    with (
        SegmentWriter(plan, plan.segments[0], tmp_path / "empty.mp4") as writer,
        pytest.raises(OutputInvalid),
    ):
        writer.finish()


def test_a_folder_that_is_not_there_is_told_as_such(
    videos: Videos, mapper: ToneMapper, tmp_path: Path
) -> None:
    video = videos("plain")
    plan = plan_segments(video, encoder_line("libx264", 18))
    with pytest.raises(FileNotFoundError):
        encode(video, plan, 0, tmp_path / "none", mapper)
