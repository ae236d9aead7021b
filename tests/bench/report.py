"""One table on the screen and one JSON file for programs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure beside its reference.

    `ratio` is value / reference. `target` bounds the ratio, or the value where there is no reference;
    `ok` is None where nothing was promised.
    """

    name: str
    value: float
    unit: str
    reference: float | None
    ratio: float | None
    target: str | None
    ok: bool | None


def row(
    name: str,
    value: float,
    unit: str,
    *,
    reference: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Row:
    """Judge a figure: its ratio to the reference where there is one, else the figure itself."""
    ratio = value / reference if reference else None
    judged = value if ratio is None else ratio
    sign: Literal[">=", "<="] = ">=" if at_least is not None else "<="
    bound = at_least if at_least is not None else at_most
    ok = None if bound is None else (judged >= bound if sign == ">=" else judged <= bound)
    target = None if bound is None else f"{sign} {bound:g}{'x' if ratio is not None else f' {unit}'}"
    return Row(
        name=name,
        value=round(value, 4),
        unit=unit,
        reference=None if reference is None else round(reference, 4),
        ratio=None if ratio is None else round(ratio, 4),
        target=target,
        ok=ok,
    )


def publish(rows: Iterable[Row], path: Path) -> int:
    """Tell of each figure when it is there, print the table, write the file; 0 if every promise was kept.

    The file has every figure there is by then, should the rest be given up.
    """
    done: list[Row] = []
    path.parent.mkdir(parents=True, exist_ok=True)
    progress = Console(stderr=True)
    for each in rows:
        done.append(each)
        progress.print(f"{each.name}: {each.value:g} {each.unit}", highlight=False, markup=False)
        path.write_text(json.dumps([asdict(row) for row in done], indent=2) + "\n")
    Console(width=140).print(_table(done))
    return 0 if all(each.ok is not False for each in done) else 1


def _table(rows: Sequence[Row]) -> Table:
    table = Table("measurement", "value", "reference", "ratio", "target", "", box=None, pad_edge=False)
    for each in rows:
        mark = {True: "[green]ok[/]", False: "[red]missed[/]", None: ""}[each.ok]
        reference = "" if each.reference is None else f"{each.reference:g} {each.unit}"
        ratio = "" if each.ratio is None else f"{each.ratio:.2f}x"
        table.add_row(each.name, f"{each.value:g} {each.unit}", reference, ratio, each.target or "", mark)
    return table
