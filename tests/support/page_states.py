"""Every state of the page, one after the other, on the way from an empty page to a list of jobs."""

from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.support.buckets import HOPPER
from tests.support.check_window import open_check
from tests.support.swap_page import Card, SwapPage, as_file
from tests.support.web_clips import cut_off, two_people
from tests.support.web_pictures import nobody, three_people


def states(site: SwapPage) -> Iterator[str]:
    """Bring the page into each of its states and yield what that is called."""
    expect(site.says("composer.samples.ready")).to_be_visible()
    yield "start"
    yield from _dialogs(site)
    site.says("composer.options.title").click()
    yield "options"
    restore = site.page.get_by_role("checkbox", name=site.words("composer.options.restore.title"))
    restore.check()
    site.says("composer.options.more").click()
    expect(site.says("fine.restored.help")).to_be_visible()
    yield "more options"
    restore.uncheck()
    site.says("composer.options.title").click()
    site.button("composer.start_none").click()
    expect(site.says("composer.missing.target")).to_be_visible()
    yield "missing"
    site.choose_target(as_file("party.png", three_people()))
    expect(site.found(3)).to_be_visible()
    site.choose_face_of(1, as_file("hopper.jpg", HOPPER))
    yield "found"
    site.start()
    card = site.card("party.png")
    expect(card.heading).to_be_focused()
    expect(card.slider).to_be_visible()
    _loaded(card.at)
    yield "done"
    card.at.get_by_text(site.words("jobs.details.title"), exact=True).click()
    yield "details"
    yield from _check(site, card)
    site.choose_target(as_file("wall.png", nobody()))
    expect(site.says("composer.none.title")).to_be_visible()
    yield "nobody"
    yield from _videos(site)
    site.choose_target(as_file("portrait.jpg", HOPPER))
    expect(site.found(1)).to_be_visible()
    site.change_face(as_file("wall.png", nobody()))
    site.start()
    expect(site.card("portrait.jpg").says("jobs.failed.title")).to_be_visible()
    yield "failed"
    site.button("jobs.all", count=3).click()
    expect(site.page.get_by_role("dialog")).to_be_visible()
    yield "history"
    site.page.keyboard.press("Escape")


def _videos(site: SwapPage) -> Iterator[str]:
    site.choose_target(as_file("dance.mp4", two_people()))
    expect(site.found(2)).to_be_visible()
    site.says("composer.options.title").click()
    expect(site.says("composer.options.sound.help")).to_be_visible()
    yield "video"
    site.says("composer.options.title").click()
    site.person(1).get_by_role("button").first.click()
    site.start()
    card = site.card("dance.mp4")
    result = card.at.get_by_label(site.words("jobs.done.picture_after", name="dance.mp4"))
    expect(result).to_have_js_property("videoWidth", 480)
    yield "video done"
    site.button("jobs.done.compare").click()
    before = card.at.get_by_label(site.words("jobs.done.picture_before", name="dance.mp4"))
    expect(before).to_have_js_property("videoWidth", 480)
    yield "video compared"
    site.choose_target(as_file("broken.mp4", cut_off()))
    expect(site.button("jobs.mend.target_video")).to_be_visible()
    yield "video damaged"


def _check(site: SwapPage, card: Card) -> Iterator[str]:
    with site.page.expect_download() as download:
        card.download.click()
    window = open_check(site)
    yield "check"
    for name, body, is_so in (
        ("party.png", Path(download.value.path()).read_bytes(), "trusted"),
        ("hopper.jpg", HOPPER, "none"),
    ):
        window.drop(name, body)
        expect(window.says(f"verdict.{is_so}.title")).to_be_visible()
        yield f"check of what is {is_so}"
    site.page.keyboard.press("Escape")


def _dialogs(site: SwapPage) -> Iterator[str]:
    for key, text in (("common.footer.files", "about.files.where"), ("common.footer.why", "about.why.say")):
        site.page.get_by_role("contentinfo").get_by_role("button", name=site.words(key)).click()
        dialog = site.page.get_by_role("dialog", name=site.words(key))
        expect(dialog.get_by_text(site.words(text))).to_be_visible()
        yield key.rsplit(".", 1)[-1]
        dialog.get_by_role("button", name=site.words("common.close")).click()
        expect(dialog).to_have_count(0)


def _loaded(within: Locator) -> None:
    """Wait until its pictures are there."""
    for picture in within.get_by_role("img").all():
        expect(picture).to_have_js_property("complete", value=True)
