"""A joined video holds the frames of its segments, and all else of its target that its container can hold."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.errors import OutputInvalid
from pipeline.marks.provenance import is_marked, metadata_tags, xmp_packet
from pipeline.media.sniff import MEDIA_TYPES, SNIFF_BYTES, sniff
from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.containers import CONTAINERS, container_for
from pipeline.media.video.encoders import EncoderName, encoder_line
from pipeline.media.video.frame import FrameEditor, YuvFrame
from pipeline.media.video.join import join_segments
from pipeline.media.video.probe import VideoFile, open_video
from pipeline.media.video.read import VideoReader
from pipeline.media.video.segments import Trim, plan_segments
from tests.support.clips.frames import is_upright, number_of, picture
from tests.support.videos import LIMITS, MARK, digest, encode, produce, read_all, shown, sounds, wanted

Clips = Callable[[str], Path]
Videos = Callable[[str], VideoFile]

SAME_SOUND = [
    "plain", "vfr", "open_gop", "open_gop_hevc", "late_start", "two_sounds", "two_sounds_mkv", "odd_vp9",
    "interlaced", "interlaced_mpg", "anamorphic", "mov", "avi", "flv", "3gp", "vp8", "vp9", "av1", "mkv",
    "fragmented", "edit_list", "turned_90", "turned_180_mirrored", "hlg", "full_range", "cover", "prores",
]  # fmt: skip


def start_of(path: Path) -> int | None:
    with av.open(str(path)) as file:
        return file.start_time


@pytest.mark.parametrize(
    ("kind", "segment_s"),
    [*((kind, 0.4) for kind in SAME_SOUND), *((kind, 60) for kind in ("plain", "vfr", "edit_list", "mkv"))],
)
def test_frames_times_and_sound_are_those_of_segments_and_target(
    clips: Clips, mapper: ToneMapper, tmp_path: Path, kind: str, segment_s: float
) -> None:
    made = produce(clips(kind), tmp_path, mapper, segment_s=segment_s)
    result = shown(made.path)
    assert [frame.digest for frame in result] == [
        frame.digest for segment in made.segments for frame in shown(segment.path)
    ]
    assert [frame.at for frame in result] == wanted(made)
    assert (made.joined.frames, start_of(made.path)) == (made.video.frames, 0)
    origin = made.plan.clock.origin_s
    for stored, kept in zip(sounds(clips(kind)), sounds(made.path), strict=True):
        assert [body for _, body in kept] == [body for _, body in stored]
        late = [abs(float(there - here + origin)) for (here, _), (there, _) in zip(stored, kept, strict=True)]
        assert max(late) < 50e-6
    assert not {"sound_encoded", "sound_dropped"} & {notice.code for notice in made.joined.notices}


def test_sound_of_a_transport_stream_loses_nothing_but_its_own_headers(
    clips: Clips, mapper: ToneMapper, tmp_path: Path
) -> None:
    made = produce(clips("ts"), tmp_path, mapper)
    ((stored,), (kept,)) = sounds(clips("ts"), header=7), sounds(made.path)
    assert [body for _, body in kept] == [body for _, body in stored]


@pytest.mark.parametrize("encoder", ["libx264", "libx265", "libvpx-vp9", "libsvtav1"])
@pytest.mark.parametrize("kind", ["vfr", "mkv", "vp9"])
def test_every_encoder_joins_without_a_frame_lost_or_decoded_late(
    clips: Clips, mapper: ToneMapper, tmp_path: Path, kind: str, encoder: EncoderName
) -> None:
    made = produce(clips(kind), tmp_path, mapper, encoder=encoder)
    result = shown(made.path)
    assert [frame.digest for frame in result] == [
        frame.digest for segment in made.segments for frame in shown(segment.path)
    ]
    assert [frame.at for frame in result] == wanted(made)
    with av.open(str(made.path)) as file:
        stream = file.streams.video[0]
        decoded = [packet.dts for packet in file.demux(stream) if packet.size and packet.dts is not None]
        assert file.start_time == 0
        in_mp4 = made.joined.media.name == "mp4"
        assert (stream.codec_context.codec_tag == "hvc1") == (encoder == "libx265" and in_mp4)
    assert all(one < other for one, other in pairwise(decoded))


@pytest.mark.parametrize(
    ("target", "encoder", "becomes", "changed"),
    [
        ("mp4", "libx264", "mp4", False),
        ("mov", "libx265", "mov", False),
        ("mov", "libvpx-vp9", "mp4", True),
        ("mkv", "libsvtav1", "mkv", False),
        ("webm", "libvpx-vp9", "webm", False),
        ("webm", "libx264", "mp4", True),
        ("avi", "libx264", "mp4", True),
        ("mpegts", "libsvtav1", "mp4", True),
        ("3gp", "libx264", "mp4", True),
    ],
)
def test_a_result_has_the_target_s_container_where_that_can_hold_it(
    target: str, encoder: EncoderName, becomes: str, *, changed: bool
) -> None:
    container, notices = container_for(MEDIA_TYPES[target], encoder)
    assert container.media.name == becomes
    assert [notice.code for notice in notices] == (["container_changed"] if changed else [])


@pytest.mark.parametrize(
    ("kind", "encoder"), [("plain", "libx264"), ("mov", "libx264"), ("mkv", "libx264"), ("vp9", "libvpx-vp9")]
)
def test_a_result_is_what_it_says_and_plays_from_its_first_bytes(
    clips: Clips, mapper: ToneMapper, tmp_path: Path, kind: str, encoder: EncoderName
) -> None:
    made = produce(clips(kind), tmp_path, mapper, encoder=encoder)
    data = made.path.read_bytes()
    assert sniff(data[:SNIFF_BYTES]) == made.joined.media == open_video(made.path, LIMITS).media
    assert made.joined.size_bytes == len(data)
    if made.joined.media.name in ("mp4", "mov"):
        assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(
    ("kind", "encoder"), [("plain", "libx264"), ("mov", "libx264"), ("mkv", "libx264"), ("vp9", "libvpx-vp9")]
)
def test_a_result_says_how_it_was_made_and_nothing_of_where_its_target_was(
    clips: Clips, mapper: ToneMapper, tmp_path: Path, kind: str, encoder: EncoderName
) -> None:
    made = produce(clips(kind), tmp_path, mapper, encoder=encoder)
    data = made.path.read_bytes()
    assert data.count(xmp_packet(MARK)) == 1
    assert is_marked(data, MARK.system)
    with av.open(str(made.path)) as file:
        said = {key.lower(): value for key, value in file.metadata.items()}
    assert {key.lower(): value for key, value in metadata_tags(MARK).items()}.items() <= said.items()
    assert said.keys() - {key.lower() for key in metadata_tags(MARK)} <= {
        "major_brand", "minor_version", "compatible_brands", "encoder", "xmp",
    }  # fmt: skip


def test_no_title_or_place_of_the_target_reaches_a_result(
    clips: Clips, mapper: ToneMapper, tmp_path: Path
) -> None:
    made = produce(clips("latin1_title"), tmp_path, mapper)
    assert b"TITLE" in clips("latin1_title").read_bytes()
    assert b"TITLE" not in made.path.read_bytes()


@pytest.mark.parametrize("kind", ["two_sounds", "two_sounds_mkv"])
def test_languages_uses_subtitles_and_chapters_are_kept(
    clips: Clips, mapper: ToneMapper, tmp_path: Path, kind: str
) -> None:
    made = produce(clips(kind), tmp_path, mapper)
    with av.open(str(clips(kind))) as before, av.open(str(made.path)) as after:
        for one, other in zip(before.streams.audio, after.streams.audio, strict=True):
            assert (other.language, other.disposition) == (one.language, one.disposition)
        texts = [
            [
                (packet.pts * packet.time_base, bytes(packet))
                for packet in file.demux(file.streams.subtitles[0])
                if packet.pts is not None and packet.size > 2
            ]
            for file in (before, after)
        ]
        assert texts[0] == texts[1]
        assert len(texts[0]) == 2
        assert [chapter["metadata"]["title"] for chapter in after.chapters()] == ["One", "Two"]


def test_sound_that_does_not_fit_is_encoded_anew_and_says_so(
    clips: Clips, mapper: ToneMapper, tmp_path: Path
) -> None:
    made = produce(clips("wmv"), tmp_path, mapper)
    assert [notice.code for notice in made.joined.notices] == ["sound_encoded"]
    with av.open(str(made.path)) as file:
        (stream,) = file.streams.audio
        heard = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(stream)])
        assert stream.codec_context.name == "aac"
    spectrum = np.abs(np.fft.rfft(heard[4800 : 4800 + 48000]))
    assert int(np.argmax(spectrum)) == 440
    assert len(heard) / 48000 == pytest.approx(1.5, abs=0.05)


def test_text_that_does_not_fit_is_written_in_another_way(
    videos: Videos, mapper: ToneMapper, tmp_path: Path
) -> None:
    video = videos("two_sounds_mkv")
    plan = plan_segments(video, encoder_line("libx264", 18))
    segment = encode(video, plan, 0, tmp_path, mapper)
    path = tmp_path / "result.mp4"
    join_segments(plan, video, [segment.path], path, container=CONTAINERS["mp4"], mark=MARK)
    with av.open(str(path)) as file:
        (stream,) = file.streams.subtitles
        said = [bytes(packet)[2:] for packet in file.demux(stream) if packet.size > 2]
    assert said == [b"Hello", b"World"]


def test_a_result_can_do_without_sound(clips: Clips, mapper: ToneMapper, tmp_path: Path) -> None:
    made = produce(clips("two_sounds"), tmp_path, mapper, keep_audio=False)
    with av.open(str(made.path)) as file:
        assert len(file.streams.audio) == 0
        assert len(file.streams.subtitles) == 1


def test_colours_and_the_shape_of_pixels_are_told(clips: Clips, mapper: ToneMapper, tmp_path: Path) -> None:
    for kind, tags in (("bt709", (1, 1, 1, 1)), ("full_range", (1, 2, 1, 1)), ("hlg", (1, 1, 1, 1))):
        made = produce(clips(kind), tmp_path, mapper)
        with av.open(str(made.path)) as file:
            context = file.streams.video[0].codec_context
            found = context.colorspace, context.color_range, context.color_primaries, context.color_trc
        assert found == tags
    made = produce(clips("anamorphic"), tmp_path, mapper)
    with av.open(str(made.path)) as file:
        assert file.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


def test_a_result_is_stored_upright(clips: Clips, mapper: ToneMapper, tmp_path: Path) -> None:
    made = produce(clips("turned_270_mirrored"), tmp_path, mapper)
    with av.open(str(made.path)) as file:
        frames = list(file.decode(video=0))
    assert {frame.rotation for frame in frames} == {0}
    seen = frames[9].to_ndarray(format="bgr24")
    assert seen.shape[:2] == (160, 120)
    assert is_upright(seen.astype(np.uint8))
    assert number_of(seen.astype(np.uint8)) == 9


def test_a_trim_cuts_pictures_and_sound_at_the_same_place(
    clips: Clips, mapper: ToneMapper, tmp_path: Path
) -> None:
    made = produce(clips("two_sounds"), tmp_path, mapper, trim=Trim(start_s=0.5, end_s=1.2))
    assert open_video(made.path, LIMITS).frames == 21
    with av.open(str(made.path)) as file:
        first = next(file.decode(video=0))
        assert number_of(first.to_ndarray(format="bgr24").astype(np.uint8)) == 15
        assert file.start_time == 0
        file.seek(0)
        heard = next(file.decode(audio=0))
        assert 0 <= (heard.pts or 0) * (heard.time_base or 1) < 0.025
    (stored, _), (kept, _) = sounds(clips("two_sounds")), sounds(made.path)
    by_body = {body: at for at, body in stored}
    late = {round(float(at - by_body[body] + Fraction(1, 2)), 6) for at, body in kept}
    assert late == {0.0}
    assert max(at for at, _ in kept) < Fraction(7, 10)
    with av.open(str(made.path)) as file:
        assert [(chapter["start"] * float(chapter["time_base"] or 0)) for chapter in file.chapters()] == [
            0,
            0.2,
        ]


def test_a_trim_of_a_file_without_edit_lists_begins_at_0_too(
    clips: Clips, mapper: ToneMapper, tmp_path: Path
) -> None:
    made = produce(clips("mkv"), tmp_path, mapper, trim=Trim(start_s=0.5))
    assert [frame.at for frame in shown(made.path)] == wanted(made)
    assert min(at for at, _ in sounds(made.path)[0]) >= 0


@pytest.mark.parametrize("kind", ["fields", "fields_stamped"])
def test_frames_of_two_packets_are_each_one_and_are_shared_out_in_segments(
    clips: Clips, mapper: ToneMapper, tmp_path: Path, kind: str
) -> None:
    made = produce(clips(kind), tmp_path, mapper)
    assert (made.video.frames, len(made.plan.segments)) == (40, 3)
    assert made.video.scan.times.tolist() == [round(frame.at * 90000) for frame in shown(clips(kind))]
    whole = [digest(frame.image) for frame in VideoReader(made.video, mapper).frames()]
    reader = VideoReader(made.video, mapper)
    parts = [reader.planned(segment.start, segment.end) for segment in made.plan.segments]
    assert [digest(frame.image) for part in parts for frame in part] == whole
    assert reader.stats.bad == 0
    assert not reader.stats.from_beginning
    assert made.joined.duration_s == 1.6


def length_of(path: Path) -> Fraction:
    """Until when the pictures of a file show, as a player that reads its packets takes it, in seconds."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        base = stream.time_base or Fraction(1)
        packets = [packet for packet in file.demux(stream) if packet.size]
        latest = max(packets, key=lambda each: each.pts or 0)
        end = base * (
            (latest.pts or 0) + (latest.duration or 0)
            if stream.duration is None
            else (stream.start_time or 0) + stream.duration
        )
        assert (file.duration or 0) / 1e6 == pytest.approx(float(end), abs=0.001)
        return end


@pytest.mark.parametrize("segment_s", [0.4, 60])
@pytest.mark.parametrize(("kind", "encoder"), [
    *(("held", name) for name in ("libx264", "libx265", "libvpx-vp9", "libsvtav1")),
    *(("held_mkv", name) for name in ("libx264", "libx265", "libvpx-vp9", "libsvtav1")),
    ("held_webm", "libvpx-vp9"), ("held_webm", "libsvtav1"),
    ("held_mov", "libx264"), ("held_reordered", "libx264"),
])  # fmt: skip
def test_the_last_frame_shows_as_long_as_it_did(
    clips: Clips, mapper: ToneMapper, tmp_path: Path, kind: str, encoder: EncoderName, segment_s: float
) -> None:
    made = produce(clips(kind), tmp_path, mapper, encoder=encoder, segment_s=segment_s)
    assert made.joined.duration_s == pytest.approx(5.5, abs=0.002)
    begins = made.video.scan.times[0] * made.video.time_base
    assert float(length_of(made.path)) == pytest.approx(5.5 + float(begins), abs=0.002)
    assert open_video(made.path, LIMITS).duration_s == pytest.approx(5.5, abs=0.002)
    assert [frame.at for frame in shown(made.path)] == wanted(made)
    for stored, kept in zip(sounds(clips(kind)), sounds(made.path), strict=True):
        assert [body for _, body in kept] == [body for _, body in stored]


def test_a_steady_rate_repeats_the_last_frame_as_long_as_it_shows(
    clips: Clips, mapper: ToneMapper, tmp_path: Path
) -> None:
    made = produce(clips("held_reordered"), tmp_path, mapper, fps=Fraction(10))
    assert (made.joined.frames, made.joined.duration_s) == (55, 5.5)
    assert length_of(made.path) == Fraction(11, 2)


@pytest.mark.parametrize("kind", ["held", "held_mkv"])
def test_a_trim_within_the_last_frame_ends_it(
    clips: Clips, mapper: ToneMapper, tmp_path: Path, kind: str
) -> None:
    made = produce(clips(kind), tmp_path, mapper, trim=Trim(start_s=1.0, end_s=3.0))
    assert float(length_of(made.path) + made.plan.clock.origin_s) == pytest.approx(3.0, abs=0.001)
    assert made.joined.duration_s == pytest.approx(float(length_of(made.path)), abs=0.001)


@pytest.mark.parametrize(("fps", "frames"), [(10, 15), (60, 90)])
def test_a_steady_rate_shows_the_right_frame_at_every_tick(
    clips: Clips, mapper: ToneMapper, tmp_path: Path, fps: int, frames: int
) -> None:
    made = produce(clips("plain"), tmp_path, mapper, fps=Fraction(fps))
    result = shown(made.path)
    assert [frame.at for frame in result] == [Fraction(tick, fps) for tick in range(frames)]
    with av.open(str(made.path)) as file:
        numbers = [
            number_of(frame.to_ndarray(format="bgr24").astype(np.uint8)) for frame in file.decode(video=0)
        ]
    assert numbers == [tick * 30 // fps for tick in range(frames)]


def test_what_was_changed_is_seen_and_all_else_is_as_it_was(
    clips: Clips, mapper: ToneMapper, tmp_path: Path
) -> None:
    editor = FrameEditor()

    def paint(frame: YuvFrame) -> None:
        box = 100, 40, 140, 80
        before = editor.read(frame, box)
        editor.write(frame, box, before, np.full_like(before, 250))

    made = produce(clips("plain"), tmp_path, mapper, change=paint)
    with av.open(str(made.path)) as file:
        for number, frame in enumerate(file.decode(video=0)):
            seen = frame.to_ndarray(format="bgr24").astype(int)
            assert seen[44:76, 104:136].mean() > 240
            expected = picture(number).astype(int)
            assert np.abs(seen[:36] - expected[:36]).mean() < 4


@pytest.mark.parametrize("encoder", ["libx264", "libx265", "libvpx-vp9", "libsvtav1"])
def test_at_the_best_quality_what_nobody_changed_is_within_two_levels_of_the_target(
    clips: Clips, videos: Videos, mapper: ToneMapper, tmp_path: Path, encoder: EncoderName
) -> None:
    editor = FrameEditor()

    def paint(frame: YuvFrame) -> None:
        box = 48, 32, 80, 64
        before = editor.read(frame, box)
        editor.write(frame, box, before, np.full_like(before, 250))

    made = produce(clips("plain"), tmp_path, mapper, encoder=encoder, quality=0, change=paint)
    stored = read_all(videos("plain"), mapper)
    for one, other in zip(stored, read_all(open_video(made.path, LIMITS), mapper), strict=True):
        for plane, (before, after) in enumerate(zip(one.planes, other.planes, strict=True)):
            off = np.abs(before.astype(int) - after)
            scale = 2 if plane else 1
            off[16 // scale : 80 // scale, 32 // scale : 96 // scale] = 0
            assert (off > 2).mean() < 0.01


def test_segments_of_another_encoder_are_refused(videos: Videos, mapper: ToneMapper, tmp_path: Path) -> None:
    video = videos("plain")
    plan = plan_segments(video, encoder_line("libx264", 18), segment_s=0.5)
    other = plan_segments(replace(video, stored_size=(128, 96)), encoder_line("libx264", 18), segment_s=0.5)
    (tmp_path / "other").mkdir()
    paths = [encode(video, plan, number, tmp_path, mapper).path for number in range(3)]
    paths[1] = encode(replace(video, stored_size=(128, 96)), other, 1, tmp_path / "other", mapper).path
    with pytest.raises(OutputInvalid, match="different ways"):
        join_segments(plan, video, paths, tmp_path / "out.mp4", container=CONTAINERS["mp4"], mark=MARK)


def test_a_segment_that_comes_twice_is_refused(videos: Videos, mapper: ToneMapper, tmp_path: Path) -> None:
    video = videos("open_gop")
    plan = plan_segments(video, encoder_line("libx264", 18), segment_s=0.5)
    doubled = replace(plan, segments=(plan.segments[0], plan.segments[0]))
    path = encode(video, plan, 0, tmp_path, mapper).path
    with pytest.raises(OutputInvalid, match="overlap"):
        join_segments(
            doubled, video, [path, path], tmp_path / "out.mp4", container=CONTAINERS["mp4"], mark=MARK
        )
