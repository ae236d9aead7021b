"""The page as a browser gets it."""

import gzip

from playwright.sync_api import Response, expect

from tests.support.browser import DESK, Pages
from tests.support.swap_page import SwapPage, Words

_MOST_SCRIPT_BYTES = 40_000
_MOST_STYLE_BYTES = 10_000


def test_an_unknown_address_is_a_404_and_not_the_page(pages: Pages) -> None:
    pages.forgive("status of 404")
    page = pages.open("/no-such-page")
    answer = page.request.get("/assets/no-such-script.js")
    assert answer.status == 404


def test_the_page_stays_within_its_budget(pages: Pages) -> None:
    sizes: dict[str, int] = {"script": 0, "stylesheet": 0}

    def weigh(answer: Response) -> None:
        if (kind := answer.request.resource_type) in sizes:
            sizes[kind] += len(gzip.compress(answer.body()))

    page = pages.open("about:blank", **DESK)
    page.on("response", weigh)
    page.goto("/")
    site = SwapPage(page=page, words=Words("en"))
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("button", name="English")).to_be_visible()
    page.get_by_role("button", name="English").click()
    site.button("composer.samples.try").click()
    expect(site.found(1)).to_be_visible()
    assert 0 < sizes["script"] <= _MOST_SCRIPT_BYTES
    assert 0 < sizes["stylesheet"] <= _MOST_STYLE_BYTES
