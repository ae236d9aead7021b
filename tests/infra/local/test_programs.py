"""The local stack's consumer and Worker speak of the same bucket, and of nothing else that is set here."""

from pathlib import Path

import pytest

from consumer.config.environment import load_settings
from infra.local.programs import WORKER, Stack
from tests.support.jsonc import read_jsonc


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(port=8788, health_port=8789, data=tmp_path)


def test_the_consumer_is_given_the_bucket_and_the_key_of_the_workers_configuration(stack: Stack) -> None:
    [bucket] = read_jsonc(WORKER / "wrangler.jsonc")["r2_buckets"]
    credentials = bucket["local_dev"]["experimental_s3_credentials"]
    environ = stack.consumer().environ
    assert environ["R2_BUCKET"] == bucket["bucket_name"]
    assert environ["R2_ACCESS_KEY_ID"] == credentials["accessKeyId"]
    assert environ["R2_SECRET_ACCESS_KEY"] == credentials["secretAccessKey"]


def test_the_consumer_understands_its_settings_and_heeds_none_of_this_machine(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("R2_ACCOUNT_ID", "AWS_PROFILE", "SWAPDROP_QUEUE", "S3_BUCKET"):
        monkeypatch.setenv(name, "of-another-service")
    settings = load_settings(stack.consumer().environ)
    assert settings.endpoint_url == "http://127.0.0.1:8788/cdn-cgi/local/r2/s3"
    assert (settings.account_id, settings.queue, settings.health_port) == (None, None, 8789)
    assert settings.offline


def test_with_a_folder_of_certificates_results_are_signed_and_the_page_trusts_them(tmp_path: Path) -> None:
    stack = Stack(port=8788, health_port=8789, data=tmp_path, signing=tmp_path / "signing")
    settings = load_settings(stack.consumer().environ)
    assert settings.c2pa_chain == tmp_path / "signing" / "chain.pem"
    assert settings.c2pa_key == str(tmp_path / "signing" / "key.pem")
    assert stack.page().environ["SWAPDROP_C2PA_TRUST"] == str(tmp_path / "signing" / "root.pem")


def test_without_one_the_page_trusts_nobody_whatever_is_set_here(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWAPDROP_C2PA_TRUST", "of-another-service.pem")
    assert "SWAPDROP_C2PA_TRUST" not in stack.page().environ
