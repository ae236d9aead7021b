"""The page's window "Check a picture", in which a file tells what it says of its making."""

import base64
from dataclasses import dataclass, field

from playwright.sync_api import Locator, Request, expect

from tests.support.swap_page import SwapPage, as_file

# As a browser does when somebody lets go of a file above an element.
_DROP = """([name, type, body]) => {
    const bytes = Uint8Array.from(atob(body), letter => letter.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, {type}));
    return data;
}"""


@dataclass(kw_only=True)
class CheckWindow:
    """The window, open, and what the page has asked for since."""

    site: SwapPage
    requests: list[Request] = field(default_factory=list)

    @property
    def at(self) -> Locator:
        """The window itself."""
        return self.site.page.get_by_role("dialog", name=self.site.words("common.header.check"))

    def keep(self, request: Request) -> None:
        """Note what the page asks for."""
        self.requests.append(request)

    def drop(self, name: str, body: bytes) -> None:
        """Drop a file onto it, and wait until it has been looked at."""
        file = as_file(name, body)
        given = [name, file["mimeType"], base64.b64encode(body).decode()]
        data = self.site.page.evaluate_handle(_DROP, given)
        self.at.dispatch_event("drop", {"dataTransfer": data})
        expect(self.at.get_by_text(name, exact=True)).to_be_visible()
        expect(self.says("looking")).to_have_count(0)

    def says(self, key: str) -> Locator:
        """Where it says a text of its dictionary."""
        return self.at.get_by_text(self.site.words.like(f"check.{key}"))

    def told(self, key: str) -> list[str]:
        """What it says under a name of its dictionary."""
        term = self.at.get_by_role("term").filter(has_text=self.site.words.like(f"check.{key}"))
        return term.locator("xpath=following-sibling::dd").all_inner_texts()


def open_check(site: SwapPage) -> CheckWindow:
    """Open the window."""
    window = CheckWindow(site=site)
    site.page.on("request", window.keep)
    site.button("common.header.check").click()
    expect(window.says("here")).to_be_visible()
    return window
