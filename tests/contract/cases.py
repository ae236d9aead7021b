"""The cases that the Worker's tests and the consumer's share, written once, in infra/worker/test/contract."""

import json
from typing import Any

import pytest

from tests.contract.document import WORKER

_FOLDER = WORKER / "test" / "contract"


def content(name: str) -> Any:  # noqa: ANN401 -- any JSON
    """One file of cases."""
    return json.loads((_FOLDER / name).read_text(encoding="utf-8"))


def cases(name: str) -> list[Any]:
    """The cases of a file, for pytest, by their names."""
    return [pytest.param(case, id=case["name"]) for case in content(name)]
