"""Results are signed by a key in AWS KMS as by one in a file, and whatever keeps it from signing is told."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from consumer.cli.doctor_signing import signing_findings
from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from consumer.jobs.signer import open_signer
from pipeline.media.sniff import SNIFF_BYTES, sniff
from pipeline.signing.reading import read_signature
from storage.stores.memory_store import MemoryStore
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.engines import FlatEngine
from tests.support.jobs import announce, ended, reached, running, upload_pair
from tests.support.kms_servers import REGION, LocalKms, kms_server
from tests.support.ports import free_port


@pytest.fixture(scope="module")
def server() -> Iterator[LocalKms]:
    with kms_server() as found:
        yield found


@pytest.fixture
def kms(server: LocalKms, monkeypatch: pytest.MonkeyPatch) -> LocalKms:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server


def settings_of(made: Hierarchy, folder: Path, key: str) -> dict[str, str]:
    written = {name.removeprefix("SWAPDROP_").lower(): path for name, path in made.write(folder).items()}
    return {**written, "c2pa_key": f"awskms:///{key}"}


def refusal(made: Hierarchy, folder: Path, key: str) -> str:
    """The sentence with which a start ends."""
    with pytest.raises(SettingsError, match="SWAPDROP_C2PA_KEY") as caught:
        open_signer(Settings.model_validate(settings_of(made, folder, key)))
    return str(caught.value)


@contextmanager
def refusing(code: str, *, after: bytes | None = None) -> Iterator[str]:
    """A KMS that answers with an error, or first once with a public key (DER); gives its address."""
    answers = [] if after is None else [after]

    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, body = (200, answers.pop()) if answers else (400, json.dumps({"__type": code}).encode())
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Tests say themselves what went wrong."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{http.server_address[1]}"
        finally:
            http.shutdown()


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "ECC_NIST_P384"])
async def test_a_job_is_signed_by_a_key_that_stays_where_it_is(
    tmp_path: Path, kms: LocalKms, spec: str
) -> None:
    arn = kms.key(spec)
    made, store = hierarchy(public=kms.public(arn)), MemoryStore()
    async with running(store, FlatEngine(), **settings_of(made, tmp_path, arn)):
        status = await ended(store, await announce(store, await upload_pair(store)))
    assert status.result is not None, status.error
    body = (await store.get(status.result.key, max_bytes=10**6)).body
    (tmp_path / "result").write_bytes(body)
    signature = read_signature(tmp_path / "result", sniff(body[:SNIFF_BYTES]), anchors=made.root.pem)
    assert signature is not None
    assert (signature.state, signature.signed_by) == ("trusted", "Test Signer")
    assert arn.encode() not in body


def test_a_key_is_found_by_its_alias_in_the_region_of_the_environment(tmp_path: Path, kms: LocalKms) -> None:
    arn = kms.key()
    kms.client.create_alias(AliasName="alias/marks", TargetKeyId=arn)
    made = hierarchy(public=kms.public(arn))
    settings = Settings.model_validate(settings_of(made, tmp_path, "alias/marks"))
    assert open_signer(settings) is not None
    [finding] = signing_findings(settings)
    assert finding.state == "ok"
    assert "by a key in AWS KMS (alias/marks)" in finding.detail


@pytest.mark.parametrize(
    ("spec", "usage"),
    [
        ("RSA_2048", "SIGN_VERIFY"),
        ("ECC_SECG_P256K1", "SIGN_VERIFY"),
        ("ECC_NIST_P256", "KEY_AGREEMENT"),
    ],
)
def test_a_key_of_another_kind_ends_the_start(tmp_path: Path, kms: LocalKms, spec: str, usage: str) -> None:
    told = refusal(hierarchy(), tmp_path, kms.key(spec, usage))
    assert "make one with the usage SIGN_VERIFY and the spec ECC_NIST_P256" in told


def test_the_key_of_another_certificate_ends_the_start(tmp_path: Path, kms: LocalKms) -> None:
    assert "does not belong to the certificate" in refusal(hierarchy(), tmp_path, kms.key())


def test_a_key_that_is_not_there_ends_the_start(tmp_path: Path, kms: LocalKms) -> None:
    assert "There is no such key in this region" in refusal(hierarchy(), tmp_path, "alias/none")
    assert kms.url


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("AccessDeniedException", "allow them kms:GetPublicKey and kms:Sign"),
        ("UnrecognizedClientException", "These credentials are not accepted"),
        ("DisabledException", "The key is disabled"),
        ("UnsupportedOperationException", "cannot sign as C2PA wants it"),  # a symmetric key's answer
        ("SomethingNewException", "refused the request (SomethingNewException)"),
    ],
)
def test_each_refusal_has_its_sentence(
    tmp_path: Path, kms: LocalKms, monkeypatch: pytest.MonkeyPatch, code: str, sentence: str
) -> None:
    with refusing(code) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", address)
        told = refusal(hierarchy(), tmp_path, "alias/marks")
    assert "The key alias/marks in AWS KMS" in told
    assert sentence in told
    assert kms.url


def test_a_service_that_is_not_there_is_told_by_its_address(
    tmp_path: Path, kms: LocalKms, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", away)
    told = refusal(hierarchy(), tmp_path, "alias/marks")
    assert "AWS KMS cannot be asked" in told
    assert away in told
    assert kms.url


def test_without_a_region_or_credentials_that_is_what_is_asked_for(
    tmp_path: Path, kms: LocalKms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "name the key by its ARN, or set AWS_REGION" in refusal(hierarchy(), tmp_path, "alias/marks")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    arn = f"arn:aws:kms:{REGION}:123456789012:alias/marks"
    assert "There are no credentials for AWS KMS" in refusal(hierarchy(), tmp_path, arn)
    assert kms.url


async def test_a_key_that_is_taken_away_fails_jobs_for_a_while_and_the_sender_is_not_told_why(
    tmp_path: Path, kms: LocalKms, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = kms.key()
    made, store = hierarchy(public=kms.public(arn)), MemoryStore()
    known = json.dumps(_public_answer(kms, arn)).encode()
    with refusing("AccessDeniedException", after=known) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", address)
        async with running(store, FlatEngine(), **settings_of(made, tmp_path, arn)):
            job = await announce(store, await upload_pair(store))
            status = await reached(store, job, lambda status: status.error is not None)
    assert status.error is not None
    assert (status.error.code, status.error.retryable) == ("output_invalid", True)
    assert "could not be signed" in status.error.message
    assert "KMS" not in status.model_dump_json()
    assert not (await store.list("results/")).objects


def _public_answer(kms: LocalKms, arn: str) -> dict[str, str]:
    answer = kms.client.get_public_key(KeyId=arn)
    return {"KeyUsage": answer["KeyUsage"], "PublicKey": base64.b64encode(answer["PublicKey"]).decode()}
