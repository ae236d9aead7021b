"""`swapdrop models` as people and programs call it, with the operator's bucket as the source."""

import json
import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from storage.stores.s3_settings import S3Settings
from tests.support.command import Ended
from tests.support.command import swapdrop as command
from tests.support.mirrors import MODEL, version
from tests.support.s3_servers import plain_client

Swapdrop = Callable[..., Ended]

_SHA256 = version(MODEL)["sha256"]
_OWN = f"""
[files."tiny.onnx"]
licence = "cc-by-nc-4"

[[files."tiny.onnx".versions]]
revision = "1"
bytes = {len(MODEL)}
sha256 = "{_SHA256}"
mirrors = ["https://mirror.invalid/tiny.onnx"]

[engines.tiny]
kind = "occluder"
files = {{ occluder = "tiny.onnx" }}
input_size = 8
template = "ffhq_512"
"""


@pytest.fixture
def swapdrop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Swapdrop:
    """Run `swapdrop models …` with an own catalogue, an own folder and nothing of the environment's."""
    (tmp_path / "own.toml").write_text(_OWN)
    for name in ("R2_BUCKET", "R2_BUCKET_NAME", "AWS_BUCKET", "S3_BUCKET", "SWAPDROP_BUCKET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("SWAPDROP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SWAPDROP_CATALOGUE", str(tmp_path / "own.toml"))
    monkeypatch.setenv("SWAPDROP_LOG_FORMAT", "json")
    return partial(command, "models")


@pytest.fixture
def swapdrop_with_bucket(
    swapdrop: Swapdrop, moto_s3: S3Settings, monkeypatch: pytest.MonkeyPatch
) -> Swapdrop:
    """The same with a bucket that has `tiny.onnx`."""
    settings = replace(moto_s3, bucket=f"models-{secrets.token_hex(6)}")
    client = plain_client(settings)
    client.create_bucket(Bucket=settings.bucket)
    client.put_object(Bucket=settings.bucket, Key="models/tiny.onnx", Body=MODEL)
    monkeypatch.setenv("R2_BUCKET", settings.bucket)
    monkeypatch.setenv("R2_ENDPOINT_URL", settings.endpoint_url or "")
    monkeypatch.setenv("R2_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("R2_SECRET_ACCESS_KEY", "secret")
    return swapdrop


def test_pull_shows_the_licence_once_and_prints_where_the_file_lies(
    swapdrop_with_bucket: Swapdrop, tmp_path: Path
) -> None:
    swapdrop = swapdrop_with_bucket
    refused = swapdrop("pull", "tiny")
    assert refused.exit_code == 1
    assert "https://creativecommons.org/licenses/by-nc/4.0/" in refused.stderr
    assert "--accept-license" in refused.stderr
    assert not (tmp_path / "models").exists()

    pulled = swapdrop("pull", "tiny", "--accept-license")
    assert (pulled.exit_code, pulled.stdout) == (0, f"{tmp_path / 'models/tiny.onnx'}\n")
    assert '"done_bytes": 20000, "total_bytes": 20000' in pulled.stderr

    assert swapdrop("rm", "tiny").stdout == f"removed {tmp_path / 'models/tiny.onnx'}\n"
    again = swapdrop("pull", "tiny")
    assert again.exit_code == 0
    assert "creativecommons" not in again.stderr


def test_pull_without_any_source_says_what_was_tried(
    swapdrop: Swapdrop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWAPDROP_OFFLINE", "1")
    failed = swapdrop("pull", "tiny", "--accept-license")
    assert failed.exit_code == 1
    assert "offline mode is on; put tiny.onnx into a folder of the search path." in failed.stderr


def test_a_file_without_a_checksum_is_not_pulled(swapdrop: Swapdrop) -> None:
    failed = swapdrop("pull", "simswap_256.onnx", "--accept-license")
    assert failed.exit_code == 1
    assert "simswap_256.onnx cannot be verified: no checksum is known" in failed.stderr


def test_verify_tells_good_from_bad_and_whose_figures_they_are(swapdrop: Swapdrop, tmp_path: Path) -> None:
    empty = swapdrop("verify")
    assert (empty.exit_code, empty.stdout) == (
        0,
        "No model file is here; `swapdrop models pull` gets them.\n",
    )
    assert swapdrop("verify", "tiny").exit_code == 1

    path = tmp_path / "models/tiny.onnx"
    path.parent.mkdir()
    path.write_bytes(MODEL)
    good = swapdrop("verify")
    assert good.exit_code == 0
    assert f"tiny.onnx: {path}, 1 (figures from a third party, not checked by us)" in good.stdout

    path.write_bytes(MODEL[:-1])
    bad = swapdrop("verify")
    assert bad.exit_code == 1
    assert f"{path.parent}: 19999 bytes long instead of 20000" in bad.stdout
    described = json.loads(swapdrop("verify", "--json").stdout)
    assert described["tiny.onnx"]["state"] == "bad"


def test_where_prints_a_path_for_programs_and_reasons_for_people(swapdrop: Swapdrop, tmp_path: Path) -> None:
    nowhere = swapdrop("where", "tiny.onnx")
    assert (nowhere.exit_code, nowhere.stdout) == (1, "")
    assert f"{tmp_path / 'models'}: no such folder" in nowhere.stderr
    (tmp_path / "cache/models").mkdir(parents=True)
    (tmp_path / "cache/models/tiny.onnx").write_bytes(MODEL)
    found = swapdrop("where", "tiny.onnx")
    assert (found.exit_code, found.stdout) == (0, f"{tmp_path / 'cache/models/tiny.onnx'}\n")
    assert swapdrop("where").stdout.splitlines()[0] == str(tmp_path / "models")


def test_list_names_every_engine_and_what_it_lacks(swapdrop: Swapdrop) -> None:
    page = swapdrop("list")
    assert page.exit_code == 0
    assert "lacks 3 of 3 files" in page.stdout
    assert "GPEN: no commercial use" in page.stdout
    files = json.loads(swapdrop("list", "--json").stdout)
    assert files["w600k_r50.onnx"]["state"] == "missing"
    assert "inswapper_128_fp16" in files["w600k_r50.onnx"]["engines"]
    assert files["gfpgan_1.4.onnx"]["verifiable"] is True
    assert "buffalo_l.zip" not in files


def test_list_says_of_what_cannot_be_verified_why(swapdrop: Swapdrop) -> None:
    words = " ".join(swapdrop("list").stdout.split())
    files = json.loads(swapdrop("list", "--json").stdout)
    unverified = {name: file["note"] for name, file in files.items() if not file["verifiable"]}
    assert set(unverified) == {"ghost_1_256.onnx", "crossface_ghost.onnx", "simswap_256.onnx"}
    assert all(unverified.values())
    assert words.count("no checksum is known:") == 3
    assert "cannot be had: no checksum of simswap_256.onnx is known" in words


def test_rm_also_removes_what_is_left_of_a_broken_download(swapdrop: Swapdrop, tmp_path: Path) -> None:
    part = tmp_path / "models/.tiny.onnx.part"
    part.parent.mkdir()
    part.write_bytes(b"half")
    nothing = swapdrop("rm", "tiny.onnx")
    assert nothing.exit_code == 1
    assert "nothing to remove of tiny.onnx" in nothing.stderr
    assert not part.exists()


@pytest.mark.parametrize("command", ["pull", "verify", "where", "rm"])
def test_an_unknown_name_is_a_usage_error_that_lists_the_known_ones(swapdrop: Swapdrop, command: str) -> None:
    refused = swapdrop(command, "inswaper")
    assert refused.exit_code == 2
    assert "inswaper is not in the catalogue; it knows" in refused.stderr
    assert "inswapper_128_fp16" in refused.stderr


def test_help_does_not_load_what_only_the_commands_need() -> None:
    heavy = "{'requests', 'boto3', 'pydantic', 'numpy', 'onnxruntime', 'models.catalogue'}"
    code = f"import sys, consumer.cli.app; print(sorted({heavy} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"
