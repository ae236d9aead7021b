"""`swapdrop jobs` and `swapdrop dead-letter`: what happened in the bucket, and doing it again."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import typer
from rich.table import Table

from consumer.cli.bucket import audited, fail, with_bucket
from consumer.cli.tables import print_table
from storage import keys
from storage.errors import InvalidManifest, ObjectNotFound, StorageError
from storage.inbox.folders import explain
from storage.inbox.inbox import Inbox, Scan
from storage.records.kept import not_kept
from storage.records.status import TERMINAL, Status
from storage.stores.port import ObjectStore
from storage.upkeep.queries import CALLBACK, listed, newest_first, purge, read_status, run_again
from storage.upkeep.stranded import end_if_stranded, is_stranded

_RETRY: Final = "swapdrop jobs retry"
_MOST_PUZZLES: Final = 20
_AGE: Final = re.compile(r"([0-9]{1,6})([mhdw])")
_UNITS: Final = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def list_jobs(*, state: str | None, limit: int, as_json: bool) -> int:
    """Print the jobs written last, newest first, and what lies in the inbox."""

    async def work(store: ObjectStore) -> tuple[list[Status], Scan]:
        found: list[Status] = []
        async for status in newest_first(store):
            if state is None or status.status == state:
                found.append(status)
            if len(found) == limit:
                break
        return found, await Inbox(store).scan()

    found, scan = with_bucket(work)
    if as_json:
        typer.echo(json.dumps([_brief(status) for status in found], indent=2))
        return 0
    _print_jobs(found)
    typer.echo("\n".join(_told_inbox(scan)))
    return 0


def show_job(job_id: str) -> int:
    """Print one job for people: how it stands, each attempt that failed, and what came of it."""
    status = with_bucket(lambda store: _status(store, job_id))
    lines = [
        f"{status.job_id}: {status.status}, attempt {status.attempt} of {status.max_attempts}",
        f"  dropped {_moment(status.created_at)}, last written {_moment(status.updated_at)}",
    ]
    if status.lease is not None:
        owner, stage = status.lease.owner, f"{status.stage}, {status.progress.percent} %"
        lines.append(
            f"  {owner} has taken it; it waits for its turn"
            if status.only_claimed
            else f"  {owner} works on it: {stage}"
        )
    if status.not_before is not None:
        lines.append(f"  rests until {_moment(status.not_before)}")
    if status.error is not None:
        lines.append(f"  {status.error.code}: {status.error.message}")
        lines += [
            f"  attempt {one.attempt}, {_moment(one.at)}, {one.stage}: {one.code}: {one.message}"
            for one in status.error.attempts
        ]
    lines += [f"  {warning.code}: {warning.message}" for warning in status.warnings]
    if status.result is not None:
        lines.append(
            f"  result {status.result.key}, {status.result.size} bytes, {status.result.content_type}"
        )
    if status.timings_ms:
        lines.append(
            "  " + ", ".join(f"{stage} {spent:.0f} ms" for stage, spent in status.timings_ms.items())
        )
    typer.echo("\n".join(lines))
    return 0


def retry_jobs(job_ids: Sequence[str]) -> int:
    """Drop again, as new jobs, what jobs that have ended asked for; prints the new ids."""

    async def work(store: ObjectStore) -> "_Again":
        return await _run_again(store, job_ids)

    return with_bucket(work).told()


def purge_jobs(*, older_than: str, state: str | None, do_it: bool) -> int:
    """Remove what is kept of jobs that ended long ago; without `do_it` only says how many there are."""
    before = datetime.now(UTC) - _age(older_than)

    async def work(store: ObjectStore) -> tuple[int, int]:
        jobs = objects = 0
        async for status in newest_first(store):
            old = (status.finished_at or status.updated_at) < before
            if not old or (state is not None and status.status != state):
                continue
            if await _announced(store, status.job_id):
                continue  # a consumer would do it over again
            if not status.terminal and not await is_stranded(store, status.job_id):
                continue
            jobs += 1
            if do_it:
                objects += await purge(store, status.job_id)
        return jobs, objects

    jobs, objects = with_bucket(work)
    if do_it:
        typer.echo(f"Removed {objects} objects of {jobs} jobs.")
    else:
        typer.echo(f"{jobs} jobs would go, with their results; add --yes to remove them.")
    return 0


def list_dead_letters(*, as_json: bool) -> int:
    """Print the jobs that used up their attempts."""

    async def work(store: ObjectStore) -> list[Status]:
        return [status for job_id in await _dead(store) if (status := await read_status(store, job_id))]

    found = with_bucket(work)
    if as_json:
        typer.echo(json.dumps([_brief(status) for status in found], indent=2))
        return 0
    _print_jobs(found)
    return 0


def requeue_dead_letters(job_ids: Sequence[str], *, everything: bool) -> int:
    """Drop jobs again that used up their attempts, and remove their pointers; prints the new ids."""
    if bool(job_ids) == everything:
        raise fail("Name the jobs, or give --all.", code=2)

    async def work(store: ObjectStore) -> "_Again":
        return await _run_again(store, await _dead(store) if everything else job_ids, buried=True)

    return with_bucket(work).told()


@dataclass
class _Again:
    """What came of jobs that were to be done again.

    New ids by the old ones, why others were left, and of whose end nobody is told.
    """

    done: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    uncalled: list[str] = field(default_factory=list)

    def told(self) -> int:
        """Print the new ids; ends the command with code 1 and the reasons where some were left."""
        if self.done:
            typer.echo("\n".join(self.done.values()))
        if self.uncalled:
            typer.echo(
                f"The callback_url of {', '.join(self.uncalled)} was not kept: nobody is called at the end.",
                err=True,
            )
        if self.left:
            raise fail("\n".join(self.left))
        return 0


async def _run_again(store: ObjectStore, job_ids: Iterable[str], *, buried: bool = False) -> _Again:
    """Do jobs again, one after the other; `buried` ones lose their dead-letter pointer."""
    again = _Again()
    for job_id in job_ids:
        try:
            if buried and not await _is_there(store, keys.dead_letter(job_id)):
                raise InvalidManifest(
                    f"The job {job_id} is no dead letter; `swapdrop jobs retry {job_id}` does any job again "
                    "that has ended."
                )
            status = await end_if_stranded(store, job_id, by=_RETRY, told=audited(store, by=_RETRY))
            known = _known(job_id, status)
            again.done[job_id] = await run_again(store, known)
            if CALLBACK in not_kept(known.manifest or {}):
                again.uncalled.append(job_id)
            if buried:
                await store.delete([keys.dead_letter(job_id)])
        except StorageError as error:
            again.left.append(str(error))
    return again


async def _dead(store: ObjectStore) -> list[str]:
    stems = (entry.key.removeprefix(keys.DEAD_LETTER) for entry in await listed(store, keys.DEAD_LETTER))
    return [stem.removesuffix(".json") for stem in stems]


async def _status(store: ObjectStore, job_id: str) -> Status:
    return _known(job_id, await read_status(store, job_id))


def _known(job_id: str, status: Status | None) -> Status:
    if status is None:
        raise ObjectNotFound(f"There is no record of a job {job_id} in this bucket.")
    return status


async def _announced(store: ObjectStore, job_id: str) -> bool:
    return await _is_there(store, keys.manifest(job_id))


async def _is_there(store: ObjectStore, key: str) -> bool:
    try:
        await store.head(key)
    except ObjectNotFound:
        return False
    return True


def _told_inbox(scan: Scan) -> Iterator[str]:
    """What lies in the inbox, in sentences."""
    more = "" if scan.at_end else "At least "
    if scan.entries:
        yield f"{more}{len(scan.entries)} in the inbox."
    elif scan.at_end and not scan.puzzles:
        yield "The inbox is empty."
    elif scan.at_end:
        yield "No job is in the inbox."
    else:
        yield "No job is among the first ten thousand files of the inbox."
    if scan.puzzles:
        yield f"{more}{sum(len(puzzle.files) for puzzle in scan.puzzles)} files in it are no job, or not yet:"
        yield from (f"- {explain(puzzle.place, puzzle.files)}" for puzzle in scan.puzzles[:_MOST_PUZZLES])
        left = len(scan.puzzles) - _MOST_PUZZLES
        if left > 0:
            yield f"- And so on in {left} more folders."


def _age(text: str) -> timedelta:
    found = _AGE.fullmatch(text)
    if found is None:
        raise fail(f"{text} is no age; write 30m, 12h, 7d or 4w.", code=2)
    return int(found[1]) * _UNITS[found[2]]


def check_state(state: str | None) -> str | None:
    """A job's state as `--status` names it; ends the command where there is no such."""
    known = sorted({"pending", "processing", *TERMINAL})
    if state is not None and state not in known:
        raise fail(f"There is no status {state}; known are {', '.join(known)}.", code=2)
    return state


def _brief(status: Status) -> dict[str, object]:
    record = status.model_dump(mode="json")
    wanted = ("job_id", "status", "stage", "attempt", "created_at", "updated_at", "finished_at")
    code = status.error.code if status.error else None
    return {**{name: record[name] for name in wanted}, "code": code}


def _print_jobs(found: Sequence[Status]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("job", "status", "stage", "attempt", "code", "last written"):
        table.add_column(heading, no_wrap=True)
    for status in found:
        code = status.error.code if status.error else ""
        attempt = f"{status.attempt}/{status.max_attempts}"
        table.add_row(status.job_id, status.status, status.stage, attempt, code, _moment(status.updated_at))
    print_table(table)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
