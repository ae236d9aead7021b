"""What lies beside the pictures or instead of them: sound of every kind, text, covers, data, other videos."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import av
from av.stream import Disposition

from pipeline.media.video.container import AnyPacket
from tests.corpus.clips.item import BASE, OddClip, Shows, sound_clip, written
from tests.corpus.item import CORRUPT, RESULT, UNSUPPORTED
from tests.support.clips.frames import picture
from tests.support.clips.kinds import clip
from tests.support.clips.make import make
from tests.support.clips.recipe import Recipe, Sound

_LINES: Final = ((0, 200, "Hello"), (200, 400, "World"))
_CHAPTERS: Final = ((0, 200, "One"), (200, 480, "Two"))
_READ: Final = frozenset((RESULT,))


def stream_clips() -> Iterator[OddClip]:
    """All of them."""
    yield from _sounds()
    yield from _texts()
    yield from _covers()
    yield from _others()


def _sounds() -> Iterator[OddClip]:
    for extension, codecs in {
        "mp4": "aac ac3 libmp3lame alac libopus flac",
        "mov": "pcm_s16le pcm_s24le pcm_f32le pcm_mulaw adpcm_ima_qt alac aac",
        "mkv": "aac ac3 libmp3lame libopus flac pcm_s16le mp2 tta",
        "webm": "libopus",
        "avi": "libmp3lame ac3 pcm_s16le pcm_u8 adpcm_ms adpcm_ima_wav mp2 wmav1 aac",
        "wmv": "wmav1 wmav2 libmp3lame pcm_s16le",
        "ts": "aac ac3 libmp3lame mp2 libopus",
        "flv": "pcm_s16le adpcm_swf aac",
    }.items():
        for codec in codecs.split():
            recipe = replace(
                _recipe(extension), sounds=(Sound(codec=codec, rate=44100 if extension == "flv" else 48000),)
            )
            odd = sound_clip(f"{extension}-sound-{codec}", recipe, seconds=None)
            yield odd
    many = tuple(
        Sound(hertz=220 * (n + 1), language=code) for n, code in enumerate(("eng", "deu", "fra", "jpn"))
    )
    yield sound_clip("four-sounds", replace(BASE, sounds=many * 2))
    for rate in (8000, 11025, 22050, 44100, 96000):
        yield sound_clip(f"sound-of-{rate}-hz", replace(BASE, sounds=(Sound(rate=rate),)), sound_seconds=None)
    yield OddClip(
        name="sound-goes-on",
        write=_sound_goes_on,
        ends=_READ,
        shows=Shows(frames=12, sounds=1, sound_seconds=3.0),
    )
    yield OddClip(name="sound-garbled", write=_sound_garbled, ends=_READ, shows=Shows(frames=12, sounds=1))
    yield OddClip(name="sound-unknown", write=_sound_unknown, ends=_READ, shows=Shows(frames=12, sounds=0))
    yield OddClip(
        name="sound-alone", write=lambda folder: clip(folder, "audio_only"), ends=frozenset((UNSUPPORTED,))
    )


def _recipe(extension: str) -> Recipe:
    """A clip in a container, of a codec that is usual there."""
    plain = replace(BASE, extension=extension, sounds=())
    return {
        "webm": replace(plain, codec="libvpx", options={"cpu-used": "8", "deadline": "realtime", "b": "2M"}),
        "avi": replace(plain, codec="mpeg4", options={"b": "2M"}),
        "wmv": replace(plain, codec="wmv2", options={"b": "2M"}),
        "flv": replace(plain, codec="flv", options={"b": "2M"}),
    }.get(extension, plain)


def _sound_goes_on(folder: Path) -> Path:
    """A song of three seconds beside half a second of pictures."""
    long = make(folder / "long.mp4", replace(BASE, count=75))
    return _mixed(
        folder / "clip.mp4", (make(folder / "short.mp4", replace(BASE, sounds=())), "video"), (long, "audio")
    )


def _mixed(path: Path, *parts: tuple[Path, str]) -> Path:
    """Put the streams of one kind of each of some files into one."""
    with av.open(str(path), "w") as out:
        packets = []
        for source, kind in parts:
            with av.open(str(source)) as into:
                streams = {
                    one.index: out.add_stream_from_template(one, opaque=True)
                    for one in into.streams
                    if one.type == kind
                }
                for packet in into.demux(*(into.streams[index] for index in streams)):
                    if packet.size:
                        packet.stream = streams[packet.stream_index]
                        packets.append(packet)
        for packet in sorted(packets, key=lambda each: (each.dts or 0) * each.time_base):
            out.mux(packet)
    return path


def _sound_garbled(folder: Path) -> Path:
    """Every packet of sound begins with the bytes of another codec."""
    source = make(folder / "whole.mkv", replace(BASE, extension="mkv", sounds=(Sound(codec="ac3"),)))
    return written(folder / "clip.mkv", source.read_bytes().replace(b"\x0b\x77", b"\xde\xad"))


def _sound_unknown(folder: Path) -> Path:
    source = make(folder / "whole.mp4", replace(BASE, sounds=(Sound(codec="aac"),)))
    return written(
        folder / "clip.mp4", source.read_bytes().replace(b"mp4a", b"zzzz").replace(b"esds", b"free")
    )


def _texts() -> Iterator[OddClip]:
    for extension, codec in (
        ("mp4", "mov_text"),
        ("mov", "mov_text"),
        ("mkv", "subrip"),
        ("mkv", "ass"),
        ("mkv", "webvtt"),
        ("webm", "webvtt"),
    ):
        recipe = replace(_recipe(extension), subtitles=(codec, _LINES), chapters=_CHAPTERS)
        yield sound_clip(f"{extension}-text-{codec}", recipe)
    many = tuple((n, n + 1, f"{n}") for n in range(400))
    yield sound_clip("400-chapters", replace(BASE, chapters=many))
    beyond = ((100, 100, "Nothing"), (50, 5_000_000, "All"), (5_000_000, 6_000_000, "Beyond"))
    yield sound_clip("chapters-beyond", replace(BASE, chapters=beyond))


def _covers() -> Iterator[OddClip]:
    yield OddClip(
        name="cover",
        write=lambda folder: clip(folder, "cover"),
        ends=_READ,
        shows=Shows(size=(160, 120), frames=45, sounds=1),
    )
    yield OddClip(name="cover-alone", write=_cover_alone, ends=frozenset((UNSUPPORTED,)))
    yield OddClip(name="cover-and-song", write=_cover_and_song, ends=frozenset((UNSUPPORTED,)))
    for first, second in (((112, 80), (160, 112)), ((160, 112), (112, 80))):
        name = f"two-videos-{first[0]}-{second[0]}"
        yield OddClip(
            name=name,
            write=_two_videos(first, second),
            ends=_READ,
            shows=Shows(size=first, frames=12, sounds=0),
        )


def _art(out: av.container.OutputContainer) -> list[AnyPacket]:
    art = out.add_stream("mjpeg", rate=1)
    art.width = art.height = 64
    art.pix_fmt = "yuvj420p"
    art.disposition = Disposition.attached_pic
    return [*art.encode(av.VideoFrame.from_ndarray(picture(0, 64, 64), format="bgr24")), *art.encode(None)]


def _cover_alone(folder: Path) -> Path:
    with av.open(str(folder / "clip.mp4"), "w") as out:
        out.mux(_art(out))
    return folder / "clip.mp4"


def _cover_and_song(folder: Path) -> Path:
    song = clip(folder, "audio_only")
    with av.open(str(song)) as into, av.open(str(folder / "clip.mp4"), "w") as out:
        art = _art(out)
        stream = out.add_stream_from_template(into.streams.audio[0], opaque=True)
        out.mux(art)
        for packet in into.demux():
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    return folder / "clip.mp4"


def _two_videos(first: tuple[int, int], second: tuple[int, int]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        made = [
            make(folder / f"{size[0]}.mp4", replace(BASE, sounds=(), size=size)) for size in (first, second)
        ]
        return _mixed(folder / "clip.mp4", *((path, "video") for path in made))

    return write


def _others() -> Iterator[OddClip]:
    for kind, ends in (("unknown_codec", UNSUPPORTED), ("latin1_title", RESULT)):
        yield OddClip(name=kind, write=partial(_made, kind), ends=frozenset((ends,)))
    yield OddClip(name="time-code", write=_time_code, ends=_READ, shows=Shows(frames=12, sounds=1))
    yield OddClip(name="data-track", write=_data_track, ends=_READ, shows=Shows(frames=12, sounds=0))
    yield OddClip(name="encrypted", write=_renamed(b"avc1", b"encv"), ends=frozenset((UNSUPPORTED, CORRUPT)))
    yield OddClip(name="no-decoder-settings", write=_renamed(b"avcC", b"free"))
    yield OddClip(name="many-tags", write=_many_tags, ends=_READ, shows=Shows(frames=12))
    yield OddClip(name="titles-in-every-script", write=_titles, ends=_READ, shows=Shows(frames=12))


def _made(kind: str, folder: Path) -> Path:
    return clip(folder, kind)


def _renamed(before: bytes, after: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        return written(
            folder / "clip.mp4", make(folder / "whole.mp4", BASE).read_bytes().replace(before, after)
        )

    return write


def _time_code(folder: Path) -> Path:
    """A QuickTime film with the time code of its camera, which is a track of data."""
    source = make(folder / "whole.mov", replace(BASE, extension="mov"))
    with av.open(str(source)) as into, av.open(str(folder / "clip.mov"), "w") as out:
        streams = {one.index: out.add_stream_from_template(one, opaque=True) for one in into.streams}
        streams[0].metadata["timecode"] = "01:02:03:04"
        for packet in into.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)
    return folder / "clip.mov"


def _data_track(folder: Path) -> Path:
    """Sound whose track says that it is what a camera's sensors measured."""
    source = make(folder / "whole.mp4", BASE).read_bytes()
    return written(folder / "clip.mp4", source.replace(b"soun", b"meta").replace(b"mp4a", b"gpmd"))


def _many_tags(folder: Path) -> Path:
    return _tagged(folder, {f"tag {number}": "x" * 500 for number in range(200)})


def _titles(folder: Path) -> Path:
    return _tagged(
        folder, {"title": "видео 視頻 فيديو \N{GRINNING FACE} \u202e", "comment": "\x01\x02<script>"}
    )


def _tagged(folder: Path, tags: dict[str, str]) -> Path:
    source = make(folder / "whole.mkv", replace(BASE, extension="mkv"))
    with av.open(str(source)) as into, av.open(str(folder / "clip.mkv"), "w") as out:
        out.metadata.update(tags)
        streams = {one.index: out.add_stream_from_template(one, opaque=True) for one in into.streams}
        for packet in into.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)
    return folder / "clip.mkv"
