"""What the checks of a service came to in a job, read off its record: for metrics and for the audit log."""

from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Final, Literal

from storage.audit import AuditLog
from storage.records.status import Status

Decision = Literal["off", "passed", "flagged", "refused", "open"]
"""`open`: the job ended, otherwise than done, before the check had its say, or nobody can tell."""


@dataclass(frozen=True, kw_only=True)
class _Check:
    """How a check is seen in a record: by a warning, by an error; and whether it looks at detections."""

    warning: str | None
    error: str
    detections: bool = False


_CHECKS: Final[Mapping[str, _Check]] = {
    "content": _Check(warning="content_flagged", error="content_rejected", detections=True),
    "denylist": _Check(warning=None, error="person_protected"),
    "minors": _Check(warning="may_be_minor", error="minor_refused"),
}
ALL_CHECKS: Final[AbstractSet[str]] = frozenset(_CHECKS)
"""For whoever cannot tell which of them are on."""


def decisions(status: Status, *, on: AbstractSet[str]) -> dict[str, Decision]:
    """What each check decided of a job that has ended, by name; those that are not `on` are off."""
    kind = (status.manifest or {}).get("process_type")
    return {
        name: _decision(check, status)
        if name in on and (check.detections or kind != "detect-faces")
        else "off"
        for name, check in _CHECKS.items()
    }


def _decision(check: _Check, status: Status) -> Decision:
    if status.error is not None and status.error.code == check.error:
        return "refused"
    if any(warning.code == check.warning for warning in status.warnings):
        return "flagged"
    return "passed" if status.status == "completed" else "open"


def audit_entry(
    status: Status, *, owner: str, version: str, inputs: Mapping[str, str] | None, on: AbstractSet[str]
) -> dict[str, Any]:
    """The audit log's line for a job that has ended, without a picture, a link or an embedding.

    `inputs` are the sha256 of the files that were fetched, by their names in the manifest; None where this
    consumer did not fetch them.
    """
    record = status.model_dump(mode="json", include={"finished_at", "status", "attempt"})
    manifest, result, engine = status.manifest or {}, status.result, status.engine
    return {
        "version": 1,
        "at": record["finished_at"],
        "job_id": status.job_id,
        "process_type": manifest.get("process_type"),
        "status": status.status,
        "code": status.error.code if status.error else None,
        "attempt": status.attempt,
        "inputs": inputs if inputs is None else dict(inputs),
        "result": None if result is None else result.sha256,
        "watermark": None if result is None or result.marks is None else result.marks.watermark,
        "faces_swapped": None if result is None else result.faces_swapped,
        "consent": manifest.get("consent"),
        "decisions": decisions(status, on=on),
        "engine": None if engine is None else f"{engine.name} {engine.version}",
        "consumer": owner,
        "software": version,
    }


def told_to(
    audit: AuditLog | None, *, owner: str, on: Callable[[], AbstractSet[str]]
) -> Callable[[Status], Awaitable[None]]:
    """What writes the line of a job that was ended while nobody worked on it, where a log is kept.

    Nobody knows what had been fetched for it. Raises StoreUnavailable when called; the line is kept then, and
    goes with the next.
    """

    async def told(status: Status) -> None:
        if audit is not None:
            version = metadata.version("swapdrop")
            entry = audit_entry(status, owner=owner, version=version, inputs=None, on=on())
            await audit.append(status.job_id, entry)

    return told
