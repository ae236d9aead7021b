"""A video to measure on, made of one of the portraits: one face that moves, before a still backdrop."""

from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np

from pipeline.face import Array, Bgr
from tests.support.faces import HOPPER_FACE, hopper, scaled

RATE: Final = 30
FACE_SHARE: Final = 250 / 1080
"""The face's height in that of the frame."""
_SWAY: Final = 0.12
"""How far the head goes to either side, of the frame's width."""
_PERIOD: Final = 240
"""Frames from one side to the other and back; at 1080p the head moves by 6 pixels a frame at most."""
_GRAIN: Final = 1.5
"""The deviation of a camera's noise, in levels of 255."""
_GRAINS: Final = 7


def make_clip(path: Path, *, frames: int, size: tuple[int, int] = (1920, 1080)) -> Path:
    """Write H.264 of `size`, even, and 30 frames a second, with a key frame every two seconds."""
    width, height = size
    head, share = _head(height * FACE_SHARE / (HOPPER_FACE[3] - HOPPER_FACE[1]))
    tall, wide = share.shape
    room = _room(size)
    dice = np.random.default_rng(1)
    rooms = [np.asarray(room + dice.normal(0, _GRAIN, room.shape), np.uint8) for _ in range(_GRAINS)]
    with av.open(str(path), "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "20", "g": "60"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            turn = 2 * np.pi * number / _PERIOD
            x = (width - wide) / 2 + _SWAY * width * np.sin(turn)
            y = (height - tall) / 2 + 0.01 * height * np.sin(3 * turn)
            left, top = int(x), int(y)
            step = np.array([[1, 0, x - left], [0, 1, y - top]], np.float32)
            moved, mask = (cv2.warpAffine(each, step, (wide, tall)) for each in (head, share))
            bgr = rooms[number % _GRAINS].copy()
            part = bgr[top : top + tall, left : left + wide]
            part[...] = part + mask[..., None] * (moved - part)
            image = av.VideoFrame.from_ndarray(bgr, format="bgr24")
            image.pts, image.time_base = number, Fraction(1, RATE)
            file.mux(stream.encode(image))
        file.mux(stream.encode(None))
    return path


def _head(factor: float) -> tuple[Array, Array]:
    """The portrait, and how much of it shows, 0 at its edges; float32."""
    portrait = scaled(hopper(), factor)
    height, width = portrait.shape[:2]
    shown = np.zeros((height, width), np.float32)
    middle, axes = (width // 2, round(0.43 * height)), (round(0.36 * width), round(0.4 * height))
    cv2.ellipse(shown, middle, axes, 0, 0, 360, 1, -1)
    shown = np.asarray(cv2.GaussianBlur(shown, (0, 0), 0.012 * width), np.float32)
    return portrait.astype(np.float32), shown


def _room(size: tuple[int, int]) -> Bgr:
    """Something out of focus with some edges in it, float32."""
    dice = np.random.default_rng(0)
    small = dice.uniform(40, 170, (9, 16, 3)).astype(np.float32)
    room = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
    for _ in range(40):
        (x, y), (w, h) = (dice.uniform(0, size).astype(int).tolist() for _ in range(2))
        cv2.rectangle(room, (x, y), (x + w // 8, y + h // 8), dice.uniform(40, 170, 3).tolist(), -1)
    return np.clip(cv2.GaussianBlur(room, (0, 0), 2), 10, 245)
