"""All measurements of a list of variants, one after the other."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import Final

from consumer.cli.sheet import write_sheet
from pipeline.engines.mesh.engine import MeshEngine, open_mesh_engine
from pipeline.swap.swapper import Swapper
from tests.bench.report import Row
from tests.quality.figures import kind_rows, mapped_rows, overall_rows, recognised_rows, repeat_rows
from tests.quality.judge import Known, Outcome, judge, know
from tests.quality.mapped import bound, in_reading_order, judge_mapping
from tests.quality.repeat import TREATMENTS, digest, digests_side_by_side, recognise
from tests.quality.scene import PORTRAITS, Scene
from tests.quality.sheet import cell, pair_card, write_picture
from tests.quality.variants import Variant, variants

# Their results are looked at again after others' hands: of usual size, whole, and of one person.
_HANDED_ON: Final = ("as it is", "shifted", "gamma", "light", "JPEG")


def every_variant() -> list[Variant]:
    """Both people's variants in turns, so that both directions lie side by side."""
    return list(chain.from_iterable(zip(*(variants(who) for who in PORTRAITS), strict=True)))


def measure(folder: Path) -> list[Row]:
    """Measure everything; writes the contact sheet to `folder`."""
    engine = open_mesh_engine()
    known = know(engine)
    return [*variant_rows(engine, known, every_variant(), folder), *mapping_rows(engine, known)]


def variant_rows(
    engine: MeshEngine, known: Mapping[str, Known], chosen: Sequence[Variant], folder: Path
) -> list[Row]:
    """Measure the `chosen` variants; writes their contact sheet, and a selection of it as a picture."""
    outcomes: dict[str, list[Outcome]] = {}
    selected, cards, digests, handed_on = [], [], [], []
    for variant in chosen:
        scene = variant.make()
        outcome, after = judge(engine, known, scene)
        outcomes.setdefault(variant.kind, []).append(outcome)
        digests.append(digest(after))
        cards.append(pair_card(known, scene, after, outcome, variant))
        selected.append(cell(known, scene, after, variant))
        if variant.kind in _HANDED_ON:
            handed_on.append(Scene(picture=after, people=scene.people))
    folder.mkdir(parents=True, exist_ok=True)
    write_sheet(folder / "sheet.html", cards, title="How well the embedded engine works")
    write_picture([each for each in selected if each is not None], folder / "selection.jpg")

    def rows() -> Iterator[Row]:
        for kind, its in outcomes.items():
            yield from kind_rows(kind, its)
        yield from overall_rows([outcome for its in outcomes.values() for outcome in its])
        for name, treat in TREATMENTS.items():
            distances = [recognise(engine, known, treat(scene)) for scene in handed_on]
            yield from recognised_rows(name, distances)
        yield from repeat_rows(digests, digests_side_by_side(chosen))

    return list(rows())


def mapping_rows(engine: MeshEngine, known: Mapping[str, Known]) -> Iterator[Row]:
    """Measure mappings in reading order, then those bound to an earlier detection, by what changed since."""
    swapper = Swapper(engine)
    ordered = chain.from_iterable(in_reading_order(who) for who in PORTRAITS)
    verdicts = [judge_mapping(swapper, engine, known, asked) for asked in ordered]
    yield from mapped_rows("in reading order", verdicts, right=1, told=1)
    later = sorted(chain.from_iterable(bound(engine, who) for who in PORTRAITS), key=lambda asked: asked.name)
    for name, alike in groupby(later, key=lambda asked: asked.name):
        verdicts = [judge_mapping(swapper, engine, known, asked) for asked in alike]
        yield from mapped_rows(f"bound, {name}", verdicts, right=0.8, told=0.9)
