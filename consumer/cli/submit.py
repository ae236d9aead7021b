"""`swapdrop submit`: any number of jobs, each sent once, and followed to their end if asked to."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from pathlib import Path

from consumer.cli.bucket import fail, settings_or_exit, with_bucket
from consumer.cli.destination import Destination
from consumer.cli.jobs import download_result, ends_of, fetch_result, reason, result_name
from consumer.cli.progress import ProgressReporter, print_counts, print_warnings_of, reporting
from consumer.cli.sheet import Card, card, pixels, thumbnail_side, write_sheet
from consumer.cli.submit_plan import SubmitCommand, plan
from consumer.client.csv_jobs import InvalidTable
from consumer.client.files import describe_os_error
from consumer.client.send import Sender, Sent
from consumer.client.submission import Submission, SubmittedFiles, WrongWords
from consumer.client.targets import NoSuchFile
from consumer.config.limits import picture_limits
from pipeline.media.pictures.decode import Limits
from storage.errors import InvalidManifest
from storage.records.status import JobWarning, Status
from storage.stores.port import ObjectStore

_AT_ONCE = 8
_SENT, _BEFORE, _DONE = "sent", "sent before", "done"
_GOOD = frozenset({_SENT, _BEFORE, _DONE})


def run_submit(
    command: SubmitCommand, *, watch: bool, retry: bool, output: str | None, sheet: Path | None
) -> int:
    """Send the jobs and print their ids; 0 only if none of them has failed.

    `watch` waits for them; so do `output`, the folder for their results, and `sheet`, a page that shows them.
    """
    files = SubmittedFiles()
    try:
        folder = Destination.read(output).folder() if output is not None else None
        jobs = plan(command, files)
    except (InvalidManifest, InvalidTable, NoSuchFile, WrongWords) as error:
        raise fail(str(error)) from None
    except OSError as error:
        raise fail(describe_os_error(error)) from None
    if sheet is not None and (sheet == command.table or files.hold(sheet)):
        raise fail(f"That would overwrite {sheet}; name another place for it.")
    settings = settings_or_exit()
    warned = list[tuple[str, JobWarning]]()

    async def work(store: ObjectStore) -> Counter[str]:
        with reporting(settings) as reporter:
            sent = await _send_all(Sender(store, files, retry=retry), jobs, reporter)
            for job in sent:
                reporter.result(job.job_id)
            if not (watch or folder or sheet):
                return _standing(sent, reporter)
            keeper = _ResultSaver(store, files, folder=folder, sheet=sheet, limits=picture_limits(settings))
            return await _follow(store, {job.job_id: job for job in sent}, keeper, reporter, warned)

    try:
        tally = with_bucket(work)
    except OSError as error:
        raise fail(describe_os_error(error)) from None
    except KeyboardInterrupt:
        message = "Interrupted. What was sent goes on; the same command again finds it and sends the rest."
        raise fail(message, code=130) from None
    print_counts(tally, good=_GOOD)
    print_warnings_of(warned)
    return 0 if _GOOD.issuperset(tally) else 1


async def _send_all(sender: Sender, jobs: Sequence[Submission], reporter: ProgressReporter) -> list[Sent]:
    """Send all jobs, some at once; the answers are in the order given, each job once."""
    turn = asyncio.Semaphore(_AT_ONCE)
    done = 0

    async def send(job: Submission) -> Sent:
        nonlocal done
        async with turn:
            sent = await sender.send(job)
        done += 1
        reporter.move(f"sending: {done} of {len(jobs)}", done=done, total=len(jobs))
        reporter.event("sent", job_id=sent.job_id, target=job.name, fresh=sent.fresh)
        return sent

    unique = {job.job_id(): job for job in jobs}.values()
    tasks = [asyncio.create_task(send(job)) for job in unique]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _standing(sent: Sequence[Sent], reporter: ProgressReporter) -> Counter[str]:
    """How the jobs stand right after they were sent."""
    tally: Counter[str] = Counter()
    for job in sent:
        if job.before is not None and job.before.status in {"failed", "cancelled"}:
            tally[_tell_failure(job, job.before, reporter)] += 1
        else:
            tally[_SENT if job.fresh else _BEFORE] += 1
    return tally


async def _follow(
    store: ObjectStore,
    jobs: Mapping[str, Sent],
    keeper: "_ResultSaver",
    reporter: ProgressReporter,
    warned: list[tuple[str, JobWarning]],
) -> Counter[str]:
    """Wait until all have ended, print where their results lie, and keep what is to be kept.

    `warned` gains the warnings of all jobs, each with its target's name.
    """
    tally: Counter[str] = Counter()
    async with aclosing(ends_of(store, jobs, reporter)) as ends:
        async for status in ends:
            job = jobs[status.job_id]
            warned += ((job.submission.name, warning) for warning in status.warnings)
            where = await keeper.keep(job, status, len(jobs))
            if status.status == "completed":
                reporter.result(where)
                tally[_DONE] += 1
            else:
                tally[_tell_failure(job, status, reporter)] += 1
    keeper.close(tuple(jobs))
    return tally


def _tell_failure(job: Sent, status: Status, reporter: ProgressReporter) -> str:
    code = status.error.code if status.error else status.status
    reporter.fault(job.submission.name, reason(status), code)
    return code


class _ResultSaver:
    """Keeps results: as files in `folder`, as thumbnails on the page `sheet`, or not at all."""

    def __init__(
        self,
        store: ObjectStore,
        files: SubmittedFiles,
        *,
        folder: Path | None,
        sheet: Path | None,
        limits: Limits,
    ) -> None:
        self._store = store
        self._files = files
        self._folder = folder
        self._sheet = sheet
        self._limits = limits
        self._cards: dict[str, Card] = {}

    async def keep(self, job: Sent, status: Status, jobs: int) -> str:
        """Keep what an ended job, one of so many, came to; returns where its result lies now."""
        body, where = None, status.result.key if status.result else ""
        if status.result is not None and self._folder is not None:
            path = self._folder / result_name(status)
            await self._save(status, path)
            where = str(path)
        if status.result is not None and self._sheet is not None:
            if self._folder is not None:
                body = await asyncio.to_thread(Path(where).read_bytes)
            else:
                body = await fetch_result(self._store, status)
        if self._sheet is not None:
            side = thumbnail_side(jobs)
            self._cards[job.job_id] = await asyncio.to_thread(self._card, job, status, body, side)
        return where

    def close(self, order: Sequence[str]) -> None:
        """Write the page, the jobs in this order."""
        if self._sheet is not None:
            write_sheet(self._sheet, [self._cards[job_id] for job_id in order], title="Swapped pictures")

    async def _save(self, status: Status, path: Path) -> None:
        """Have a result in a file, from an earlier run or else from the bucket."""
        if status.result is not None:
            with suppress(FileNotFoundError):
                if await asyncio.to_thread(_sha256, path) == status.result.sha256:
                    return
        await download_result(self._store, status, path)

    def _card(self, job: Sent, status: Status, body: bytes | None, side: int) -> Card:
        path = self._files.path(str(job.submission.document["target"]))
        swapped = [face for face in status.faces or () if face.swapped]
        facts = [status.engine.name] if status.engine is not None else []
        if status.faces is not None:
            facts.append(f"{len(swapped)} of {len(status.faces)} faces")
        if status.started_at and status.finished_at:
            facts.append(f"{(status.finished_at - status.started_at).total_seconds():.1f} s")
        return card(
            job.submission.name,
            pixels(path.read_bytes(), self._limits) if path else None,
            pixels(body, self._limits) if body else None,
            side=side,
            boxes=[face.box for face in swapped],
            facts=facts,
            error=None if status.status == "completed" else reason(status),
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
