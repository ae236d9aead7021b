"""The flags that several commands share are the contract's options, with its defaults and bounds."""

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from consumer.cli.options import picture_options, with_options
from storage.records.manifest import Options


def given(*words: str) -> dict[str, Any] | None:
    """What a command gets of the flags in `words`; None where they are refused."""
    got: list[dict[str, Any]] = []
    app = typer.Typer()

    @app.command()
    @with_options(picture_options)
    def command(options: dict[str, Any]) -> None:
        got.append(options)

    return got[0] if CliRunner().invoke(app, list(words)).exit_code == 0 else None


def test_without_flags_a_job_has_the_contracts_own_defaults() -> None:
    options = given()
    assert options is not None
    assert Options.model_validate(options) == Options()


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (("--swap-strength", "0.8"), "swap_strength", 0.8),
        (("--pixel-boost", "512"), "pixel_boost", 512),
        (("--enhancer-strength", "0.25"), "enhancer_strength", 0.25),
    ],
)
def test_a_flag_says_what_its_option_says(words: tuple[str, ...], name: str, value: object) -> None:
    options = given(*words)
    assert options is not None
    assert Options.model_validate(options) == Options.model_validate({name: value})


@pytest.mark.parametrize(
    "words", [("--swap-strength", "1.1"), ("--enhancer-strength", "-0.1"), ("--pixel-boost", "1025")]
)
def test_what_the_contract_would_refuse_is_refused_before_anything_is_sent(words: tuple[str, ...]) -> None:
    assert given(*words) is None
