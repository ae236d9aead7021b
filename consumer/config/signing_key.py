"""How the key that signs results is named in the settings."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SCHEME: Final = "awskms:"
_ARN: Final = r"arn:[a-z-]+:kms:(?P<region>[a-z0-9-]+):[0-9]+:(key|alias)/"
_ADDRESS = re.compile(rf"awskms:///(?P<key>({_ARN})?[A-Za-z0-9/_-]+)")


@dataclass(frozen=True, kw_only=True)
class KmsAddress:
    """A key in AWS KMS: its id, `alias/<name>`, or the ARN of either, which also tells the region."""

    key_id: str
    region: str | None


def parse_signing_key(text: str) -> KmsAddress | Path:
    """Read a setting: `awskms:///<id, alias or ARN>`, else the path of a file; raises ValueError."""
    if not text.startswith(_SCHEME):
        return Path(text)
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise ValueError(
            "must be the path of a file in PEM, or a key in AWS KMS by its id, alias or ARN: "
            "awskms:///alias/<name>, awskms:///arn:aws:kms:<region>:<account>:key/<id>"
        )
    return KmsAddress(key_id=found["key"], region=found["region"])
