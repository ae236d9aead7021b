"""The encoders of results, each with all that its pictures depend on written down."""

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

import av
import cv2
from av.video.stream import VideoStream

EncoderName = Literal["libx264", "libx265", "libvpx-vp9", "libsvtav1", "h264_nvenc", "hevc_nvenc"]
ENCODERS: Final[tuple[EncoderName, ...]] = (
    "libx264",
    "libx265",
    "libvpx-vp9",
    "libsvtav1",
    "h264_nvenc",
    "hevc_nvenc",
)

MAX_QUALITY: Final = 51
_MAX_CRF_63: Final = 63
"""VP9 and AV1 count from 0 to 63 what H.264 and HEVC count from 0 to 51."""
_THREADS: Final = 4
"""On any machine: x264, x265 and VP9 make other pictures with another number of threads."""
_AVX_512F: Final = 13
"""OpenCV's number for it (opencv2/core/cvdef.h)."""
_BEFORE_AVX_512: Final = "MMX2,SSE2Fast,SSSE3,SSE4.2,AVX,LZCNT,BMI2,FMA3,AVX2"
"""As x264 calls what processors with AVX-512 have beside it."""
_HEVC: Final = ("libx265", "hevc_nvenc")
_NVENC: Final = ("h264_nvenc", "hevc_nvenc")


@dataclass(frozen=True, kw_only=True)
class EncoderLine:
    """One encoder with its options; two that are equal make equal files of equal frames."""

    name: EncoderName
    options: tuple[tuple[str, str], ...]
    threads: int = _THREADS

    @property
    def options_here(self) -> dict[str, str]:
        """The options as the encoder is given them on this machine, for the pictures that others make.

        x264's code for AVX-512 makes other ones now and then of frames that are less than 256 pixels wide:
        with `mbtree`, of 160 x 96, one segment in fifty. What is before AVX-512 never did, and is as fast.
        """
        options = dict(self.options)
        if self.name == "libx264" and cv2.checkHardwareSupport(_AVX_512F):
            options["x264-params"] += f":asm={_BEFORE_AVX_512}"
        return options

    @property
    def tag(self) -> str | None:
        """What MP4 is to call the codec, None for its usual name; Apple plays no HEVC by another one."""
        return "hvc1" if self.name in _HEVC else None


def encoder_line(name: EncoderName, quality: int) -> EncoderLine:
    """Choose the options for a quality of 0..51 as x264 counts it, where lower is better.

    Raises:
        ValueError: the quality is none of these.
    """
    if not 0 <= quality <= MAX_QUALITY:
        raise ValueError(f"quality is 0 to {MAX_QUALITY}, not {quality}")
    lossy = str(max(1, quality))  # 0 is lossless, which no browser plays, or leaves it to NVENC
    crf_63 = round(quality * _MAX_CRF_63 / MAX_QUALITY)
    options: dict[EncoderName, dict[str, str]] = {
        "libx264": {"preset": "veryfast", "crf": lossy, "x264-params": "open-gop=0"},
        "libx265": {
            "preset": "veryfast",
            "crf": lossy,
            "x265-params": f"open-gop=0:info=0:log-level=error:frame-threads=2:pools={_THREADS}",
        },
        "libvpx-vp9": {"crf": str(crf_63), "b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1"},
        "libsvtav1": {"preset": "9", "crf": str(max(1, crf_63))},  # 0 leaves it to the encoder
        "h264_nvenc": {"preset": "p5", "rc": "vbr", "cq": lossy, "b": "0", "forced-idr": "1"},
        "hevc_nvenc": {"preset": "p5", "rc": "vbr", "cq": lossy, "b": "0", "forced-idr": "1"},
    }
    return EncoderLine(name=name, options=tuple(options[name].items()))


def hush() -> None:
    """Keep SVT-AV1 from writing pages to standard error; its environment is all that it asks."""
    os.environ.setdefault("SVT_LOG", "1")


def why_unavailable(name: EncoderName) -> str | None:
    """Try an encoder on three frames; None if it works here, else a sentence that says why not."""
    size = 256, 144  # hardware refuses smaller ones
    hush()
    try:
        with av.open(os.devnull, "w", format="null") as out:
            stream = out.add_stream(name, rate=25, options=dict(encoder_line(name, 30).options))
            assert isinstance(stream, VideoStream)  # noqa: S101 -- all of `ENCODERS` are of video
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            packets = []
            for number in range(3):
                frame = av.VideoFrame(*size, "yuv420p")
                frame.pts, frame.time_base = number, Fraction(1, 25)
                packets += stream.encode(frame)
            packets += stream.encode(None)
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        needs = " It needs an NVIDIA GPU that has an encoder." if name in _NVENC else ""
        return f"{name} does not work on this machine: {reason}.{needs}"
    return None if packets else f"{name} does not work on this machine: it wrote nothing."


class EncoderTrials:
    """What is known of the encoders of this machine: a trial takes up to a second, and its answer stays."""

    def __init__(self) -> None:
        self._answers: dict[EncoderName, str | None] = {}

    def why_unavailable(self, name: EncoderName) -> str | None:
        """None if the encoder works here, else a sentence that says why not; from any thread."""
        if name not in self._answers:
            self._answers[name] = why_unavailable(name)
        return self._answers[name]
