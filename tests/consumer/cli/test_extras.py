"""Commands that need an extra which is not installed: a sentence, no traceback."""

import sys

import pytest
from typer.testing import CliRunner

from consumer.cli.app import app


def test_a_worker_for_runpod_without_its_sdk_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "consumer.cli.runpod", raising=False)
    monkeypatch.setitem(sys.modules, "runpod", None)
    told = CliRunner().invoke(app, ["runpod"])
    assert (told.exit_code, "uv pip install --python" in told.stderr) == (2, True)
