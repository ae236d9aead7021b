"""All measurements of a list of variants, one after the other."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

from pipeline.engines.mesh.engine import open_mesh_engine
from tests.bench.report import Row
from tests.quality.figures import kind_rows, overall_rows, recognised_rows, repeat_rows
from tests.quality.judge import Outcome, judge, know
from tests.quality.repeat import TREATMENTS, digest, digests_side_by_side, recognise
from tests.quality.scene import PORTRAITS, Scene
from tests.quality.sheet import cell, write_sheet
from tests.quality.variants import Variant, variants

# Their results are looked at again after others' hands: of usual size, whole, and of one person.
_HANDED_ON: Final = ("as it is", "shifted", "gamma", "light", "JPEG")


def every_variant() -> list[Variant]:
    """Both people's variants in turns, so that both directions lie side by side."""
    return list(chain.from_iterable(zip(*(variants(who) for who in PORTRAITS), strict=True)))


def measure(sheet: Path, chosen: Sequence[Variant] | None = None) -> list[Row]:
    """Measure the `chosen` variants, by default every one, and write the contact sheet."""
    engine = open_mesh_engine()
    known = know(engine)
    chosen = every_variant() if chosen is None else chosen
    outcomes: dict[str, list[Outcome]] = {}
    cells, digests, handed_on = [], [], []
    for variant in chosen:
        scene = variant.make()
        outcome, after = judge(engine, known, scene)
        outcomes.setdefault(variant.kind, []).append(outcome)
        digests.append(digest(after))
        cells.append(cell(known, scene, after, f"{variant.kind} {variant.name}".rstrip()))
        if variant.kind in _HANDED_ON:
            handed_on.append(Scene(picture=after, people=scene.people))
    write_sheet(cells, sheet)

    def rows() -> Iterator[Row]:
        for kind, its in outcomes.items():
            yield from kind_rows(kind, its)
        yield from overall_rows([outcome for its in outcomes.values() for outcome in its])
        for name, treat in TREATMENTS.items():
            distances = [recognise(engine, known, treat(scene)) for scene in handed_on]
            yield from recognised_rows(name, distances)
        yield from repeat_rows(digests, digests_side_by_side(chosen))

    return list(rows())
