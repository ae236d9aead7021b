"""AWS KMS on loopback: moto's server, which signs what is a hash already as KMS does."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from boto3.session import Session
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import load_der_public_key

from consumer.children import python_command

REGION = "eu-west-1"
_HASHES = {"ECDSA_SHA_256": SHA256(), "ECDSA_SHA_384": SHA384(), "ECDSA_SHA_512": SHA512()}


@dataclass(frozen=True, kw_only=True)
class LocalKms:
    """How to reach the server: what the SDK reads from the environment."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL_KMS": self.url,
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "tests-secret",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def client(self) -> Any:  # noqa: ANN401 - botocore makes its methods at run time
        return Session(
            aws_access_key_id="tests",
            aws_secret_access_key="tests-secret",  # noqa: S106 - the server checks no signatures
            region_name=REGION,
        ).client("kms", endpoint_url=self.url)

    def key(self, spec: str = "ECC_NIST_P256", usage: str = "SIGN_VERIFY") -> str:
        """Make a key and return its ARN."""
        made: str = self.client.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["Arn"]
        return made

    def public(self, key_id: str) -> EllipticCurvePublicKey:
        key = load_der_public_key(self.client.get_public_key(KeyId=key_id)["PublicKey"])
        assert isinstance(key, EllipticCurvePublicKey)
        return key


@contextmanager
def kms_server() -> Iterator[LocalKms]:
    """Run the server in its own process on a free port."""
    command = python_command("tests.support.kms_servers")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            assert port.isdigit(), "moto's server did not start"
            yield LocalKms(url=f"http://127.0.0.1:{port}")
        finally:
            process.kill()


def _main() -> None:
    """Serve as `swapdrop demo` does, but for a fault of moto: it takes no heed of `MessageType`.

    It would hash the hash once more.
    """
    from moto.kms.utils import ECDSAPrivateKey  # noqa: PLC0415 -- takes a second to load

    from consumer.cli.local_s3 import serve  # noqa: PLC0415 -- as above

    def sign(self: Any, message: bytes, signing_algorithm: str) -> bytes:  # noqa: ANN401 -- moto's
        algorithm = ECDSA(Prehashed(_HASHES[signing_algorithm]))
        signature: bytes = self.private_key.sign(message, algorithm)
        return signature

    ECDSAPrivateKey.sign = sign  # type: ignore[method-assign] # moto is typed, and mended here
    serve(0)


if __name__ == "__main__":
    _main()
