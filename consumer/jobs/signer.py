"""Who signs results here, as the settings say it."""

from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from consumer.config.settings import Settings, SettingsError
from pipeline.signing.port import ResultSigner

EXPIRES_SOON: Final = timedelta(days=14)
"""From so long before on a certificate's end is warned of."""


def open_signer(settings: Settings) -> ResultSigner | None:
    """Read and check certificates and key; None where results are not to be signed.

    Raises:
        SettingsError: only half is set, the extra is missing, or a certificate or the key is not as it must
            be: a sentence for each fault.
    """
    if settings.c2pa_chain is None and settings.c2pa_key is None:
        return None
    if settings.c2pa_chain is None or settings.c2pa_key is None:
        raise SettingsError("SWAPDROP_C2PA_CHAIN and SWAPDROP_C2PA_KEY go together; set both, or none.")
    need_c2pa("SWAPDROP_C2PA_CHAIN")
    from pipeline.signing.certificates import (  # noqa: PLC0415 -- of an extra
        CertificateUnusable,
        check_chain,
        read_chain,
        read_key,
    )
    from pipeline.signing.signer import C2paSigner, sign_with  # noqa: PLC0415 -- of an extra

    try:
        chain, key = read_chain(settings.c2pa_chain), read_key(settings.c2pa_key)
        check_chain(chain, key.public_key(), datetime.now(UTC))
    except CertificateUnusable as error:
        raise SettingsError(f"SWAPDROP_C2PA_CHAIN, SWAPDROP_C2PA_KEY: {error}") from error
    return C2paSigner(
        chain, sign_with(key), tsa_url=settings.c2pa_tsa, anchors=read_anchors(settings.c2pa_trust)
    )


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
        raise SettingsError(f"{what} needs the extra `c2pa`: pip install 'swapdrop[c2pa]'.")
