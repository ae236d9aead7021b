"""Videos with people in them, whom `FlatEngine` sees: a box of one colour is a face."""

import threading
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from pipeline.engines.base import BlendOptions
from pipeline.face import Array, Bgr, Face, Source
from pipeline.faces.match import in_place
from pipeline.faces.select import reading_order
from pipeline.swap.request import FaceFilter
from pipeline.swap.video.segment import VideoSwap
from pipeline.tracks.cast import CastMember
from pipeline.tracks.identity import Person
from tests.support.clips.make import make
from tests.support.clips.recipe import Recipe, Sound
from tests.support.engines import FlatEngine, face_in, person_bgr

SIZE = (160, 96)
SIDE = 32
BACKGROUND = (120, 110, 60)
GREEN = np.array((10, 200, 30), np.float32)
_BLUE, _RED = 50, 215
_LEAST_PX = 8


class ReelEngine(FlatEngine):
    """A `FlatEngine` that puts up with what encoders do to colours, and sees all of a small frame at once."""

    @property
    def glance_px(self) -> int:
        return 256

    def find_faces(self, picture: Bgr) -> list[Face]:
        self.threads.add(threading.current_thread().name)
        mask = ((picture[..., 0] < _BLUE) & (picture[..., 2] > _RED)).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        boxes = (tuple(map(int, box[:4])) for box in stats[1:count] if min(box[2:4]) >= _LEAST_PX)
        return reading_order(face_in(*box) for box in boxes)

    def glance(self, picture: Bgr) -> Array:
        rows = [(*face.bbox, face.score) for face in self.find_faces(picture)]
        return np.array(rows, np.float32).reshape(-1, 5)

    def refine(self, picture: Bgr, face: Face) -> Face | None:
        return in_place(self.find_faces(picture), face.bbox)


#: Where somebody's face begins in a frame, x and y; None where they are not seen.
Path2D = Callable[[int], tuple[int, int] | None]


def across(y: int = 20, *, start: int = 4, step: int = 2) -> Path2D:
    """From left to right and back."""

    def at(number: int) -> tuple[int, int]:
        span = SIZE[0] - SIDE - 8
        place = (start + step * number) % (2 * span)
        return (place if place < span else 2 * span - place) & ~1, y

    return at


def still(x: int, y: int) -> Path2D:
    """Always in the same place."""
    return lambda _: (x, y)


def seen(path: Path2D, first: int, last: int) -> Path2D:
    """Only from one frame to another."""
    return lambda number: path(number) if first <= number <= last else None


def reel(
    path: Path,
    people: Mapping[int, Path2D],
    *,
    frames: int = 40,
    rate: int = 20,
    sounds: bool = True,
    keyframes: int = 10,
    size: tuple[int, int] = SIZE,
) -> Path:
    """Write a video of people by their numbers; its extension says what it is, H.264 or in WebM VP9."""

    def draw(number: int, width: int, height: int) -> Bgr:
        frame = np.full((height, width, 3), BACKGROUND, np.uint8)
        frame[height - 6 :, : 2 + number % (width - 2)] = (90, 160, 90)
        for person, where in people.items():
            if (corner := where(number)) is not None:
                x, y = corner
                frame[y : y + SIDE, x : x + SIDE] = person_bgr(person)
        return frame

    webm = path.suffix == ".webm"
    fast = {"deadline": "realtime", "cpu-used": "8", "b": "0"} if webm else {"preset": "veryfast"}
    recipe = Recipe(
        count=frames,
        size=size,
        rate=Fraction(rate),
        codec="libvpx-vp9" if webm else "libx264",
        options={**fast, "crf": "10", "g": str(keyframes)},
        sounds=(Sound(codec="libopus" if webm else "aac"),) if sounds else (),
        draw=draw,
    )
    return make(path, recipe)


def frames_of(body: bytes, folder: Path) -> list[Bgr]:
    """Decode a video plainly: BGR uint8 frames."""
    path = folder / "decoded"
    path.write_bytes(body)
    with av.open(str(path)) as file:
        return [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in file.decode(video=0)]


def colour_at(frame: Bgr, corner: tuple[int, int]) -> tuple[int, int, int]:
    """The mean colour of a face's middle, BGR."""
    x, y = corner
    inner = frame[y + 8 : y + SIDE - 8, x + 8 : x + SIDE - 8]
    blue, green, red = (round(float(value)) for value in inner.mean(axis=(0, 1)))
    return blue, green, red


def reel_swap(
    *,
    chosen: Sequence[int] = (0,),
    everybody: bool = False,
    known: Sequence[int] = (0, 2),
) -> VideoSwap:
    """What is done to a reel on which the people `known` are: those at the places `chosen` become green."""
    people = [
        CastMember(
            face_id=f"face_{place}",
            face=face_in(0, 0, SIDE, SIDE),
            frame=0,
            time_s=0,
            preview=np.zeros((160, 160, 3), np.uint8),
            seen=1,
            largest_area=SIDE**2,
            person=Person(embedding=np.array(person_bgr(number), np.float32), side_px=SIDE, sharpness=0),
            first_s=0,
            last_s=3,
            prominence=1,
        )
        for place, number in enumerate(known)
    ]
    return VideoSwap(
        people=people,
        chosen=dict.fromkeys(chosen, "source"),
        everybody="source" if everybody else None,
        sources={"source": Source(face=face_in(0, 0, 8, 8), embedding=GREEN)},
        blend=BlendOptions(),
        face_filter=FaceFilter(),
    )
