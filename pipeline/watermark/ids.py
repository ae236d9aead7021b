"""What a watermark says: 32 bits, written as eight hexadecimal digits."""

import hashlib
from typing import Final

import numpy as np

from pipeline.face import Array
from pipeline.watermark.network import BITS

DIGITS: Final = BITS // 4


def id_of(*parts: str) -> str:
    """The id that stands for texts: the beginning of their sha256.

    Among 77,000 two have the same as likely as not (2 ln 2 x 2^32, of which the root).
    """
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:DIGITS]


def to_bits(mark_id: str) -> Array:
    """The bits of an id, the first digit's first: float32 (32,) of 0 and 1."""
    number = int(mark_id, 16)
    return np.array([number >> place & 1 for place in reversed(range(BITS))], np.float32)


def to_id(logits: Array) -> str:
    """The id that a decoder read."""
    number = int("".join("1" if value > 0 else "0" for value in logits), 2)
    return f"{number:0{DIGITS}x}"


def agreeing(one: str, other: str) -> int:
    """In how many of 32 bits two ids agree."""
    return BITS - (int(one, 16) ^ int(other, 16)).bit_count()
