"""What a video is gets told from its bytes, and nothing but its own file is ever touched."""

import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from pipeline.errors import InputError, MediaCorrupt, MediaTooLarge, UnsupportedMedia
from pipeline.media.sniff import MEDIA_TYPES
from pipeline.media.video.container import open_input
from pipeline.media.video.limits import VideoLimits
from pipeline.media.video.probe import VideoFile, open_video
from tests.support.clips.frames import HEIGHT, WIDTH
from tests.support.clips.recipes import ORIENTATIONS, RECIPES
from tests.support.pictures import save, scene, to_image
from tests.support.videos import LIMITS

Clips = Callable[[str], Path]
Videos = Callable[[str], VideoFile]


@pytest.mark.parametrize(
    ("kind", "media", "codec"),
    [
        ("plain", "mp4", "h264"),
        ("m4v", "mp4", "h264"),
        ("mov", "mov", "h264"),
        ("prores", "mov", "prores"),
        ("3gp", "3gp", "h263"),
        ("mkv", "mkv", "h264"),
        ("vp8", "webm", "vp8"),
        ("vp9", "webm", "vp9"),
        ("av1", "webm", "av1"),
        ("avi", "avi", "mpeg4"),
        ("mjpeg", "avi", "mjpeg"),
        ("flv", "flv", "flv1"),
        ("wmv", "wmv", "wmv2"),
        ("ts", "mpegts", "h264"),
        ("interlaced_mpg", "mpeg", "mpeg2video"),
        ("hevc", "mp4", "hevc"),
    ],
)
def test_every_container_and_codec_is_told_by_its_bytes(
    videos: Videos, kind: str, media: str, codec: str
) -> None:
    video = videos(kind)
    assert (video.media.name, video.codec) == (media, codec)
    assert video.frames == RECIPES[kind].count


def test_headers_tell_size_rate_length_tracks_and_chapters(videos: Videos) -> None:
    video = videos("two_sounds")
    assert (video.size, video.rate, video.duration_s) == ((WIDTH, HEIGHT), Fraction(30), 1.5)
    assert [(sound.codec, sound.language) for sound in video.sounds] == [("aac", "eng"), ("ac3", "deu")]
    assert [(text.codec, text.language) for text in video.texts] == [("mov_text", "eng")]
    assert video.chapters == 2
    assert video.notices == ()


@pytest.mark.parametrize("kind", ORIENTATIONS)
def test_the_size_is_that_of_the_upright_picture(videos: Videos, kind: str) -> None:
    turned = "90" in kind or "270" in kind
    assert videos(kind).size == ((HEIGHT, WIDTH) if turned else (WIDTH, HEIGHT))


def test_pixels_that_are_not_square_are_told_and_turn_with_the_picture(videos: Videos) -> None:
    video = videos("anamorphic")
    assert video.sar == Fraction(4, 3)
    assert replace(video, turn=videos("turned_90").turn).sar == Fraction(3, 4)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("hlg", "hdr_to_sdr"),
        ("pq", "hdr_to_sdr"),
        ("alpha_vp9", "alpha_dropped"),
        ("odd_444", "size_made_even"),
        ("odd_vp9", "size_made_even"),
    ],
)
def test_what_a_result_will_lack_is_said_before_the_first_frame(videos: Videos, kind: str, code: str) -> None:
    assert [notice.code for notice in videos(kind).notices] == [code]


def test_an_odd_size_loses_its_last_row_and_column(videos: Videos) -> None:
    assert videos("odd_444").size == (WIDTH, HEIGHT + 2)


def test_the_film_is_found_beside_a_cover_picture(videos: Videos) -> None:
    assert (videos("cover").codec, videos("cover").frames) == ("h264", 45)


def test_a_title_that_is_no_utf8_is_no_reason_to_refuse_a_film(videos: Videos) -> None:
    assert videos("latin1_title").frames == 5


def test_frames_before_the_container_s_beginning_do_not_count(videos: Videos) -> None:
    assert videos("edit_list").frames == videos("early_start").frames == 38
    assert int(videos("edit_list").scan.times[0]) == 0


def test_a_film_that_begins_late_is_not_taken_for_one_that_was_cut(videos: Videos) -> None:
    assert videos("late_mkv").frames == 45
    assert videos("late_mkv").duration_s == pytest.approx(1.5, abs=0.01)


def test_side_data_that_nobody_knows_is_no_reason_to_refuse_a_film(videos: Videos) -> None:
    assert (videos("tiff").frames, videos("tiff").turn.is_none) == (3, True)


def test_frames_of_which_nothing_even_would_be_left_are_refused(clips: Clips) -> None:
    with pytest.raises(UnsupportedMedia, match="1 x 64 pixels"):
        open_video(clips("one_pixel"), LIMITS)


@pytest.mark.parametrize("kind", ["late_start", "ts", "interlaced_mpg", "early_start"])
def test_time_zero_is_when_the_first_stream_begins(videos: Videos, kind: str) -> None:
    video = videos(kind)
    first = int(video.scan.times[0])
    assert video.zero != 0
    assert 0 <= (first - video.zero) * video.time_base < Fraction(3, 10)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("truncated", "21 of its 45 frames are missing"),
        ("truncated_mkv", "its last 2.5 seconds are missing"),
    ],
)
def test_a_file_that_was_cut_is_refused_and_says_what_is_missing(
    clips: Clips, kind: str, message: str
) -> None:
    with pytest.raises(MediaCorrupt, match=message):
        open_video(clips(kind), LIMITS)


def test_a_codec_nobody_knows_is_named_by_its_tag(clips: Clips) -> None:
    with pytest.raises(UnsupportedMedia, match="`zz01`"):
        open_video(clips("unknown_codec"), LIMITS)


def test_sound_alone_is_no_video(clips: Clips) -> None:
    with pytest.raises(UnsupportedMedia, match="no video"):
        open_video(clips("audio_only"), LIMITS)


def test_what_is_no_video_is_named(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(save(to_image(scene(16, 16)), "PNG"))
    with pytest.raises(UnsupportedMedia, match="a PNG picture"):
        open_video(path, LIMITS)


@pytest.mark.parametrize(
    "data",
    [b"", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", b"\x1a\x45\xdf\xa3" + bytes(300), b"RIFF\0\0\0\0AVI "],
)
def test_a_beginning_without_a_film_is_corrupt(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(data)
    with pytest.raises(MediaCorrupt):
        open_video(path, LIMITS)


@pytest.mark.parametrize(
    ("kind", "limits", "message"),
    [
        ("plain", replace(LIMITS, max_bytes=20_000), "at most 0 MB"),
        ("wide", replace(LIMITS, max_pixels=1_000_000), "16384 x 64 pixels"),
        ("plain", replace(LIMITS, max_frames=44), "more than 44 frames"),
        ("plain", replace(LIMITS, max_seconds=1.2), "longer than"),
    ],
)
def test_what_exceeds_a_limit_is_refused_with_its_size(
    clips: Clips, kind: str, limits: VideoLimits, message: str
) -> None:
    with pytest.raises(MediaTooLarge, match=message):
        open_video(clips(kind), limits)


def test_pictures_larger_than_their_container_says_are_refused_by_what_they_are(clips: Clips) -> None:
    assert open_video(clips("lying_size"), LIMITS).size == (WIDTH, HEIGHT)
    with pytest.raises(InputError):
        open_video(clips("lying_size"), replace(LIMITS, max_pixels=WIDTH * HEIGHT - 1))


@pytest.fixture
def server() -> Iterator[tuple[int, list[str]]]:
    """A local server that serves nothing, its port, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running.server_address[1], asked
        running.shutdown()
        thread.join()


PLAYLIST = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10.0,\n{url}\n#EXT-X-ENDLIST\n"
LEADING_ELSEWHERE = {
    "hls": PLAYLIST.format(url="http://127.0.0.1:{port}/secret.ts"),
    "hls_local": PLAYLIST.format(url="file:{film}"),
    "concat": "ffconcat version 1.0\nfile '{film}'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT4S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" '
    'bandwidth="1"><BaseURL>http://127.0.0.1:{port}/d.mp4</BaseURL></Representation></AdaptationSet>'
    "</Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
}


@pytest.mark.parametrize("name", ["film.mp4", "film.m3u8"])
@pytest.mark.parametrize("kind", LEADING_ELSEWHERE)
def test_a_file_that_leads_elsewhere_is_refused_without_a_request(
    tmp_path: Path, clips: Clips, server: tuple[int, list[str]], kind: str, name: str
) -> None:
    port, asked = server
    path = tmp_path / name
    path.write_text(LEADING_ELSEWHERE[kind].format(port=port, film=clips("ts")))
    with pytest.raises(InputError):
        open_video(path, LIMITS)
    with pytest.raises(MediaCorrupt):  # also where its first bytes were not looked at
        open_video(path, LIMITS, media=MEDIA_TYPES["mp4"])
    assert asked == []


def test_the_server_would_be_asked_without_these_precautions(
    tmp_path: Path, server: tuple[int, list[str]]
) -> None:
    port, asked = server
    path = tmp_path / "list.m3u8"
    path.write_text(LEADING_ELSEWHERE["hls"].format(port=port))
    with pytest.raises(av.FFmpegError), path.open("rb") as file, av.open(file, "r") as opened:
        list(opened.demux())
    assert asked


def test_a_file_named_like_an_address_is_a_file(tmp_path: Path, clips: Clips) -> None:
    path = tmp_path / "http:"
    path.write_bytes(clips("plain").read_bytes())
    with open_input(path, MEDIA_TYPES["mp4"], max_pixels=LIMITS.max_pixels) as container:
        assert len(container.streams.video) == 1
