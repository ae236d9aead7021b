"""The flags that several commands share are the contract's options, with its defaults and bounds."""

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from consumer.cli.options import consent_options, picture_options, with_options
from storage.records.manifest import Consent, Options


def given(*words: str) -> dict[str, Any] | None:
    """What a command gets of the flags in `words`; None where they are refused."""
    got: list[dict[str, Any]] = []
    app = typer.Typer()

    @app.command()
    @with_options(options=picture_options, consent=consent_options)
    def command(options: dict[str, Any], consent: dict[str, Any]) -> None:
        got.append({**options, "consent": consent})

    return got[0] if CliRunner().invoke(app, list(words)).exit_code == 0 else None


def test_without_flags_a_job_has_the_contracts_own_defaults() -> None:
    options = given()
    assert options is not None
    assert options.pop("consent") == {}
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
    assert options.pop("consent") == {}
    assert Options.model_validate(options) == Options.model_validate({name: value})


def test_consent_is_attested_with_ids_of_the_senders_own_or_not_at_all() -> None:
    alone, named = (
        given("--consent"),
        given("--consent", "--consent-by", "u-7", "--consent-reference", "form 3"),
    )
    assert alone is not None
    assert named is not None
    assert Consent.model_validate(alone["consent"]) == Consent(attested=True)
    assert Consent.model_validate(named["consent"]) == Consent(attested=True, by="u-7", reference="form 3")
    assert given("--consent-by", "u-7") is None


@pytest.mark.parametrize(
    "words", [("--swap-strength", "1.1"), ("--enhancer-strength", "-0.1"), ("--pixel-boost", "1025")]
)
def test_what_the_contract_would_refuse_is_refused_before_anything_is_sent(words: tuple[str, ...]) -> None:
    assert given(*words) is None
