"""A certificate that validators would refuse is refused before it signs, with a sentence for each fault."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, SECP384R1
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from pipeline.signing.certificates import CertificateUnusable, Chain, check_chain, read_chain, read_key
from pipeline.signing.trial_chain import write_trial_chain
from tests.support.certificates import Wanted, but, hierarchy, issue

NOW = datetime.now(UTC)
C2PA_SIGNING = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
DAY = timedelta(days=1)


def faults(chain: Chain, key: object = None) -> str:
    try:
        check_chain(chain, key, NOW)  # type: ignore[arg-type] # a public key
    except CertificateUnusable as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "wanted",
    [Wanted(), but(curve=SECP384R1()), but(purposes=(ExtendedKeyUsageOID.EMAIL_PROTECTION, C2PA_SIGNING))],
)
def test_what_c2pa_takes_is_taken(wanted: Wanted) -> None:
    made = hierarchy(wanted)
    assert faults(made.chain, made.signer.key.public_key()) == ""
    assert made.chain.name == "Test Signer"
    assert made.chain.expires_at == made.signer.certificate.not_valid_after_utc


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (but(begins=-2 * DAY, ends=-DAY), "has expired on"),
        (but(begins=DAY), "is not valid before"),
        (but(purposes=(ExtendedKeyUsageOID.SERVER_AUTH,)), "is for another purpose"),
        (but(purposes=(C2PA_SIGNING,)), "is for another purpose"),
        (but(purposes=()), "is for another purpose"),
        (
            but(purposes=(ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)),
            "any purpose",
        ),
        (but(signs=False), "may not be used for signatures"),
        (but(is_authority=True), "is that of an authority"),
        (but(curve=SECP256K1()), "is not on the curve"),
    ],
)
def test_each_fault_has_its_sentence(wanted: Wanted, sentence: str) -> None:
    told = faults(hierarchy(wanted).chain)
    assert sentence in told
    assert "Test Signer" in told


def test_one_that_signed_itself_is_refused() -> None:
    alone = issue(Wanted())
    assert "signed by itself" in faults(Chain(certificates=(alone.certificate,)))


def test_the_key_of_another_certificate_is_refused() -> None:
    assert "does not belong" in faults(hierarchy().chain, hierarchy().signer.key.public_key())


def test_certificates_in_the_wrong_order_are_refused() -> None:
    made = hierarchy()
    swapped = Chain(certificates=(made.authority.certificate, made.signer.certificate))
    assert "is not signed by that of" in faults(swapped)


def test_all_faults_are_told_at_once() -> None:
    told = faults(hierarchy(but(begins=-2 * DAY, ends=-DAY, purposes=())).chain)
    assert "has expired" in told
    assert "another purpose" in told


def test_files_that_are_none_are_named_and_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "file.pem"
    with pytest.raises(CertificateUnusable, match=r"file\.pem cannot be read"):
        read_chain(path)
    path.write_text("SECRET")
    for read in (read_chain, read_key):
        with pytest.raises(CertificateUnusable, match=r"file\.pem holds no") as caught:
            read(path)
        assert "SECRET" not in str(caught.value)
    locked = hierarchy().signer.key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    path.write_bytes(locked)
    with pytest.raises(CertificateUnusable, match="locked with a password"):
        read_key(path)
    rsa = generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(CertificateUnusable, match="not on the curve"):
        read_key(path)


def test_the_chain_to_try_with_is_as_it_should_be_and_its_key_is_its_owners_alone(tmp_path: Path) -> None:
    write_trial_chain(tmp_path / "new", NOW)
    chain, key = read_chain(tmp_path / "new" / "chain.pem"), read_key(tmp_path / "new" / "key.pem")
    check_chain(chain, key.public_key(), NOW)
    assert (tmp_path / "new" / "key.pem").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        write_trial_chain(tmp_path / "new", NOW)
