"""Which licences the operator has accepted: by setting, or once and recorded."""

import json
from collections.abc import Iterable
from pathlib import Path

from models.catalogue import Licence
from models.errors import LicenceNotAccepted
from models.store.files import replace_text


class Licences:
    """Accepted licences: `accepted` by setting, further ones recorded in `record`."""

    def __init__(self, record: Path, accepted: Iterable[str] = ()) -> None:
        self._record = record
        self._accepted = frozenset(accepted)

    def allows(self, licence: Licence) -> bool:
        """Whether files under this licence may be downloaded."""
        return not licence.non_commercial or licence.id in self._accepted | self._recorded()

    def insist(self, licence: Licence) -> None:
        """Raise LicenceNotAccepted, saying what to do, unless `allows`."""
        if not self.allows(licence):
            raise LicenceNotAccepted(
                f"The licence {licence.id} ({licence.title}, {licence.url}) has not been accepted; "
                "accept it with `swapdrop models pull --accept-license` or "
                f"SWAPDROP_ACCEPT_LICENSES={licence.id}."
            )

    def accept(self, licences: Iterable[Licence]) -> None:
        """Accept for this process, and record it for later ones; raises OSError if it cannot be recorded."""
        self._accepted |= {licence.id for licence in licences}
        replace_text(self._record, json.dumps(sorted(self._accepted | self._recorded())))

    def _recorded(self) -> frozenset[str]:
        """What the record says; one that is not there or damaged accepts nothing."""
        try:
            content = json.loads(self._record.read_bytes())
        except (OSError, ValueError):
            return frozenset()
        return frozenset(content) if isinstance(content, list) else frozenset()
