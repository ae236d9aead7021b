"""What the doctor says of signing results, before a job finds out."""

from datetime import timedelta
from pathlib import Path

from consumer.cli.doctor_signing import signing_findings
from consumer.config.settings import Settings
from tests.support.certificates import Hierarchy, but, hierarchy
from tests.support.ports import free_port


def settings_of(made: Hierarchy, folder: Path, **changes: object) -> Settings:
    written = {name.removeprefix("SWAPDROP_").lower(): path for name, path in made.write(folder).items()}
    return Settings.model_validate({**written, **changes})


def test_where_nothing_is_signed_there_is_nothing_to_say() -> None:
    assert signing_findings(Settings()) == []


def test_a_signer_that_signs_is_fine_and_tells_until_when(tmp_path: Path) -> None:
    made = hierarchy()
    [finding] = signing_findings(settings_of(made, tmp_path))
    assert finding.state == "ok"
    assert f"{made.chain.expires_at:%Y-%m-%d}" in finding.detail


def test_a_certificate_that_expires_soon_is_degraded(tmp_path: Path) -> None:
    [finding] = signing_findings(settings_of(hierarchy(but(ends=timedelta(days=3))), tmp_path))
    assert finding.state == "degraded"
    assert "renew" in finding.fix


def test_a_certificate_that_will_not_do_is_broken(tmp_path: Path) -> None:
    [finding] = signing_findings(settings_of(hierarchy(but(purposes=())), tmp_path))
    assert finding.state == "broken"
    assert "another purpose" in finding.detail


def test_an_authority_that_does_not_stamp_is_broken_and_named(tmp_path: Path) -> None:
    away = f"http://127.0.0.1:{free_port()}/"
    [finding] = signing_findings(settings_of(hierarchy(), tmp_path, c2pa_tsa=away))
    assert finding.state == "broken"
    assert away in finding.detail
    assert "SWAPDROP_C2PA_TSA" in finding.fix
