"""`python -m tests.screenshots`, or `make screenshots`: the pictures of the page in docs/images."""

import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from infra.local.programs import ROOT
from tests.support.browser import ARGUMENTS, DESK, PHONE, Pages
from tests.support.buckets import HOPPER
from tests.support.local_stack import chromium, local_stack
from tests.support.swap_page import SwapPage, Words, as_file
from tests.support.web_pictures import three_people

_IMAGES = ROOT / "docs" / "images"
_QUALITY = 88


def main() -> None:
    """Bring the page into the state that is shown, on a desk and on a phone."""
    with tempfile.TemporaryDirectory() as data, local_stack(Path(data)) as stack, sync_playwright() as player:
        browser = player.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        pages = Pages(browser, stack.url)
        desk = pages.open(**DESK | {"viewport": {"width": 1280, "height": 1270}})
        _fill(SwapPage(page=desk, words=Words("en")))
        _take(desk, "page.jpg")
        phone = pages.open(**PHONE | {"locale": "en", "color_scheme": "light"})
        _fill(SwapPage(page=phone, words=Words("en")))
        _take(phone, "page-phone.jpg")
        pages.close()


def _fill(site: SwapPage) -> None:
    """A finished swap, and beside it another one that is being put together."""
    site.button("composer.samples.try").click()
    expect(site.found(1)).to_be_visible()
    site.start()
    expect(site.card("grace-hopper.jpg").slider).to_be_visible()
    site.choose_target(as_file("friends.png", three_people()))
    expect(site.found(3)).to_be_visible()
    site.person(2).get_by_role("button", name="Use eileen-collins.jpg").click()
    site.choose_face_of(3, as_file("grace-hopper.jpg", HOPPER))
    site.wait_until_sent()


def _take(page: Page, name: str) -> None:
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.mouse.move(0, 0)
    page.screenshot(path=_IMAGES / name, type="jpeg", quality=_QUALITY, animations="disabled")


if __name__ == "__main__":
    main()
