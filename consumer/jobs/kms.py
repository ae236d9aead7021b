"""A key that signs results and lies in AWS KMS, which it never leaves."""

from collections.abc import Mapping
from typing import Any, Final

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import Hash
from cryptography.hazmat.primitives.serialization import load_der_public_key

from consumer.config.signing_key import KmsAddress
from pipeline.signing.certificates import CURVES, CertificateUnusable
from pipeline.signing.keys import hash_for
from pipeline.signing.port import SigningFailed

# A job waits for a signature on one of a few threads: half a minute at most, then it is tried again later.
_CONFIG: Final = Config(
    connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)
_STRANGER: Final = "These credentials are not accepted; check AWS_ACCESS_KEY_ID, the profile or the role."
_DISABLED: Final = "The key is disabled or about to be deleted; enable it, or name another."
_WRONG_KIND: Final = (
    "The key cannot sign as C2PA wants it; make one with the usage SIGN_VERIFY and the spec ECC_NIST_P256 "
    "(or ECC_NIST_P384, ECC_NIST_P521)."
)
# "AWS KMS API Reference", the errors of GetPublicKey and Sign and those that all actions have.
_REFUSALS: Final[Mapping[str, str]] = {
    "AccessDeniedException": "These credentials may not use it; allow them kms:GetPublicKey and kms:Sign.",
    "NotFoundException": "There is no such key in this region and account; correct its name or give the ARN.",
    "UnrecognizedClientException": _STRANGER,
    "InvalidClientTokenId": _STRANGER,
    "InvalidSignatureException": _STRANGER,
    "ExpiredTokenException": _STRANGER,
    "DisabledException": _DISABLED,
    "KMSInvalidStateException": _DISABLED,
    "InvalidKeyUsageException": _WRONG_KIND,
    "UnsupportedOperationException": _WRONG_KIND,
}


class KmsKey:
    """One key; used from any thread."""

    def __init__(self, address: KmsAddress, *, region: str | None = None) -> None:
        """Ask for its public half.

        `region` is that of a key whose address tells none; without it the SDK looks in its own files. Raises
        CertificateUnusable: the key cannot be had, or cannot sign as it must.
        """
        self._key_id = address.key_id
        try:
            self._client = Session().client("kms", region_name=address.region or region, config=_CONFIG)
            answer = self._client.get_public_key(KeyId=self._key_id)
        except (BotoCoreError, ClientError, ValueError) as error:
            raise CertificateUnusable(self._told(_why(error))) from error
        public = _on_curve(answer)
        if public is None:
            raise CertificateUnusable(self._told(_WRONG_KIND))
        #: The public half.
        self.public = public

    def sign(self, data: bytes) -> bytes:
        """See `pipeline.signing.keys.Sign`; only a hash leaves this machine. Raises SigningFailed."""
        algorithm = hash_for(self.public)
        digest = Hash(algorithm)
        digest.update(data)
        try:
            answer = self._client.sign(
                KeyId=self._key_id,
                Message=digest.finalize(),
                MessageType="DIGEST",
                SigningAlgorithm=f"ECDSA_SHA_{8 * algorithm.digest_size}",
            )
        except (BotoCoreError, ClientError) as error:
            raise SigningFailed(self._told(_why(error))) from error
        signature: bytes = answer["Signature"]
        return signature

    def _told(self, why: str) -> str:
        return f"The key {self._key_id} in AWS KMS: {why}"


def _on_curve(answer: Mapping[str, Any]) -> EllipticCurvePublicKey | None:
    try:
        key = load_der_public_key(answer["PublicKey"])
    except (ValueError, UnsupportedAlgorithm):  # KMS has keys of kinds that are not known here
        return None
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name not in CURVES:
        return None
    return key if answer["KeyUsage"] == "SIGN_VERIFY" else None


def _why(error: Exception) -> str:
    if isinstance(error, ClientError):
        answer: Mapping[str, Any] = error.response
        code = str(answer.get("Error", {}).get("Code", ""))
        return _REFUSALS.get(code, f"AWS KMS refused the request ({code}).")
    if isinstance(error, NoRegionError):
        return "AWS KMS needs a region; name the key by its ARN, or set AWS_REGION."
    if isinstance(error, NoCredentialsError | PartialCredentialsError | CredentialRetrievalError):
        return (
            "There are no credentials for AWS KMS; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give "
            "the SDK a profile or a role."
        )
    return f"AWS KMS cannot be asked; check the region, the SDK's profile and the way there. {error}"
