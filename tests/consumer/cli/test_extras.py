"""Commands that need an extra which is not installed: a sentence, no traceback."""

import importlib.util
import sys

import pytest
from typer.testing import CliRunner

from consumer.app import Consumer
from consumer.cli.app import app
from consumer.config.settings import Settings, SettingsError


def test_a_worker_for_runpod_without_its_sdk_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "consumer.cli.runpod", raising=False)
    monkeypatch.setitem(sys.modules, "runpod", None)
    told = CliRunner().invoke(app, ["runpod"])
    assert (told.exit_code, "pip install 'swapdrop[runpod]'" in told.stderr) == (2, True)


def test_traces_without_their_sdk_are_a_fault_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "consumer.app.find_spec", lambda name: None if name == "opentelemetry" else find_spec(name)
    )
    with pytest.raises(SettingsError, match="swapdrop\\[otel\\]"):
        Consumer(Settings(bucket="pictures", traces="otlp"))
