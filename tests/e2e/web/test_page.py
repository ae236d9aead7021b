"""The page as a browser gets it."""

from playwright.sync_api import Page

from tests.support.browser import Pages, axe_findings


def test_the_page_opens_with_a_clean_console_and_without_barriers(site: SwapPage) -> None:
    assert page.title() == "swapdrop"
    assert axe_findings(page) == []


def test_an_unknown_address_is_a_404_and_not_the_page(pages: Pages) -> None:
    pages.forgive("status of 404")
    page = pages.open("/no-such-page")
    answer = page.request.get("/assets/no-such-script.js")
    assert answer.status == 404
