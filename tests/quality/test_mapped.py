"""Right face, right order, nobody else: real portraits in groups, judged by pixels and by identity."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.catalogue import Catalogue
from pipeline.engines.base import BlendOptions
from pipeline.engines.inswapper.engine import InswapperEngine, InswapperSource, open_inswapper_engine
from pipeline.engines.mesh.engine import MeshEngine, open_mesh_engine
from pipeline.face import Array, Bgr, FoundFaces
from pipeline.steps import Steps
from pipeline.swap.request import Mapped
from pipeline.swap.swapper import Swapper
from tests.quality.groups import Group, groups, overlapping
from tests.quality.judge import Known, know
from tests.quality.mapped import Asked, area, hidden, judge_mapping, stored_faces
from tests.quality.repeat import digest
from tests.quality.scene import cut, other_than, portrait, resized
from tests.quality.variants import encoded
from tests.support.engines import picture, png
from tests.support.requests import a_request, swap
from tests.support.standins.swapper import colour_of


@pytest.fixture(scope="module")
def engine() -> MeshEngine:
    return open_mesh_engine()


@pytest.fixture(scope="module")
def swapper(engine: MeshEngine) -> Swapper:
    return Swapper(engine)


@pytest.fixture(scope="module")
def known(engine: MeshEngine) -> dict[str, Known]:
    return know(engine)


def _group(name: str, first: str = "collins") -> Group:
    return next(group for group in [*groups(first), *overlapping(first)] if group.name == name)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("two, one behind", (0,)),
        ("uneven rows", (0, 1, 2, 3, 4, 5)),
        ("uneven rows", (3,)),
        ("six tilted", (0, 2, 4)),
        ("six, close", (1, 4)),
    ],
)
def test_each_source_gets_onto_its_face_and_the_others_keep_every_pixel(
    engine: MeshEngine, swapper: Swapper, known: dict[str, Known], name: str, numbers: tuple[int, ...]
) -> None:
    scene = _group(name).compose()
    asked = Asked(name=name, scene=scene, numbers={f"face_{number}": number for number in numbers})
    verdict = judge_mapping(swapper, engine, known, asked)
    assert verdict.right == verdict.told == verdict.mapped == len(numbers)
    assert verdict.untouched == verdict.bystanders == len(scene.people) - len(numbers)


def test_a_mapping_that_goes_astray_is_seen(
    engine: MeshEngine, swapper: Swapper, known: dict[str, Known]
) -> None:
    scene = _group("two in a row").compose()
    astray = judge_mapping(swapper, engine, known, Asked(name="", scene=scene, numbers={"face_0": 1}))
    assert (astray.right, astray.told, astray.untouched) == (0, 0, 0)
    crossed = Asked(name="", scene=scene, numbers={"face_0": 1, "face_1": 0})
    assert judge_mapping(swapper, engine, known, crossed).right == 0
    nobody = Asked(name="", scene=scene, numbers={"face_0": 0, "face_7": 1})
    assert judge_mapping(swapper, engine, known, nobody).refused


def test_who_was_pointed_at_is_swapped_in_a_small_cropped_compressed_copy_and_in_one_rearranged(
    engine: MeshEngine, swapper: Swapper, known: dict[str, Known]
) -> None:
    before = _group("two tilted").compose()
    stored = stored_faces(engine, before)
    small = resized(before, 0.7)
    small = replace(small, picture=encoded(small.picture, extension=".jpg", quality=75))
    alone = cut(before, (300, 0, 700, 400))
    rearranged = _group("two tilted", other_than("collins")).compose()
    for scene, numbers in (
        (small, {"face_0": 0, "face_1": 1}),
        (replace(alone, people=alone.people[1:]), {"face_1": 0}),
        (rearranged, {"face_0": 1}),
    ):
        asked = Asked(name="", scene=scene, numbers=numbers, stored=stored)
        verdict = judge_mapping(swapper, engine, known, asked)
        assert verdict.right == verdict.told == verdict.mapped
        assert verdict.untouched == verdict.bystanders


def test_the_same_mapping_gives_the_same_pixels_on_another_engine_and_in_any_order_of_its_keys(
    swapper: Swapper,
) -> None:
    target = png(_group("six, close").compose().picture)
    files = [png(portrait(who).picture) for who in ("collins", "hopper")]
    sources = {f"face_{number}": files[number % 2] for number in range(6)}
    requests = (
        a_request(dict(order), target, choice=Mapped())
        for order in (sources.items(), sources.items(), reversed(sources.items()))
    )
    swappers = (swapper, Swapper(open_mesh_engine()), swapper)
    digests = {digest(swap(request, by).picture.bgr) for request, by in zip(requests, swappers, strict=True)}
    assert len(digests) == 1


def _coloured(bgr: tuple[int, int, int]) -> Bgr:
    """A source of the stand-ins: a rectangle in a picture whose colour says whose it is."""
    return picture(640, 640, colour=bgr, faces=((240, 200, 160, 200),))


def _tint(engine: InswapperEngine, source: Bgr) -> Array:
    """The colour, BGR 0..255, with which the stand-in swapper tints."""
    prepared: InswapperSource = engine.prepare_source(source, engine.find_faces(source)[0])
    return np.asarray(255 * colour_of(prepared.latent)[::-1], np.float32)


@pytest.mark.parametrize("name", ["uneven rows", "six, close"])
def test_inswapper_tints_each_face_with_its_own_source_and_leaves_the_others_alone(
    engine: MeshEngine,
    known: dict[str, Known],
    inswapper_files: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    spec = Catalogue.load().engines["inswapper_128"]
    tinting = open_inswapper_engine(inswapper_files, spec, provider="cpu", threads=1, hashes={})
    rectangles = tinting.find_in_steps  # all that the stand-in detector knows

    def find_in_steps(bgr: Bgr) -> Steps[FoundFaces]:
        found = yield from engine.find_in_steps(bgr)
        return found if found.faces else (yield from rectangles(bgr))

    monkeypatch.setattr(tinting, "find_in_steps", find_in_steps)
    sources = [_coloured(bgr) for bgr in ((250, 10, 10), (10, 250, 240), (10, 240, 10), (250, 20, 230))]
    tints = np.array([_tint(tinting, source) for source in sources])
    scene = _group(name).compose()
    mapped = {0: 0, 2: 1, 3: 2, 5: 3}
    request = a_request(
        {f"face_{number}": png(sources[which]) for number, which in mapped.items()},
        png(scene.picture),
        choice=Mapped(),
        blend=BlendOptions(color_correction=False),
    )
    after = swap(request, tinting).picture.bgr
    for number, person in enumerate(scene.people):
        shown = area(known, person, after) & ~hidden(known, scene, number, range(6))
        if number not in mapped:
            assert np.array_equal(after[shown], scene.picture[shown])
            continue
        middle = area(known, person, after, share=0.4)
        before = scene.picture[middle].mean(axis=0)
        off = np.abs(after[middle].mean(axis=0) - (before + tints) / 2).mean(axis=1)
        assert off.argmin() == mapped[number]
        assert off.min() < 4
