"""A job is followed as its record tells of it: through reloads, other tabs and lost connections."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests
from playwright.sync_api import expect

from tests.support.browser import Pages
from tests.support.buckets import ASTRONAUT
from tests.support.local_stack import LocalStack
from tests.support.swap_page import Card, SwapPage, Words, as_file
from tests.support.web_pictures import MANY_FRAMES, SOME_FRAMES, moving_face

# What the page promises, however busy the machine is.
_SEEN_S = 3.0
_CANCELLED_S = 5.0

_STAGES = ("queued", "download", "decode", "detect", "swap", "paste", "encode", "upload", "finish")
_WORDS = Words("en")


def begin(site: SwapPage, name: str, frames: int) -> Card:
    """Start a job that takes a while; its card."""
    site.choose_target(as_file(name, moving_face(frames)))
    site.choose_face(as_file("collins.jpg", ASTRONAUT))
    expect(site.found(1)).to_be_visible()
    site.start()
    return site.card(name)


def stop(card: Card) -> None:
    """Cancel a job that is no longer needed, as the next one waits for its turn."""
    card.cancel.click()
    expect(card.says("jobs.cancelled.title")).to_be_visible()


def test_a_job_is_seen_cancelled_soon_in_every_tab(site: SwapPage) -> None:
    card = begin(site, "wave.gif", MANY_FRAMES)
    other = site.page.context.new_page()
    other.goto("/")
    elsewhere = SwapPage(page=other, words=site.words).card("wave.gif")
    expect(elsewhere.progress).to_be_visible()
    expect(card.progress).to_be_visible()
    elsewhere.cancel.click()
    for tab in (elsewhere, card):
        expect(tab.says("jobs.cancelled.title")).to_be_visible(timeout=_CANCELLED_S * 1000)
        expect(tab.cancel).to_have_count(0)


def test_a_reload_loses_nothing_of_a_job(site: SwapPage) -> None:
    card = begin(site, "wave.gif", SOME_FRAMES)
    expect(card.progress).to_be_visible()
    site.page.reload()
    expect(card.progress.or_(card.download)).to_be_visible()
    expect(card.says("jobs.done.all", count=1)).to_be_visible()
    expect(site.page.get_by_role("article")).to_have_count(1)


def test_without_a_connection_a_job_waits_and_is_not_called_failed(site: SwapPage, pages: Pages) -> None:
    pages.forgive("ERR_INTERNET_DISCONNECTED")
    card = begin(site, "wave.gif", SOME_FRAMES)
    expect(card.progress).to_be_visible()
    site.page.context.set_offline(True)
    expect(site.says("common.offline")).to_be_visible()
    expect(card.progress).to_be_visible()
    expect(card.says("jobs.failed.title")).to_have_count(0)
    site.page.context.set_offline(False)
    expect(card.says("jobs.done.all", count=1)).to_be_visible()
    expect(site.says("common.offline")).to_have_count(0)


@dataclass(frozen=True, kw_only=True)
class Place:
    """How far a job is, to be compared: its stage, and how much of that is done."""

    stage: int
    done: int

    @classmethod
    def recorded(cls, record: Any) -> "Place":  # noqa: ANN401 - JSON
        stage = _STAGES.index(record["stage"])
        return cls(stage=stage, done=record["progress_detail"]["done"])

    @classmethod
    def shown(cls, bar: str) -> "Place":
        """Read it off what the bar tells screen readers."""
        told = re.sub(r"^Step \d of \d, ", "", bar)
        stage = next(name for name in _STAGES if told.startswith(_WORDS(f"stages.{name}")))
        amount = re.search(r"(\d+) of \d+ frames$", told)
        return cls(stage=_STAGES.index(stage), done=int(amount[1]) if amount else 0)

    def reached(self, other: "Place") -> bool:
        return (self.stage, self.done) >= (other.stage, other.done)


def seen(stack: LocalStack, card: Card) -> Iterator[tuple[Any, str | None, float]]:
    """A job's record, what its bar shows and when, again and again until the job has ended."""
    job_id = card.at.page.evaluate("JSON.parse(localStorage.getItem('swapdrop.jobs'))[0].id")
    while True:
        record = requests.get(f"{stack.url}/api/status/{job_id}", timeout=10).json()["data"]
        if record["status"] == "completed":
            return
        bar = card.progress
        yield record, bar.get_attribute("aria-valuetext") if bar.count() else None, time.time()


def due_by(moved: dict[str, Place], at: float) -> dict[float, Place]:
    """When the page must have shown what was written, as far as that is over."""
    due = {datetime.fromisoformat(written).timestamp() + _SEEN_S: place for written, place in moved.items()}
    return {until: place for until, place in due.items() if until < at}


def test_what_moves_in_the_record_moves_on_the_page(site: SwapPage, stack: LocalStack) -> None:
    card = begin(site, "wave.gif", 2 * MANY_FRAMES)
    expect(card.progress).to_be_visible()
    moved: dict[str, Place] = {}
    shown: list[tuple[float, Place]] = []
    for record, bar, at in seen(stack, card):
        if record["status"] == "processing":
            moved.setdefault(record["updated_at"], Place.recorded(record))
        if bar:
            shown.append((at, Place.shown(bar)))
        if len(set(due_by(moved, at).values())) >= 3:
            break
    due = due_by(moved, time.time())
    assert len(set(due.values())) >= 3
    for until, place in due.items():
        assert any(at <= until and on_page.reached(place) for at, on_page in shown), (place, shown)
    stop(card)
