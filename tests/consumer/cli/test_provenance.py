"""From certificates to try with to a signed result that `verify` explains, as people type it."""

import json
from pathlib import Path

import pytest

from tests.support.certificates import hierarchy
from tests.support.command import Ended, swapdrop
from tests.support.faces import astronaut, hopper
from tests.support.pictures import save, to_image


def swapped(folder: Path, environment: dict[str, str]) -> Ended:
    (folder / "source.png").write_bytes(save(to_image(hopper()), "PNG"))
    (folder / "target.png").write_bytes(save(to_image(astronaut()), "PNG"))
    words = (folder / "source.png", folder / "target.png", "-o", folder / "out.jpg", "--engine", "mesh")
    return swapdrop("swap", *words, environment=environment)


def test_what_init_prints_signs_and_is_trusted_and_a_changed_result_is_told(tmp_path: Path) -> None:
    made = swapdrop("provenance", "init", tmp_path / "signing")
    assert made.exit_code == 0
    environment = dict(line.split("=", 1) for line in made.stdout.splitlines())
    assert swapped(tmp_path, environment).exit_code == 0
    result = tmp_path / "out.jpg"
    ended = swapdrop("verify", result, environment=environment)
    assert ended.exit_code == 0
    for words in (
        "somebody who is trusted here",
        "swapdrop trial signer",
        "target, what was changed",
        "job ",
    ):
        assert words in ended.stdout
    assert "nobody here knows by whom" in swapdrop("verify", result, environment={}).stdout
    body = result.read_bytes()
    result.write_bytes(body[:-100] + bytes((body[-100] ^ 1,)) + body[-99:])
    changed = swapdrop("verify", result, environment=environment)
    assert changed.exit_code == 1
    assert "does not hold: the file was changed after it was signed" in changed.stdout
    found = json.loads(swapdrop("verify", result, "--json", environment=environment).stdout)
    assert found["signature"]["state"] == "invalid"
    assert found["marked"] is True


def test_certificates_that_are_there_are_not_replaced(tmp_path: Path) -> None:
    assert swapdrop("provenance", "init", tmp_path).exit_code == 0
    key = (tmp_path / "key.pem").read_bytes()
    again = swapdrop("provenance", "init", tmp_path)
    assert again.exit_code == 1
    assert "is there already" in again.stderr
    assert (tmp_path / "key.pem").read_bytes() == key


def test_a_signer_that_will_not_do_is_a_sentence_before_anything_is_done(tmp_path: Path) -> None:
    environment = hierarchy().write(tmp_path)
    (tmp_path / "key.pem").write_bytes(hierarchy().signer.key_pem)
    ended = swapped(tmp_path, environment)
    assert ended.exit_code == 2
    assert "The private key does not belong to the certificate of Test Signer" in ended.stderr
    assert not (tmp_path / "out.jpg").exists()


@pytest.mark.parametrize("words", [("verify",), ("swap",)])
def test_roots_that_are_not_there_are_a_sentence(tmp_path: Path, words: tuple[str, ...]) -> None:
    environment = {**hierarchy().write(tmp_path), "SWAPDROP_C2PA_TRUST": str(tmp_path / "none.pem")}
    (tmp_path / "target.png").write_bytes(save(to_image(astronaut()), "PNG"))
    if words == ("swap",):
        ended = swapped(tmp_path, environment)
    else:
        ended = swapdrop("verify", tmp_path / "target.png", environment=environment)
    assert ended.exit_code == 2
    assert "SWAPDROP_C2PA_TRUST" in ended.stderr
