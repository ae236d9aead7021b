"""The certificates that results are signed with: read, and checked before the first result needs them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# C2PA specification 2.1, 13.2.1; a key of any other kind is refused here.
CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_MAX_BYTES: Final = 1 << 20

E = TypeVar("E", bound=x509.ExtensionType)


class CertificateUnusable(ValueError):
    """Results cannot be signed with these certificates; the message has a sentence for each fault."""


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A signer's certificate and those between it and its root, in this order."""

    certificates: tuple[x509.Certificate, ...]

    @property
    def leaf(self) -> x509.Certificate:
        """The signer's own."""
        return self.certificates[0]

    @property
    def pem(self) -> str:
        """All of them."""
        return "".join(each.public_bytes(Encoding.PEM).decode() for each in self.certificates)

    @property
    def name(self) -> str:
        """Whose name it bears."""
        return _name(self.leaf)

    @property
    def expires_at(self) -> datetime:
        """When the first of them expires."""
        return min(each.not_valid_after_utc for each in self.certificates)


def read_chain(path: Path) -> Chain:
    """Read a PEM file of certificates; raises CertificateUnusable, naming the file."""
    body = _read(path)
    try:
        certificates = x509.load_pem_x509_certificates(body)
    except ValueError as error:
        raise CertificateUnusable(f"{path} holds no certificates in PEM.") from error
    return Chain(certificates=tuple(certificates))


def read_key(path: Path) -> EllipticCurvePrivateKey:
    """Read a PEM file with a private key on an elliptic curve; raises CertificateUnusable, naming it."""
    body = _read(path)
    try:
        key = load_pem_private_key(body, password=None)
    except TypeError:
        raise CertificateUnusable(f"The key in {path} is locked with a password; unlock it.") from None
    except ValueError:  # whose text may tell of the key
        raise CertificateUnusable(f"{path} holds no private key in PEM.") from None
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name not in CURVES:
        raise CertificateUnusable(
            f"The key in {path} is not on the curve P-256, P-384 or P-521; make one that is."
        )
    return key


def check_chain(chain: Chain, key: EllipticCurvePublicKey | None, now: datetime) -> None:
    """Refuse what validators would refuse; raises CertificateUnusable with a sentence for each fault.

    Args:
        chain: what results are to be signed with.
        key: the public half of the key that signs, None where that is not known.
        now: aware.
    """
    faults = [*_faults_of_leaf(chain.leaf, key), *_faults_of_order(chain.certificates)]
    faults += [fault for each in chain.certificates for fault in _faults_of_time(each, now)]
    if faults:
        raise CertificateUnusable(" ".join(faults))


def _faults_of_leaf(leaf: x509.Certificate, key: EllipticCurvePublicKey | None) -> Iterator[str]:
    name, own = _name(leaf), leaf.public_key()
    if not isinstance(own, EllipticCurvePublicKey) or own.curve.name not in CURVES:
        yield f"The key of the certificate of {name} is not on the curve P-256, P-384 or P-521."
    elif key is not None and own.public_numbers() != key.public_numbers():
        yield f"The private key does not belong to the certificate of {name}, the first of its file."
    if leaf.issuer == leaf.subject:
        yield f"The certificate of {name} is signed by itself; C2PA wants one that an authority has signed."
    constraints = _extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        yield f"The certificate of {name} is that of an authority, and must be that of a signer."
    usage = _extension(leaf, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        yield f"The certificate of {name} may not be used for signatures (key usage digitalSignature)."
    extended = _extension(leaf, x509.ExtendedKeyUsage)
    if extended is None or ExtendedKeyUsageOID.EMAIL_PROTECTION not in extended:
        yield (
            f"The certificate of {name} is for another purpose: its extended key usage must have "
            "emailProtection (1.3.6.1.5.5.7.3.4), which C2PA goes by."
        )
    if extended is not None and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in extended:
        yield f"The certificate of {name} is for any purpose, which C2PA forbids."


def _faults_of_order(certificates: Sequence[x509.Certificate]) -> Iterator[str]:
    for each, following in pairwise(certificates):
        try:
            each.verify_directly_issued_by(following)
        except (ValueError, TypeError, InvalidSignature):
            yield (
                f"The certificate of {_name(each)} is not signed by that of {_name(following)}, which "
                "follows; the file must have the signer's own first and then each one's issuer."
            )


def _faults_of_time(each: x509.Certificate, now: datetime) -> Iterator[str]:
    if now > each.not_valid_after_utc:
        expired = f"{each.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        yield f"The certificate of {_name(each)} has expired on {expired}; renew it."
    if now < each.not_valid_before_utc:
        begins = f"{each.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        yield f"The certificate of {_name(each)} is not valid before {begins}."


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _name(certificate: x509.Certificate) -> str:
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        for attribute in certificate.subject.get_attributes_for_oid(kind):
            return str(attribute.value)
    return certificate.subject.rfc4514_string() or "nobody"


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES)
    except OSError as error:
        raise CertificateUnusable(f"{path} cannot be read: {error.strerror}.") from error
