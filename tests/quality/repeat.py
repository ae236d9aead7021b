"""Does the same come out again: beside other work, and is it still the same person after other hands?"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Final

from pipeline.engines.mesh.engine import MeshEngine, open_mesh_engine
from pipeline.face import Bgr
from tests.quality.judge import Known, expected, know, nearest, swap_everybody
from tests.quality.scene import Scene, other_than, resized, turned
from tests.quality.variants import Variant, encoded

# What others do to a result before it is looked at again.
TREATMENTS: Final[Mapping[str, Callable[[Scene], Scene]]] = {
    "JPEG, quality 60": lambda scene: _encoded(scene, ".jpg", 60),
    "JPEG, quality 25": lambda scene: _encoded(scene, ".jpg", 25),
    "WebP, quality 40": lambda scene: _encoded(scene, ".webp", 40),
    "half the size": partial(resized, factor=0.5),
    "a quarter of the size": partial(resized, factor=0.25),
    "a turn of 20 degrees": partial(turned, degrees=20),
    "a turn of 45 degrees": partial(turned, degrees=45),
}


def digest(picture: Bgr) -> str:
    """What two pictures share only if they are the same in every pixel."""
    return hashlib.sha256(picture.tobytes()).hexdigest()


def digests_side_by_side(variants: Sequence[Variant]) -> list[list[str]]:
    """Swap all variants twice at once, in two threads with an engine each, in opposite order.

    Returns for each thread the results' digests, in the order of `variants`.
    """
    with ThreadPoolExecutor(2) as pool:
        forth, back = pool.map(_digests, (variants, variants[::-1]))
    return [forth, back[::-1]]


def _digests(variants: Sequence[Variant]) -> list[str]:
    engine = open_mesh_engine()
    known = know(engine)
    return [digest(swap_everybody(engine, known, variant.make()).picture) for variant in variants]


def recognise(engine: MeshEngine, known: Mapping[str, Known], swapped: Scene) -> tuple[float, float] | None:
    """Distances of the first person's swapped face to the portraits: of the source, and of the target.

    None where no face is found.
    """
    person = swapped.people[0]
    face = nearest(engine.find_faces(swapped.picture), *expected(known, person))
    if face is None:
        return None
    embedding = engine.embed(swapped.picture, face)
    source, target = (known[name].source.embedding for name in (other_than(person.who), person.who))
    assert source is not None
    assert target is not None
    return engine.distance(embedding, source), engine.distance(embedding, target)


def _encoded(scene: Scene, extension: str, quality: int) -> Scene:
    return replace(scene, picture=encoded(scene.picture, extension=extension, quality=quality))
