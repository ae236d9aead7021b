"""The sound of a clip: a sine."""

from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.stream import AudioStream
from av.container import OutputContainer

from tests.support.clips.recipe import Sound


def audio_stream(out: OutputContainer, sound: Sound) -> AudioStream:
    """Add a stream of sound to a clip."""
    stream = cast("AudioStream", out.add_stream(sound.codec, rate=sound.rate))
    stream.codec_context.layout = "mono"
    stream.codec_context.bit_rate = 64000
    if sound.language is not None:
        stream.metadata["language"] = sound.language
    stream.disposition = sound.disposition
    return stream


def write_tone(out: OutputContainer, stream: AudioStream, sound: Sound, start: float, seconds: float) -> None:
    """Write the whole of the sound, from `start` in seconds; the stream takes no more then."""
    for tone in _tone(stream, sound, start, seconds):
        out.mux(stream.encode(tone))
    out.mux(stream.encode(None))


def _tone(stream: AudioStream, sound: Sound, start: float, seconds: float) -> Iterator[av.AudioFrame]:
    wave = np.sin(np.arange(int(sound.rate * seconds)) * 2 * np.pi * sound.hertz / sound.rate) * 0.3
    at = round(start * sound.rate)
    fifo = AudioFifo()
    whole = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), format="fltp", layout="mono")
    whole.sample_rate, whole.pts, whole.time_base = sound.rate, 0, Fraction(1, sound.rate)
    resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=sound.rate)
    for frame in resampler.resample(whole):
        fifo.write(frame)
    while (part := fifo.read(1024, partial=True)) is not None:
        part.pts = at + (part.pts or 0)
        yield part
