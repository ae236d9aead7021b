"""What the doctor says of the folders that files of jobs and of models go to."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from consumer.cli.finding import Finding, ok
from consumer.client.files import describe_os_error
from consumer.config.settings import Settings
from consumer.jobs.workspace import WORK_DIR, there, try_root, why_unusable

_MIN_FREE_BYTES: Final = 2**30
_WORK: Final = "disk: work folder"


def disk_findings(settings: Settings) -> Iterator[Finding]:
    """Whether files of jobs can be made, and how much room there is; leaves nothing behind."""
    yield _work_folder(settings)
    yield _room(
        "disk: model cache", settings.cache_folder, _MIN_FREE_BYTES, "or point SWAPDROP_CACHE_DIR elsewhere"
    )


def _work_folder(settings: Settings) -> Finding:
    folder, budget_bytes = settings.work_folder, settings.disk_budget_bytes
    try:
        try_root(folder)
    except OSError as error:
        return Finding(
            name=_WORK,
            state="broken",
            detail=why_unusable(error, folder).partition(";")[0],
            fix=f"let this user write to it, or point {WORK_DIR} elsewhere",
        )
    fix = f"lower SWAPDROP_DISK_BUDGET_BYTES ({budget_bytes / 2**30:.1f} GiB), or point {WORK_DIR} elsewhere"
    return _room(_WORK, folder, budget_bytes, fix)


def _room(name: str, folder: Path, wanted_bytes: int, fix: str) -> Finding:
    try:
        free = shutil.disk_usage(there(folder)).free
    except OSError as error:
        detail = describe_os_error(error)
        return Finding(name=name, state="degraded", detail=detail, fix=f"let this user in there, {fix}")
    detail = f"{free / 2**30:.1f} GiB free for {folder}"
    if free >= wanted_bytes:
        return ok(name, detail)
    return Finding(name=name, state="degraded", detail=detail, fix=f"free some space, {fix}")
