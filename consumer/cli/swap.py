"""`swapdrop swap`: the same work as a job, on local files, one or many."""

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing, nullcontext, redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path

import typer
from rich.console import Console

from consumer.cli.bucket import fail, faults_told, settings_or_exit
from consumer.cli.destination import Destination, write_to_stdout
from consumer.cli.progress import (
    ProgressReporter,
    describe_progress,
    print_counts,
    print_warnings,
    print_warnings_of,
    reporting,
)
from consumer.cli.sheet import Card, card, pixels, thumbnail_side, write_sheet
from consumer.cli.swap_plan import Batch, SwapCommand, is_video, one_by_one, plan
from consumer.cli.swap_work import DONE, Item, OnProgress, Outcome, swap_all
from consumer.client.files import describe_os_error
from consumer.client.fingerprint import ResultFingerprint
from consumer.client.local import open_local_jobs
from consumer.client.results import NOT_ALONE, FileInTheWay, in_the_way
from consumer.client.submission import WrongWords, parse_faces, split_sources
from consumer.client.targets import NoSuchFile, check_words
from consumer.config.limits import picture_limits
from consumer.config.settings import Settings
from consumer.engines.on_disk import FilesMissing
from consumer.jobs.swap_picture import check_sources
from consumer.telemetry.logs import configure_logging
from models.errors import ModelError
from pipeline.face import Bgr
from pipeline.media.pictures.decode import Limits
from storage.errors import StorageError
from storage.records.status import Progress, Stage

_EXISTS = "there already"
_IGNORED = "no picture or video, ignored"
_GOOD = frozenset({DONE, _EXISTS, _IGNORED})


def run_swap(command: SwapCommand) -> int:
    """Swap and save; 0 only if in every picture at least one face was swapped."""
    with faults_told():
        return _run(command) if command.output.path is not None else _run_to_stdout(command)


def _run_to_stdout(command: SwapCommand) -> int:
    with tempfile.TemporaryDirectory(prefix="swapdrop-") as folder:
        path = Path(folder) / "result"
        with redirect_stdout(sys.stderr):  # Ray tells there of workers that died
            code = _run(replace(command, output=Destination(path=path)), to_stdout=True)
        write_to_stdout(path.read_bytes())
        return code


def _run(command: SwapCommand, *, to_stdout: bool = False) -> int:
    settings = settings_or_exit(command.settings)
    configure_logging(settings)
    try:
        if to_stdout:
            _check_one(command)
        work = [(one.sheet, plan(one, settings)) for one in one_by_one(command)]
        if to_stdout:
            _check_alone(work[0][1])
        done: list[tuple[Batch, list[Outcome]]] = []
        for sheet, batch in work:
            outcomes = _swap(settings, batch, force=command.force)
            done.append((batch, outcomes))
            if sheet is not None:
                _write_sheet(sheet, batch.items, outcomes, picture_limits(settings))
    except FilesMissing as error:
        looked = [f"{name} was looked for in {'; '.join(places)}" for name, places in error.missing.items()]
        raise fail("\n".join([f"{error} ({error.code})", *looked])) from None
    except (NoSuchFile, WrongWords) as error:
        raise fail(str(error)) from None
    except (ModelError, StorageError) as error:
        raise fail(f"{error} ({error.code})") from None
    except OSError as error:
        raise fail(describe_os_error(error)) from None
    except KeyboardInterrupt:
        raise fail("Interrupted. The same command again goes on from here.", code=130) from None
    return max(_summarise(batch, outcomes, to_stdout=to_stdout) for batch, outcomes in done)


def _check_one(command: SwapCommand) -> None:
    """Refuse several pictures, before anything is done, where there is one standard output."""
    sources, words = split_sources(
        command.words, parse_faces(command.faces), command.sources, each=command.each
    )
    check_words(words)
    if len(sources) != 1 or len(words) != 1 or not Path(words[0]).is_file():
        Destination(path=None).folder()


def _check_alone(batch: Batch) -> None:
    """Refuse, before anything is done, a result that would go to standard output without its signature."""
    if any(item.has_sidecar for item in batch.items):
        raise WrongWords(NOT_ALONE)


def _swap(settings: Settings, batch: Batch, *, force: bool) -> list[Outcome]:
    """Swap the pictures whose results are not there yet; a single one's may be replaced."""
    made, taken = (set[Item](), list[Outcome]()) if force else _there_already(batch)
    left = made.union(outcome.item for outcome in taken)
    items = [item for item in batch.items if item not in left]
    with reporting(settings) as reporter:
        if batch.single:
            follow = partial(_follow_one, reporter)
            return taken + asyncio.run(swap_items(settings, batch, items, _tell_nobody, follow))
        teller = _Teller(reporter, len(items) + len(taken))
        for outcome in taken:
            teller.tell(outcome)
        return taken + asyncio.run(swap_items(settings, batch, items, teller.tell, teller.follow))


def _there_already(batch: Batch) -> tuple[set[Item], list[Outcome]]:
    """The items that an earlier run of this command has made, and those whose place is taken."""
    fingerprint = None if batch.single else ResultFingerprint(batch.request)
    made, taken = set[Item](), list[Outcome]()
    for item in batch.items:
        if fingerprint and item.output.exists() and fingerprint.has_made(item.output, item.target):
            made.add(item)
            continue
        path = in_the_way(item.output, has_sidecar=item.has_sidecar, replaces_results=batch.single)
        if path is not None:
            taken.append(Outcome(item=item, state=FileInTheWay.code, message=str(FileInTheWay(path))))
    return made, taken


async def swap_items(
    settings: Settings,
    batch: Batch,
    items: Sequence[Item],
    tell: Callable[[Outcome], None],
    follow: OnProgress = lambda _item, _stage, _progress: None,
) -> list[Outcome]:
    """Swap what is to be, telling of each as it is done; raises what would be wrong with all of it.

    `follow` is told how far each video is, from any thread.
    """
    if not items:
        return []
    made: list[Outcome] = []
    request = batch.request
    async with (
        open_local_jobs(settings, face_filter=request.face_filter) as jobs,
        jobs.services.cluster.kept() if jobs.services.cluster else nullcontext(),
    ):
        await jobs.load_engine(request.manifest)
        if not batch.single:
            async with jobs.context(request.manifest, output_id="") as context:
                await check_sources(context)
        async with aclosing(swap_all(jobs, request, items, follow)) as outcomes:
            async for outcome in outcomes:
                tell(outcome)
                made.append(outcome)
    return made


def _tell_nobody(_outcome: Outcome) -> None:
    """A single one is told of at the end."""


def _follow_one(reporter: ProgressReporter, _item: Item, stage: Stage, progress: Progress) -> None:
    """Show how far the only one is."""
    reporter.move(describe_progress(stage, progress), done=progress.done, total=progress.total)


class _Teller:
    """Shows how far a batch is, and how far the video is of which there is news."""

    def __init__(self, reporter: ProgressReporter, total: int) -> None:
        self._reporter = reporter
        self._total = total
        self._done = 0
        self._move("")

    def tell(self, outcome: Outcome) -> None:
        """Tell what became of one."""
        reporter = self._reporter
        if outcome.state != DONE:
            reporter.fault(outcome.item.name, outcome.message, outcome.state)
        else:
            reporter.event("swapped", target=outcome.item.name, faces=outcome.swapped, ms=outcome.timings_ms)
            reporter.result(str(outcome.item.output))
        self._done += 1
        self._move("")

    def follow(self, item: Item, stage: Stage, progress: Progress) -> None:
        """Show how far a video is."""
        self._move(f"  {item.name}: {describe_progress(stage, progress)}")

    def _move(self, more: str) -> None:
        self._reporter.move(f"{self._done} of {self._total}{more}", done=self._done, total=self._total)


def _summarise(batch: Batch, outcomes: Sequence[Outcome], *, to_stdout: bool) -> int:
    console = Console(stderr=True, highlight=False)
    if batch.single:
        _describe(console, outcomes[0])
    tally = Counter(outcome.state for outcome in outcomes)
    tally[_EXISTS] = len(batch.items) - len(outcomes)
    tally[_IGNORED] = batch.ignored
    print_counts(+tally, good=_GOOD)
    if batch.single:
        print_warnings(outcomes[0].warnings)
    else:
        print_warnings_of((each.item.name, warning) for each in outcomes for warning in each.warnings)
    if batch.single and not to_stdout:
        typer.echo(outcomes[0].item.output)
    return 0 if _GOOD.issuperset(+tally) else 1


def _describe(console: Console, outcome: Outcome) -> None:
    if outcome.state != DONE:
        raise fail(f"{outcome.message} ({outcome.state})")
    times = ", ".join(f"{stage} {ms:.0f}" for stage, ms in outcome.timings_ms.items())
    console.print(f"[green]{outcome.swapped} of {len(outcome.faces)} faces swapped[/green] ({times} ms)")


def _write_sheet(path: Path, items: Sequence[Item], outcomes: Sequence[Outcome], limits: Limits) -> None:
    """Look at the files themselves, so that results of an earlier run are on the sheet as well."""
    by_item = {outcome.item: outcome for outcome in outcomes}
    side = thumbnail_side(len(items))
    cards = [_card(item, by_item.get(item), side, limits) for item in items]
    write_sheet(path, cards, title="Swapped pictures")


def _card(item: Item, outcome: Outcome | None, side: int, limits: Limits) -> Card:
    failed = outcome is not None and outcome.state != DONE
    facts: list[str] = []
    if outcome is None:
        facts = ["made by an earlier run"]
    elif outcome.engine is not None:
        facts = [
            outcome.engine.name,
            f"{outcome.swapped} of {len(outcome.faces)} faces",
            f"{sum(outcome.timings_ms.values()) / 1000:.1f} s",
        ]
    return card(
        item.name,
        _pixels(item.target, limits),
        None if failed else _pixels(item.output, limits),
        side=side,
        boxes=[face.box for face in outcome.faces if face.swapped] if outcome else (),
        facts=facts,
        error=outcome.message if outcome is not None and failed else None,
    )


def _pixels(path: Path, limits: Limits) -> Bgr | None:
    """What of a file is shown; nothing of a video."""
    return None if is_video(path) else pixels(path.read_bytes(), limits)
