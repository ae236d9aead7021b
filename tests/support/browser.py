"""Pages in a real browser, each of which must keep its console clean and ask nobody but its own server."""

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from infra.local.programs import MODULES

ARGUMENTS = (
    "--no-sandbox",  # containers have no user namespaces, and the pages are our own
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
)
DESK: Final[dict[str, Any]] = {
    "locale": "en",
    "viewport": {"width": 1280, "height": 900},
    "color_scheme": "light",
}
PHONE: Final[dict[str, Any]] = {
    "locale": "zh-CN",
    "viewport": {"width": 390, "height": 844},
    "color_scheme": "dark",
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
_PATIENCE_MS = 40_000
_OWN_SCHEMES = {"blob", "data"}
_AXE = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


@dataclass
class Pages:
    """Opens pages of one site, each in a profile of its own, and keeps what goes wrong in them."""

    browser: Browser
    url: str
    faults: list[str] = field(default_factory=list)
    _forgiven: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def open(self, path: str = "/", **profile: Any) -> Page:  # noqa: ANN401 - as Browser.new_context
        """Open a page; `profile` is what `Browser.new_context` takes, such as locale and viewport."""
        context = self.browser.new_context(base_url=self.url, **profile)
        self._contexts.append(context)
        context.set_default_timeout(_PATIENCE_MS)
        context.on("page", self._watch)
        page = context.new_page()
        page.goto(path)
        return page

    def forgive(self, pattern: str) -> None:
        """Expect faults that match: a browser reports each refused request, also those a test wants."""
        self._forgiven.append(pattern)

    def close(self) -> None:
        """Close all pages; raises AssertionError that tells what went wrong in them unexpectedly."""
        for context in self._contexts:
            context.close()
        unexpected = [
            fault for fault in self.faults if not any(re.search(each, fault) for each in self._forgiven)
        ]
        assert not unexpected, "\n".join(unexpected)

    def _watch(self, page: Page) -> None:
        page.on("console", self._printed)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        page.on("request", self._asked)

    def _printed(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"{message.type}: {message.text} ({message.location['url']})")

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in _OWN_SCHEMES and address.netloc != urlsplit(self.url).netloc:
            self.faults.append(f"third party: {request.url}")


def axe_findings(page: Page) -> list[str]:
    """What axe finds wrong with the page as it is now by WCAG 2.2 AA: rule, elements and what to do."""
    page.evaluate(_axe_source())
    found = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", list(_AXE))
    return [
        f"{violation['id']} ({violation['impact']}) at {node['target']}: {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


@cache
def _axe_source() -> str:
    # Evaluated, because the page's own policy refuses scripts that are added to it.
    return (MODULES / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
