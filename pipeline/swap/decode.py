"""The files of a picture job to pixels, and what memory that takes; on any thread.

An animation as target stays packed: it is decoded frame by frame while it is swapped, and again while it
is encoded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pipeline.engines.base import BlendOptions
from pipeline.errors import MediaTooLarge, UnsupportedMedia
from pipeline.media.animations.read import Animation, open_animation
from pipeline.media.pictures.decode import BYTES_PER_PIXEL, Limits, Picture, count_bytes, count_pixels
from pipeline.media.pictures.decode import decode as decode_picture
from pipeline.media.pictures.encode import OutputFormat
from pipeline.media.sniff import sniff
from pipeline.swap.animation import patches_bytes
from pipeline.swap.naming import naming, source_title
from pipeline.swap.request import Choice, FaceFilter, PictureRequest, Recognised
from pipeline.swap.sources import PreparedSource
from pipeline.swap.timing import Timings

Kept = Mapping[str, PreparedSource]  # by the hash of the file

_HELD_PER_PIXEL: Final = 4  # bytes of a decoded picture; the rest only while its decoder runs
_FRAMES_HELD: Final = 4  # of an animation: decoded, before and after the swap, and the one before


@dataclass(frozen=True, kw_only=True, eq=False)
class DecodedSource:
    """A source as pixels, or as it was kept from an earlier job."""

    sha256: str
    content: Picture | PreparedSource


@dataclass(frozen=True, kw_only=True, eq=False)
class DecodedPictures:
    """The pictures of a request as pixels, except for an animation; else the files' bytes are let go.

    Sources of one content are one object. `reference` is the picture of `Recognised`.
    """

    sources: Mapping[str, DecodedSource]
    target: Picture | Animation
    reference: Picture | None
    choice: Choice
    blend: BlendOptions
    face_filter: FaceFilter
    timings: Timings


def decoded_bytes(
    request: PictureRequest, limits: Limits, kept: Kept | None = None, *, to: OutputFormat | None = None
) -> int:
    """Memory that `request` takes until its result is encoded, from headers alone; raises as `decode`.

    `to` is the format that was asked for, None where none was.
    """
    _refuse_videos(request)
    sources = _sources_bytes(request, limits, kept or {})
    with naming("target"):
        animation = open_animation(request.target, limits)
        if animation is None:
            return sources + count_bytes(request.target, limits, to=to)
    return sources + _frames_bytes(animation) + patches_bytes(animation)


def target_bytes(file: bytes, limits: Limits) -> int:
    """Memory that a target takes which is only looked at, by its header; raises as `decode`."""
    with naming("target"):
        animation = open_animation(file, limits)
        return _frames_bytes(animation) if animation else count_pixels(file, limits) * BYTES_PER_PIXEL


def decode_target(file: bytes, limits: Limits) -> Picture | Animation:
    """Decode a target, or open it where it moves; raises as `decode`."""
    with naming("target"):
        return open_animation(file, limits) or decode_picture(file, limits)


def _frames_bytes(animation: Animation) -> int:
    """Memory that the frames take of which an animation's work holds a few at a time."""
    return _FRAMES_HELD * animation.pixels * BYTES_PER_PIXEL


def decode(
    request: PictureRequest, limits: Limits, timings: Timings, kept: Kept | None = None
) -> DecodedPictures:
    """Decode the pictures of `request`; `timings` goes along and gains the times of all steps.

    Each content is decoded once, and not at all where its face is among `kept`; see `PictureSwapper.kept`.

    Raises:
        UnsupportedMedia: one is no picture; says so if source and target seem to be the wrong way round.
        MediaTooLarge: one exceeds `limits`, or all sources together do.
        MediaCorrupt: one is damaged.
    """
    _refuse_videos(request)
    reference = None
    with timings.measure("decode"):
        sources = _decode_sources(request, limits, kept or {})
        if isinstance(request.choice, Recognised):
            with naming("reference picture"):
                reference = decode_picture(request.choice.reference, limits)
        target = decode_target(request.target, limits)
    return DecodedPictures(
        sources=sources,
        target=target,
        reference=reference,
        choice=request.choice,
        blend=request.blend,
        face_filter=request.face_filter,
        timings=timings,
    )


def _decode_sources(request: PictureRequest, limits: Limits, kept: Kept) -> dict[str, DecodedSource]:
    by_content: dict[str, DecodedSource] = {}
    for name, file in request.sources.items():
        if file.sha256 not in by_content:
            with naming(source_title(name)):
                content = kept.get(file.sha256) or decode_picture(file.body, limits)
            by_content[file.sha256] = DecodedSource(sha256=file.sha256, content=content)
    return {name: by_content[file.sha256] for name, file in request.sources.items()}


def _sources_bytes(request: PictureRequest, limits: Limits, kept: Kept) -> int:
    """Memory of all that is decoded beside the target, one picture after the other, each content once."""
    pixels: dict[str, int] = {}
    for name, file in request.sources.items():
        if file.sha256 not in kept and file.sha256 not in pixels:
            with naming(source_title(name)):
                pixels[file.sha256] = count_pixels(file.body, limits)
    total = sum(pixels.values())
    if len(pixels) > 1 and total > limits.max_animation_pixels:
        raise MediaTooLarge(
            f"The pictures of the faces to put in have {total / 1e6:.1f} million pixels together; at most "
            f"{limits.max_animation_pixels / 1e6:.1f} million are accepted. Send smaller ones."
        )
    if isinstance(request.choice, Recognised):
        with naming("reference picture"):
            pixels["reference"] = count_pixels(request.choice.reference, limits)
    largest = max(pixels.values(), default=0)
    return _HELD_PER_PIXEL * sum(pixels.values()) + (BYTES_PER_PIXEL - _HELD_PER_PIXEL) * largest


def _refuse_videos(request: PictureRequest) -> None:
    for name, file in request.sources.items():
        media = sniff(file.body)
        if media.kind == "video":
            raise UnsupportedMedia(
                f"The {source_title(name)} is {media.label}, but it must be a picture of the face to put in. "
                "Source and target may be the wrong way round: the target is what gets changed."
            )
    media = sniff(request.target)
    if media.kind == "video":
        raise UnsupportedMedia(f"The target is {media.label}; this consumer changes pictures only.")
