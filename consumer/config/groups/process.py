"""What one consumer process may take of its machine."""

import os
from pathlib import Path
from typing import ClassVar, Final

from pydantic import Field

from consumer.config.group import SettingsGroup

_MIB: Final = 2**20


class ProcessSettings(SettingsGroup):
    """Jobs at once, threads, memory, disk, and the time to end."""

    title: ClassVar = "Process"

    max_in_flight: int = Field(
        default=16, ge=1, le=256, description="most jobs between claim and finish at once"
    )
    cpu_threads: int = Field(default=4, ge=1, le=64, description="threads that decode and encode pictures")
    decoded_budget_bytes: int = Field(
        default=1024 * _MIB, ge=16 * _MIB, description="most memory for decoded pictures at once"
    )
    memory_limit_bytes: int | None = Field(
        default=None,
        ge=256 * _MIB,
        description="own memory from which on the process ends to be started afresh; "
        "nine tenths of the container's if not set",
    )
    work_dir: Path | None = Field(
        default=None,
        description="folder for files of jobs at work; swapdrop in the system's temporary folder if not set",
    )
    disk_budget_bytes: int = Field(
        default=20 * 1024 * _MIB,
        ge=16 * _MIB,
        description="most bytes that the files of all jobs at work may take there",
    )
    drain_grace_s: float = Field(
        default=25, ge=0, le=3600, description="time to finish jobs after SIGTERM before giving them back"
    )

    @property
    def work_folder(self) -> Path:
        """Where the files of jobs at work are; it need not exist."""
        return self.work_dir or Path(os.environ.get("TMPDIR") or "/tmp") / "swapdrop"  # noqa: S108 - made private there
