"""Every state of the page on a desk and on a phone, in both languages, light and dark."""

import re

import pytest
from playwright.sync_api import Page

from tests.support.browser import DESK, PHONE, Pages, axe_findings
from tests.support.page_states import states
from tests.support.swap_page import SwapPage, Words

# Names of files, formats, units and the signer, and the one word of the switch: the same in every language.
_SAME_IN_CHINESE = re.compile(
    r"swapdrop|English|[\w-]+\.(jpg|png|mp4)|JPEG|PNG|WebP|HEIC|AVIF|GIF|AI(?:GC)?|C2PA|SHA-256|[kMG]B"
    r"|(image|video)/\w+|sha256:\w+|[0-9a-f]{32,}|mesh|\w+Provider|\w+\.(onnx|npz|json)|no_face_in_source"
    r"|trial( signer)?"
)
_LATIN = re.compile(r"[A-Za-z]{2,}")

# What is seen: not what only screen readers hear, nor what is marked as another language.
_VISIBLE_TEXTS = """() => {
    const seen = element => element.checkVisibility({visibilityProperty: true})
        && !element.closest("[lang='en']:not(html), .unseen, script, style, noscript");
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) {
        const text = walker.currentNode.data.trim();
        if (text && seen(walker.currentNode.parentElement)) texts.push(text);
    }
    const labels = [...document.querySelectorAll("[aria-label]")].filter(seen);
    return [...texts, ...labels.map(element => element.getAttribute("aria-label"))];
}"""
_CUT = """() => [...document.querySelectorAll("button, a, h1, h2, h3, summary, label, p, dt, dd, li, span")]
    .filter(element => element.checkVisibility() && !element.closest(".unseen, .skip"))
    .filter(element => getComputedStyle(element).display !== "inline")
    // A face's number hangs below its box, and the grip over the line that it moves.
    .filter(element => !element.matches("[aria-pressed], [aria-hidden]"))
    .filter(element => element.scrollWidth > element.clientWidth + 1
        || element.getBoundingClientRect().right > innerWidth + 1)
    .map(element => `${element.tagName} ${element.className}: ${element.textContent}`)"""


def english_left(page: Page) -> list[str]:
    """Visible words that are neither Chinese nor the same in every language."""
    return [text for text in page.evaluate(_VISIBLE_TEXTS) if _LATIN.search(_SAME_IN_CHINESE.sub("", text))]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("look", ["light English desk", "dark Chinese phone"])
def test_no_state_of_the_page_has_barriers_or_cut_or_foreign_words(pages: Pages, look: str) -> None:
    desk = look.endswith("desk")
    site = SwapPage(page=pages.open(**(DESK if desk else PHONE)), words=Words("en" if desk else "zh"))
    pages.forgive("status of 422")  # a damaged video
    faults = []
    for state in states(site):
        page = site.page
        foreign = [] if desk else english_left(page)
        faults += [f"{state}: {fault}" for fault in [*axe_findings(page), *page.evaluate(_CUT), *foreign]]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), state
    assert not faults, "\n".join(faults)
