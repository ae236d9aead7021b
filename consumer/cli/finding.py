"""What `swapdrop doctor` says of each thing it looks at."""

from dataclasses import dataclass
from typing import Literal

FindingState = Literal["ok", "unused", "degraded", "broken"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at; `fix` names the next step when it is `degraded` or `broken`.

    `unused` is what is not here and not needed either. `tried` says of each place where something missing
    was looked for why it is not there; the page leaves that to `swapdrop models where`.
    """

    name: str
    state: FindingState
    detail: str
    fix: str = ""
    tried: tuple[str, ...] = ()


def ok(name: str, detail: str) -> Finding:
    """A finding that needs nothing."""
    return Finding(name=name, state="ok", detail=detail)
