"""The page that says what a job survives tells the truth about its tests."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/reliability.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
FAULTS = PAGE.partition("| fault |")[2].partition("\n\n")[0]
ROWS = [line for line in FAULTS.splitlines() if line.startswith("| ")]


@pytest.mark.parametrize("path", sorted({path for path, _ in NAMED}))
def test_every_test_that_the_page_names_exists(path: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert {name for named, name in NAMED if named == path} <= there


def test_every_fault_has_a_test_and_a_result() -> None:
    assert len(ROWS) >= 18
    for row in ROWS:
        _fault, tests, result = row.strip("| ").split(" | ")
        assert re.search(r"`tests/[\w/]+\.py::\w+`", tests), row
        assert result, row
