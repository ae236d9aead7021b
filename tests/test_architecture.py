"""The map of the house in docs/architecture.md is true, and nothing in it goes round in circles."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("consumer", "pipeline", "storage", "models")
_ROW = re.compile(r"^\| `(?P<room>[a-z_]+/[a-z_]+)` \| (?P<what>[^|]+) \| (?P<uses>[^|]*) \|$")


def modules() -> Iterator[tuple[str, Path]]:
    """Every module with its file, but for the scripts that convert weights."""
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            if "conversion" not in file.parts:
                name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
                yield name.removesuffix(".__init__"), file


MODULES = dict(modules())


def room(module: str) -> str | None:
    """The room of a module: its folder within the package, or itself where it lies beside the folders."""
    parts = module.split(".")
    return "/".join(parts[:2]) if len(parts) > 1 else None


def imported(file: Path) -> Iterator[str]:
    """The modules of the house that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        yield from (name for name in names if name in MODULES)


def uses() -> Mapping[str, set[str]]:
    """Which rooms of its own package each room imports."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for module, file in MODULES.items():
        here = room(module)
        if here is None or module.endswith("__main__"):
            continue
        found[here] |= set()
        for other in map(room, imported(file)):
            if other is not None and other != here and other.split("/")[0] == here.split("/")[0]:
                found[here].add(other)
    return found


def described() -> dict[str, set[str]]:
    """What the map says of each room."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [match for line in text.splitlines() if (match := _ROW.match(line))]
    return {
        row["room"]: {f"{row['room'].split('/')[0]}/{name}" for name in re.findall(r"[a-z_]+", row["uses"])}
        for row in rows
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_the_map_shows_every_room_and_every_arrow_of_a_package(package: str) -> None:
    there = {name: others for name, others in uses().items() if name.startswith(f"{package}/")}
    shown = {name: others for name, others in described().items() if name.startswith(f"{package}/")}
    assert shown == there


def test_no_room_uses_itself_by_way_of_others() -> None:
    arrows = uses()

    def beyond(start: str, seen: set[str]) -> set[str]:
        for other in arrows[start] - seen:
            seen.add(other)
            beyond(other, seen)
        return seen

    assert {name for name in arrows if name in beyond(name, set())} == set()


def test_the_named_places_for_something_new_are_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:consumer|pipeline|storage|models|infra)/[\w/.-]+)`", text))
    rooms = set(described())
    missing = {
        path
        for path in named - rooms
        if not ((ROOT / path).exists() or (ROOT / path).with_suffix(".py").exists())
    }
    assert not missing
