"""Signatures by keys on elliptic curves, wherever those lie."""

import threading
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from pipeline.signing.certificates import CURVES
from pipeline.signing.port import SigningFailed

Sign = Callable[[bytes], bytes]
"""Signs data by ECDSA with the hash that goes with its key's curve; gives DER (RFC 3279, 2.2.3).

Called on any thread, several at once. Whatever it raises fails the signing.
"""
SignatureHash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512
_HASHES: Final[Mapping[str, type[SignatureHash]]] = {
    "ES256": hashes.SHA256,
    "ES384": hashes.SHA384,
    "ES512": hashes.SHA512,
}


def hash_for(key: EllipticCurvePrivateKey | EllipticCurvePublicKey) -> SignatureHash:
    """The hash that C2PA's algorithm for a key's curve takes."""
    return _HASHES[CURVES[key.curve.name]]()


def sign_with(key: EllipticCurvePrivateKey) -> Sign:
    """Sign with a key that is in memory."""
    algorithm = ECDSA(hash_for(key))
    return lambda data: key.sign(data, algorithm)


class Signatures:
    """What the library calls for a signature: as COSE wants it, r and s one after the other (RFC 9053, 2.1).

    The library hides what is raised in such a call; `failure` tells it to whoever asked for the signature.
    """

    def __init__(self, sign: Sign, public: EllipticCurvePublicKey) -> None:
        """Sign by `sign`, whose key must be that of `public`."""
        self._sign = sign
        self._public = public
        self._size = (public.curve.key_size + 7) // 8
        self._algorithm = ECDSA(hash_for(public))
        self._heard = threading.local()  # the library calls on the thread that it was called on

    def __call__(self, data: bytes) -> bytes:
        """Sign `data`; raises whatever goes wrong, and SigningFailed where the key is another's."""
        self._heard.failure = None
        try:
            signature = self._sign(data)
            self._public.verify(signature, data, self._algorithm)
        except InvalidSignature:
            self._heard.failure = SigningFailed("The key that signs is not the one that is certified.")
            raise self._heard.failure from None
        except Exception as error:
            self._heard.failure = error
            raise
        r, s = decode_dss_signature(signature)
        return r.to_bytes(self._size, "big") + s.to_bytes(self._size, "big")

    def failure(self) -> Exception | None:
        """Take what the last call on this thread has raised."""
        failure: Exception | None = getattr(self._heard, "failure", None)
        self._heard.failure = None
        return failure
