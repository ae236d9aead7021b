"""Who signs results here, as the settings say it."""

from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from consumer.config.extras import how_to_add
from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from consumer.config.signing_key import KmsAddress
from pipeline.signing.port import ResultSigner
from storage.stores.s3_settings import ANY_REGION

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    from pipeline.signing.keys import Sign

EXPIRES_SOON: Final = timedelta(days=14)
"""From so long before on a certificate's end is warned of."""


def open_signer(settings: Settings) -> ResultSigner | None:
    """Read and check certificates and key; None where results are not to be signed.

    Raises:
        SettingsError: only half is set, the extra is missing, or a certificate or the key is not as it must
            be: a sentence for each fault.
    """
    path, where = settings.c2pa_chain, settings.signing_key
    if path is None and where is None:
        return None
    if path is None or where is None:
        raise SettingsError("SWAPDROP_C2PA_CHAIN and SWAPDROP_C2PA_KEY go together; set both, or none.")
    need_c2pa("SWAPDROP_C2PA_CHAIN")
    from pipeline.signing.certificates import (  # noqa: PLC0415 -- of an extra
        CertificateUnusable,
        check_chain,
        read_chain,
    )
    from pipeline.signing.signer import C2paSigner  # noqa: PLC0415 -- of an extra

    try:
        chain = read_chain(path)
        sign, public = _open_key(where, settings)
        check_chain(chain, public, datetime.now(UTC))
    except CertificateUnusable as error:
        raise SettingsError(f"SWAPDROP_C2PA_CHAIN, SWAPDROP_C2PA_KEY: {error}") from error
    return C2paSigner(chain, sign, tsa_url=settings.c2pa_tsa, anchors=read_anchors(settings.c2pa_trust))


def _open_key(where: KmsAddress | Path, settings: Settings) -> "tuple[Sign, EllipticCurvePublicKey]":
    """What signs, and the public half of its key; raises CertificateUnusable."""
    if isinstance(where, KmsAddress):
        from consumer.jobs.kms import KmsKey  # noqa: PLC0415 -- an SDK that most run without, and slow to import

        region = None if settings.region == ANY_REGION else settings.region
        kms = KmsKey(where, region=region)
        return kms.sign, kms.public
    from pipeline.signing.certificates import read_key  # noqa: PLC0415 -- of an extra
    from pipeline.signing.keys import sign_with  # noqa: PLC0415 -- of an extra

    key = read_key(where)
    return sign_with(key), key.public_key()


def read_anchors(path: Path | None) -> str:
    """The roots that are trusted, in PEM; raises SettingsError."""
    if path is None:
        return ""
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"SWAPDROP_C2PA_TRUST: {path} cannot be read as certificates in PEM.") from error


def need_c2pa(what: str) -> None:
    """Raise SettingsError where the extra is missing that `what` needs."""
    if find_spec("c2pa") is None:
        raise SettingsError(f"{what} needs the extra `c2pa`: {how_to_add('c2pa')}")
