"""Sound files cut, flipped, mixed up and lengthened, at places drawn from a fixed seed."""

import random
from collections.abc import Iterator, Mapping, Sequence

from tests.corpus.item import ANY, Odd
from tests.support.animations import in_every_format, walk
from tests.support.pictures import every_format, scene, texture

_CUTS, _FLIPS = 4, 2
_SIZE = (45, 37)


def damaged_files() -> Iterator[Odd]:
    """A few of each kind for each flavour of file."""
    yield from damage(sound_bodies(), random.Random(20), cuts=_CUTS, flips=_FLIPS)


def sound_bodies() -> dict[str, bytes]:
    """One file of each flavour, large enough to be hurt in many places."""
    still = every_format(texture(*_SIZE))
    moving = in_every_format(walk(5, *_SIZE), [50] * 5)
    return {**still, **{f"{name}-moving": data for name, data in moving.items()}}


def damage(bodies: Mapping[str, bytes], draw: random.Random, *, cuts: int, flips: int) -> Iterator[Odd]:
    """Hurt each body `cuts` times by its end, and `flips` times by each way to change bytes."""
    for name, data in bodies.items():
        for _ in range(cuts):
            at = draw.randrange(1, len(data))
            yield Odd(name=f"{name}-cut{at}", data=data[:at])
        for _ in range(flips):
            for way in (_flip_bit, _overwrite, _cut_out, _repeat):
                yield Odd(name=f"{name}{way.__name__}{draw.randrange(10**6)}", data=way(data, draw))
        yield Odd(name=f"{name}-trailing", data=data + draw.randbytes(1000))
        yield Odd(name=f"{name}-twice", data=data + data)


def _flip_bit(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    changed[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _overwrite(data: bytes, draw: random.Random) -> bytes:
    at, length = draw.randrange(len(data)), draw.randrange(1, 9)
    fill: Sequence[bytes] = (b"\xff" * length, bytes(length), draw.randbytes(length))
    return data[:at] + draw.choice(fill) + data[at + length :]


def _cut_out(data: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(data))
    return data[:at] + data[at + draw.randrange(1, 40) :]


def _repeat(data: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(data))
    return data[:at] + data[at : at + draw.randrange(1, 400)] * 3 + data[at:]


def mixed_files() -> Iterator[Odd]:
    """The head of one format and the body of another."""
    draw, bodies = random.Random(30), every_format(scene(*_SIZE))
    for head in ("jpeg", "png", "webp", "gif", "bmp", "tiff", "avif", "heic"):
        for length in (4, 16, 40, 200):
            tail = bodies[draw.choice(sorted(bodies))]
            # A JPEG goes on at the next marker, which may be one of the other's body.
            ends = ANY - {"result"} if length < 100 and head not in ("gif", "jpeg") else ANY
            yield Odd(name=f"{head}-head{length}", data=bodies[head][:length] + tail, ends=ends)
        yield Odd(name=f"{head}-zeroed", data=bodies[head][:16] + bytes(4000), ends=ANY - {"result"})
        yield Odd(name=f"{head}-ones", data=bodies[head][:16] + b"\xff" * 4000, ends=ANY - {"result"})
