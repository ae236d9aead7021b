"""A real Worker, page and consumer for all tests of a run, and a real browser for those of a file."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from pipeline.signing.trial_chain import write_trial_chain
from tests.support.browser import ARGUMENTS, DESK, Pages
from tests.support.local_stack import LocalStack, chromium, local_stack
from tests.support.swap_page import SwapPage, Words

# Long enough for a machine that does much else; what tests assert of time, they say themselves.
expect.set_options(timeout=40_000)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The local stack, which signs; its bucket is shared, so tests send jobs of their own."""
    signing = tmp_path_factory.mktemp("signing")
    write_trial_chain(signing, datetime.now(UTC))
    with local_stack(tmp_path_factory.mktemp("web"), "--signing", str(signing)) as started:
        yield started


# Not for the whole run: while it is open, its event loop keeps tests of other folders from running theirs.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def pages(browser: Browser, stack: LocalStack) -> Iterator[Pages]:
    """Opens pages; the test fails if one of them prints an error or asks anybody but the stack."""
    opened = Pages(browser, stack.url)
    yield opened
    opened.close()


@pytest.fixture
def page(pages: Pages) -> Page:
    """The page as it opens on a desk, in English."""
    return pages.open(**DESK)


@pytest.fixture
def site(page: Page) -> SwapPage:
    """The same page, to be used by its words."""
    return SwapPage(page=page, words=Words("en"))
