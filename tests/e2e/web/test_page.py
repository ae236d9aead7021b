"""The page as a browser gets it."""

import gzip

import pytest
import requests
from playwright.sync_api import Page, Response, expect

from tests.support.browser import DESK, Pages, axe_findings
from tests.support.local_stack import LocalStack
from tests.support.swap_page import SwapPage, Words

_MOST_SCRIPT_BYTES = 40_000
_MOST_STYLE_BYTES = 10_000


def headers(stack: LocalStack, path: str) -> "requests.structures.CaseInsensitiveDict[str]":
    return requests.get(f"{stack.url}{path}", timeout=10).headers


def test_the_page_may_load_and_ask_nothing_but_its_own_site_and_be_shown_in_no_frame(
    stack: LocalStack,
) -> None:
    told = headers(stack, "/")
    policy = dict(rule.split(maxsplit=1) for rule in told["Content-Security-Policy"].split("; "))
    assert policy.pop("default-src") == "'none'"
    assert policy.pop("frame-ancestors") == "'none'"
    allowed = {source for sources in policy.values() for source in sources.split()}
    assert allowed <= {"'self'", "'none'", "blob:", "data:"}
    assert (policy["script-src"], policy["style-src"]) == ("'self'", "'self'")
    assert told["X-Content-Type-Options"] == "nosniff"
    assert told["Referrer-Policy"] == "no-referrer"


def test_scripts_and_styles_are_kept_for_ever_and_the_page_is_asked_for_anew(
    page: Page, stack: LocalStack
) -> None:
    loaded = page.locator("script[src], link[rel=stylesheet]").evaluate_all(
        "all => all.map(each => new URL(each.src || each.href).pathname)"
    )
    assert loaded
    for path in loaded:
        assert "immutable" in headers(stack, path)["Cache-Control"], path
    assert "immutable" not in headers(stack, "/")["Cache-Control"]


def test_an_unknown_address_is_a_404_and_not_the_page(pages: Pages) -> None:
    pages.forgive("status of 404")
    page = pages.open("/no-such-page")
    assert page.request.get("/no-such-page").status == 404
    assert page.request.get("/assets/no-such-script.js").status == 404


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


def test_a_language_that_could_not_be_fetched_is_fetched_when_it_is_chosen_again(
    page: Page, pages: Pages
) -> None:
    pages.forgive("ERR_FAILED")
    page.route("**/zh-*.js", lambda route: route.abort(), times=1)
    with page.expect_event("requestfailed"):
        page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("button", name="中文")).to_be_visible()
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("button", name="English")).to_be_visible()


@pytest.mark.parametrize(
    ("script", "button", "text"),
    [
        ("Check", "common.header.check", "check.here"),
        ("About", "common.footer.files", "about.files.where"),
    ],
)
def test_a_part_that_is_gone_since_the_page_was_deployed_anew_says_so_and_leads_to_the_new_page(
    page: Page, site: SwapPage, pages: Pages, script: str, button: str, text: str
) -> None:
    pages.forgive("status of 404")
    page.route(f"**/assets/{script}-*.js*", lambda route: route.fulfill(status=404))
    site.button(button).click()
    expect(site.says("common.outdated")).to_be_visible()
    assert axe_findings(page) == []
    page.unroute_all()
    with page.expect_navigation():
        site.button("common.reload").click()
    site.button(button).click()
    expect(site.says(text)).to_be_visible()


def test_a_language_that_is_gone_since_the_page_was_deployed_anew_says_so(
    page: Page, site: SwapPage, pages: Pages
) -> None:
    pages.forgive("status of 404")
    page.route("**/zh-*.js*", lambda route: route.fulfill(status=404))
    page.get_by_role("button", name="中文").click()
    expect(site.says("common.outdated")).to_be_visible()
    expect(site.says("common.offline")).to_have_count(0)
    page.unroute_all()
    with page.expect_navigation():
        site.button("common.reload").click()
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("button", name="English")).to_be_visible()
