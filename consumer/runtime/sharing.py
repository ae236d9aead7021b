"""Jobs that were shared out and parts of such jobs, as whoever finds them in the inbox treats them."""

import structlog

from consumer.jobs.services import JobServices
from consumer.triggers.base import Ticket
from storage.errors import StorageError
from storage.inbox.inbox import Announced
from storage.parts import Resting
from storage.records.manifest import Part

_VIDEO = "-video"

_log = structlog.get_logger()


def part_of(announced: Announced) -> Part | None:
    """What of another job's work a job is."""
    return None if announced.manifest is None else announced.manifest.part


async def resting(services: JobServices, announced: Announced) -> Resting | None:
    """Whether a job waits for its parts, where it is one that may have some: one LIST for each video.

    Raises StoreUnavailable, StatusUnreadable.
    """
    asked = announced.manifest
    if asked is None or asked.part is not None or not asked.process_type.endswith(_VIDEO):
        return None
    return None if services.parts is None else await services.parts.resting(announced.job_id)


async def readable_folder(services: JobServices, ticket: Ticket, announced: Announced) -> str | None:
    """The dropped folder that a job may read: its own, and that of its parent where it is a part.

    Raises StoreUnavailable.
    """
    asked = announced.manifest
    if asked is None or asked.part is None:
        return ticket.folder
    return None if services.parts is None else await services.parts.folder(asked)


async def clear_after(services: JobServices, part: Part) -> None:
    """Remove what is left of a part's parent and of its parts, where that has ended: else a GET.

    Raises StoreUnavailable, StatusUnreadable.
    """
    if services.parts is not None and await services.parts.has_no_parent(part):
        await services.scratches.clear(part.parent)


async def clear_after_lost(services: JobServices, part: Part | None) -> None:
    """Do the same where the lease of a part was lost, as happens when its parent ends; never raises."""
    if part is None:
        return
    try:
        await clear_after(services, part)
    except StorageError as error:  # what is left there goes with the bucket's rule for scratch/
        _log.warning("scratch_left", job_id=part.parent, reason=str(error))
