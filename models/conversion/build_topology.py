"""Build the mesh topology: triangles, the fans that close eyes and mouth, mirror map, oval, mean shape.

    python build_topology.py mediapipe-0.10.21-*.whl shapes.npy mesh_topology.npz

The wheel's face_mesh_connections.py (Apache-2.0) lists the edges of the tesselation, three in a row to a
triangle, and those of the face's oval. `shapes.npy` is (n, 468, 3): landmarks of faces, for the mean.
"""

import re
import sys
import zipfile
from collections import defaultdict, deque
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

CONNECTIONS: Final = "mediapipe/python/solutions/face_mesh_connections.py"
POINTS: Final = 468
SKIN, EYE, MOUTH = 0, 1, 2

# The lower and the upper rim of each opening, from one corner to the other; left is the viewer's left.
LEFT_EYE: Final = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (33, 246, 161, 160, 159, 158, 157, 173, 133))
RIGHT_EYE: Final = (
    (263, 249, 390, 373, 374, 380, 381, 382, 362),
    (263, 466, 388, 387, 386, 385, 384, 398, 362),
)
LIPS: Final = (
    (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
    (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
)

# The topmost point lies on the mirror line; these two edges of the oval mirror each other.
TOP: Final = 10
BESIDE_TOP: Final = (338, 109)

# At a nostril and at an eye's corner the two halves are cut into triangles differently, so the walk
# below goes astray there; these points mirror each other.
CUT_DIFFERENTLY: Final = ((20, 250), (246, 466))

Edge = tuple[int, int]
Triangle = tuple[int, int, int]


def read_edges(source: str, name: str) -> list[Edge]:
    """The pairs of numbers in the frozenset called `name`."""
    start = source.index(name)
    body = source[start : source.index("])", start)]
    return [(int(a), int(b)) for a, b in re.findall(r"\((\d+),\s*(\d+)\)", body)]


def to_triangles(edges: list[Edge]) -> list[Triangle]:
    """Join each three edges in a row to a triangle."""
    triangles = []
    for i in range(0, len(edges), 3):
        first, second = edges[i]
        (third,) = {point for edge in edges[i : i + 3] for point in edge} - {first, second}
        triangles.append((first, second, third))
    return triangles


def close_opening(lower: tuple[int, ...], upper: tuple[int, ...]) -> list[Triangle]:
    """Fill what lies between two rims with a strip of triangles."""
    strip = []
    for (low, next_low), (high, next_high) in zip(pairwise(lower), pairwise(upper), strict=True):
        if low != high:
            strip.append((low, high, next_low))
        if next_low != next_high:
            strip.append((high, next_high, next_low))
    return strip


def walk_oval(edges: list[Edge]) -> list[int]:
    """The points of the oval in order, from the topmost on."""
    following = dict(edges)
    walk = [TOP]
    while following[walk[-1]] != TOP:
        walk.append(following[walk[-1]])
    return walk


def mirror_map(triangles: list[Triangle]) -> NDArray[np.int64]:
    """Which point mirrors which: walk both halves of the mesh in step, from the two edges at the top."""
    opposite: dict[Edge, list[int]] = defaultdict(list)
    for a, b, c in triangles:
        for edge, point in (((a, b), c), ((b, c), a), ((c, a), b)):
            opposite[_sorted(edge)].append(point)
    one, other = opposite[_sorted((TOP, BESIDE_TOP[0]))][0], opposite[_sorted((TOP, BESIDE_TOP[1]))][0]
    mirror = {TOP: TOP, **dict([BESIDE_TOP, BESIDE_TOP[::-1], (one, other), (other, one)])}
    waiting = deque([((TOP, BESIDE_TOP[0], one), (TOP, BESIDE_TOP[1], other))])
    seen: set[Triangle] = set()
    while waiting:
        here, there = waiting.popleft()
        for i in range(3):
            edge, apex = (here[i], here[(i + 1) % 3]), here[(i + 2) % 3]
            twin, twin_apex = (there[i], there[(i + 1) % 3]), there[(i + 2) % 3]
            beyond = [point for point in opposite[_sorted(edge)] if point != apex]
            twin_beyond = [point for point in opposite[_sorted(twin)] if point != twin_apex]
            if not beyond or not twin_beyond:
                continue
            a, b, c = sorted((*edge, beyond[0]))
            if (a, b, c) not in seen:
                seen.add((a, b, c))
                mirror.setdefault(beyond[0], twin_beyond[0])
                waiting.append(((*edge, beyond[0]), (*twin, twin_beyond[0])))
    for left, right in CUT_DIFFERENTLY:
        mirror[left], mirror[right] = right, left
    return np.array([mirror[point] for point in range(POINTS)])


def mean_shape(shapes: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean of (n, 468, 3) shapes freed of place, size and rotation (generalised Procrustes analysis)."""
    centred = shapes - shapes.mean(axis=1, keepdims=True)
    sized = [shape / np.sqrt((shape**2).sum(axis=1).mean()) for shape in centred]
    mean = sized[0]
    for _ in range(10):
        sized = [_rotate_onto(shape, mean) for shape in sized]
        mean = np.mean(sized, axis=0)
    return np.asarray(mean, np.float64)


def _rotate_onto(shape: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.floating]:
    """Rotate without reflection, in the least-squares sense (Kabsch)."""
    u, _, v = np.linalg.svd(shape.T @ target)
    return shape @ (u @ np.diag([1, 1, np.sign(np.linalg.det(u @ v))]) @ v)


def wind(triangles: list[Triangle], shape: NDArray[np.floating]) -> NDArray[np.int64]:
    """Order each triangle's points so that all are seen from the same side: on a frontal face, outside.

    Neighbours must run along their common edge in opposite directions, so the order spreads from one
    triangle to all. Judging each by its own area would turn those that a mean face shows edge-on.
    """
    at_edge: dict[Edge, list[int]] = defaultdict(list)
    for number, triangle in enumerate(triangles):
        for edge in _edges(triangle):
            at_edge[_sorted(edge)].append(number)
    wound = {0: triangles[0]}
    waiting = deque([0])
    while waiting:
        number = waiting.popleft()
        for edge in _edges(wound[number]):
            for neighbour in at_edge[_sorted(edge)]:
                if neighbour not in wound:
                    a, b, c = triangles[neighbour]
                    wound[neighbour] = (a, c, b) if edge in _edges((a, b, c)) else (a, b, c)
                    waiting.append(neighbour)
    result = np.array([wound[number] for number in range(len(triangles))])
    a, b, c = (shape[result[:, i], :2] for i in range(3))
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    return result if area.sum() > 0 else result[:, [0, 2, 1]]


def _edges(triangle: Triangle) -> list[Edge]:
    a, b, c = triangle
    return [(a, b), (b, c), (c, a)]


def _sorted(edge: Edge) -> Edge:
    return min(edge), max(edge)


def main(wheel: Path, shapes: Path, destination: Path) -> None:
    """Build the topology and write it to `destination`."""
    source = zipfile.ZipFile(wheel).read(CONNECTIONS).decode()
    skin = to_triangles(read_edges(source, "FACEMESH_TESSELATION"))
    eyes = close_opening(*LEFT_EYE) + close_opening(*RIGHT_EYE)
    mouth = close_opening(*LIPS)
    mean = mean_shape(np.load(shapes))
    kind = [SKIN] * len(skin) + [EYE] * len(eyes) + [MOUTH] * len(mouth)
    np.savez(
        destination,
        tris=wind(skin + eyes + mouth, mean),
        kind=np.array(kind),
        mirror=mirror_map(skin),
        oval=np.array(walk_oval(read_edges(source, "FACEMESH_FACE_OVAL"))),
        mean=mean,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
