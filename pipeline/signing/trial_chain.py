"""A chain of certificates to try signing with: nobody trusts it who is not told to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID: Final = timedelta(days=90)
_EARLIER: Final = timedelta(minutes=5)
"""Clocks of other machines may be late."""


@dataclass(frozen=True, kw_only=True)
class _Signer:
    certificate: x509.Certificate
    key: EllipticCurvePrivateKey


def trial_chain(now: datetime) -> Mapping[str, bytes]:
    """A root (`root.pem`), the chain below it (`chain.pem`) and its key (`key.pem`), good for 90 days."""
    root = _issue("swapdrop trial root", now, by=None, path_length=1)
    between = _issue("swapdrop trial authority", now, by=root, path_length=0)
    leaf = _issue("swapdrop trial signer", now, by=between, path_length=None)
    key = leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "root.pem": _pem(root),
        "chain.pem": _pem(leaf) + _pem(between),
        "key.pem": key,
    }


def write_trial_chain(folder: Path, now: datetime) -> None:
    """Write the three files, the key for its owner alone; raises OSError, also where one is there already."""
    folder.mkdir(parents=True, exist_ok=True)
    files = trial_chain(now)
    taken = next((folder / name for name in files if (folder / name).exists()), None)
    if taken is not None:
        raise FileExistsError(17, "is there already; name another folder", str(taken))
    for name, body in files.items():
        path = folder / name
        path.touch(mode=0o600 if name == "key.pem" else 0o644)
        path.write_bytes(body)


def _issue(name: str, now: datetime, *, by: _Signer | None, path_length: int | None) -> _Signer:
    """A certificate of an authority, or without `path_length` of a signer."""
    key = generate_private_key(SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "swapdrop trial"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    is_authority = path_length is not None
    issuer = by.certificate.subject if by else subject
    signing = by.key if by else key
    usage = {
        "digital_signature": not is_authority,
        "key_cert_sign": is_authority,
        "crl_sign": is_authority,
        **dict.fromkeys(
            (
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ),
            False,
        ),
    }
    builder = (
        x509.CertificateBuilder(
            issuer, subject, key.public_key(), x509.random_serial_number(), now - _EARLIER, now + _VALID
        )
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=path_length), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False
        )
    )
    if not is_authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return _Signer(certificate=builder.sign(signing, SHA256()), key=key)


def _pem(signer: _Signer) -> bytes:
    return signer.certificate.public_bytes(Encoding.PEM)
