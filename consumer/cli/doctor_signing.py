"""What the doctor says of signing results."""

import io
from datetime import UTC, datetime

from PIL import Image

from consumer.cli.finding import Finding, ok
from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from consumer.config.signing_key import KmsAddress
from consumer.jobs.signer import EXPIRES_SOON, open_signer
from pipeline.marks.provenance import Mark
from pipeline.signing.port import Ingredient, ResultSigner, SigningFailed, Statement

_PNG = "image/png"


def signing_findings(settings: Settings) -> list[Finding]:
    """Sign a picture of one pixel, time stamp and all; nothing is said where results are not signed."""
    try:
        signer = open_signer(settings)
        if signer is None:
            return []
        _sign_one_pixel(signer)
    except SettingsError as error:
        fix = "correct this setting, see docs/signing.md; no consumer starts with it"
        return [Finding(name="signing", state="broken", detail=str(error), fix=fix)]
    except SigningFailed as error:
        fix = "check the key, and whether SWAPDROP_C2PA_TSA answers from here; until then jobs fail"
        return [Finding(name="signing", state="broken", detail=str(error), fix=fix)]
    until = f"{signer.expires_at:%Y-%m-%d}"
    if signer.expires_at - datetime.now(UTC) < EXPIRES_SOON:
        detail = f"the certificate of {signer.signed_by} expires on {until}"
        fix = "renew it: SWAPDROP_C2PA_CHAIN; from then on jobs fail"
        return [Finding(name="signing", state="degraded", detail=detail, fix=fix)]
    where = settings.signing_key
    key = f" by a key in AWS KMS ({where.key_id})" if isinstance(where, KmsAddress) else ""
    return [
        ok("signing", f"results are signed by {signer.signed_by}{key}, whose certificate expires on {until}")
    ]


def _sign_one_pixel(signer: ResultSigner) -> None:
    with io.BytesIO() as buffer:
        Image.new("RGB", (1, 1)).save(buffer, "PNG")
        body = buffer.getvalue()
    mark = Mark(
        output_id="trial", provider="trial", system="swapdrop", version="trial", created_at=datetime.now(UTC)
    )
    target = Ingredient(name="target", content_type=_PNG, file=body, sha256="")
    draft = signer.draft(Statement(mark=mark, job="trial", engine="", models={}), [target])
    try:
        draft.sign(io.BytesIO(body), io.BytesIO(), _PNG)
    finally:
        draft.close()
