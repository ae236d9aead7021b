"""Certificates of every kind, good and bad, made by code."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurve,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from pipeline.signing.certificates import Chain

_NO_USE = dict.fromkeys(
    (
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "encipher_only",
        "decipher_only",
    ),
    False,
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a certificate is to be; without a word a signer's that is as it should be."""

    name: str = "Test Signer"
    is_authority: bool = False
    signs: bool = True
    purposes: Sequence[ObjectIdentifier] = (ExtendedKeyUsageOID.EMAIL_PROTECTION,)
    begins: timedelta = timedelta(days=-1)
    ends: timedelta = timedelta(days=30)
    curve: EllipticCurve = field(default_factory=SECP256R1)


AUTHORITY = Wanted(name="Test Authority", is_authority=True, purposes=())
ROOT = Wanted(name="Test Root", is_authority=True, purposes=())


@dataclass(frozen=True, kw_only=True)
class Owned:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def issue(wanted: Wanted, by: Owned | None = None, public: EllipticCurvePublicKey | None = None) -> Owned:
    """Make a certificate, signed by itself if by nobody else; that of `public` belongs to no key here."""
    now = datetime.now(UTC)
    key = generate_private_key(wanted.curve)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"{wanted.name} Ltd"),
            x509.NameAttribute(NameOID.COMMON_NAME, wanted.name),
        ]
    )
    signing = by.key if by else key
    issuer = by.certificate.subject if by else subject
    usage = x509.KeyUsage(
        digital_signature=wanted.signs and not wanted.is_authority,
        key_cert_sign=wanted.is_authority,
        crl_sign=wanted.is_authority,
        **_NO_USE,
    )
    builder = (
        x509.CertificateBuilder(
            issuer,
            subject,
            public or key.public_key(),
            x509.random_serial_number(),
            now + wanted.begins,
            now + wanted.ends,
        )
        .add_extension(x509.BasicConstraints(ca=wanted.is_authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public or key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False
        )
    )
    if wanted.purposes:
        is_stamping = ExtendedKeyUsageOID.TIME_STAMPING in wanted.purposes  # RFC 3161, 2.3
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(wanted.purposes)), critical=is_stamping)
    return Owned(certificate=builder.sign(signing, SHA256()), key=key)


@dataclass(frozen=True, kw_only=True)
class Hierarchy:
    """A root, an authority below it, and a signer below that."""

    root: Owned
    authority: Owned
    signer: Owned

    @property
    def chain(self) -> Chain:
        return Chain(certificates=(self.signer.certificate, self.authority.certificate))

    def write(self, folder: Path) -> dict[str, str]:
        """Write the files and return the variables that name them."""
        files = {
            "SWAPDROP_C2PA_CHAIN": ("chain.pem", self.chain.pem.encode()),
            "SWAPDROP_C2PA_KEY": ("key.pem", self.signer.key_pem),
            "SWAPDROP_C2PA_TRUST": ("root.pem", self.root.pem.encode()),
        }
        for name, body in files.values():
            (folder / name).write_bytes(body)
        return {variable: str(folder / name) for variable, (name, _) in files.items()}


def hierarchy(wanted: Wanted | None = None, public: EllipticCurvePublicKey | None = None) -> Hierarchy:
    """One whose signer is as wanted, with a key of its own or one that lies elsewhere."""
    root = issue(ROOT)
    authority = issue(AUTHORITY, root)
    return Hierarchy(root=root, authority=authority, signer=issue(wanted or Wanted(), authority, public))


def but(**changes: object) -> Wanted:
    """A signer's certificate that is as it should be, but for this."""
    return replace(Wanted(), **changes)  # type: ignore[arg-type] # the fields' own types
