"""The page as a person uses it: by what its buttons, fields and headings say, in either of its languages."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from playwright.sync_api import FilePayload, Locator, Page, expect

from infra.local.programs import WORKER

_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "mp4": "video/mp4",
    "avi": "video/x-msvideo",
    "ts": "video/mp2t",
    "tiff": "image/tiff",
    "webp": "image/webp",
    "avif": "image/avif",
    "jpeg": "image/jpeg",
    "mov": "video/quicktime",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "html": "text/html",
}


@dataclass(frozen=True)
class Words:
    """The texts of the page, in `en` or `zh`; those that come later are below the name of their file."""

    language: str

    def __call__(self, key: str, **values: object) -> str:
        """The text of `key`, `{name}` in it replaced by a value of that name; `count` chooses the plural."""
        text = self._texts()
        for part in key.split("."):
            text = text[part]
        if isinstance(text, dict):
            text = text.get("one" if values.get("count") == 1 else "other", text["other"])
        return re.sub(r"\{(\w+)\}", lambda found: str(values.get(found[1], found[0])), text)

    def like(self, key: str, **values: object) -> re.Pattern[str]:
        """What matches the whole text of `key` with those values, and whatever stands in place of others."""
        return _like(self(key, **values))

    def _texts(self) -> Any:  # noqa: ANN401 - JSON
        return _dictionary(self.language)


@cache
def _dictionary(language: str) -> Any:  # noqa: ANN401 - JSON
    folder = WORKER / "page" / "i18n"
    texts = json.loads((folder / f"{language}.json").read_text(encoding="utf-8"))
    for file in (folder / "later").glob(f"*.{language}.json"):
        texts[file.name.partition(".")[0]] = json.loads(file.read_text(encoding="utf-8"))
    return texts


def _like(text: str) -> re.Pattern[str]:
    """What matches a text with anything in place of its `{name}`s."""
    pieces = re.split(r"\{\w+\}", text)
    return re.compile(f"^{'.+'.join(map(re.escape, pieces))}$")


def as_file(name: str, body: bytes) -> FilePayload:
    """A file as a browser's dialog gives it, of the type that its name says."""
    return {"name": name, "mimeType": _TYPES[name.rsplit(".", 1)[-1]], "buffer": body}


@dataclass(frozen=True, kw_only=True)
class Card:
    """A job in the list."""

    at: Locator
    words: Words

    @property
    def heading(self) -> Locator:
        """Its name, which has the focus after the start."""
        return self.at.get_by_role("heading")

    @property
    def progress(self) -> Locator:
        """The bar of five segments."""
        return self.at.get_by_role("progressbar")

    @property
    def download(self) -> Locator:
        """The way to the result, there once the job is done."""
        return self.at.get_by_role("link", name=self.words.like("jobs.download_named"))

    @property
    def cancel(self) -> Locator:
        """The button that stops it."""
        return self.at.get_by_role("button", name=self.words.like("jobs.cancel_named"))

    @property
    def slider(self) -> Locator:
        """The line between before and after."""
        return self.at.get_by_role("slider", name=self.words("jobs.done.compare"))

    def says(self, key: str, **values: object) -> Locator:
        """Where the card says a text of the dictionary."""
        return self.at.get_by_text(self.words.like(key, **values))

    def job_id(self) -> str:
        """The job's id, as its details tell it."""
        self.at.get_by_text(self.words("jobs.details.title"), exact=True).click()
        told = self.at.get_by_role("link", name=re.compile(r"^[0-9a-f]{32}$"))
        return told.inner_text()


@dataclass(frozen=True, kw_only=True)
class SwapPage:
    """One open page."""

    page: Page
    words: Words

    @property
    def consent(self) -> Locator:
        """The one tick."""
        return self.page.get_by_role("checkbox", name=self.words("composer.consent.text"))

    def button(self, key: str, **values: object) -> Locator:
        """A button by its text in the dictionary."""
        return self.page.get_by_role("button", name=self.words(key, **values), exact=True)

    def says(self, key: str, **values: object) -> Locator:
        """Where the page first says a text of the dictionary; some it also says to screen readers alone."""
        return self.page.get_by_text(self.words.like(key, **values)).first

    def box(self, person: int) -> Locator:
        """The face of one of several people in the picture, a button that is pressed or not."""
        seen = self.words("composer.person_at", person=self.words("composer.person", number=person))
        return self.page.get_by_role("button", name=_like(self.words("composer.box", person=seen)))

    def person(self, number: int) -> Locator:
        """The row of one of several people: who it is, and their new face."""
        who = self.words("composer.person_at", person=self.words("composer.person", number=number))
        return self.page.get_by_role("listitem").filter(has=self.page.get_by_role("img", name=_like(who)))

    def card(self, name: str) -> Card:
        """The newest job on a file of that name."""
        return Card(at=self.page.get_by_role("article", name=name).first, words=self.words)

    def choose_target(self, file: FilePayload) -> None:
        """Choose the picture or video to change."""
        with self._choosing(file):
            self.button("composer.target.choose").or_(self.button("composer.target.replace")).click()

    def choose_face(self, file: FilePayload) -> None:
        """Choose the new face of the only person."""
        with self._choosing(file):
            self.page.get_by_role("button", name=self.words("composer.face.add_the")).click()

    def found(self, count: int) -> Locator:
        """Where the page says how many people it found."""
        return self.says("composer.found", count=count)

    def change_face(self, file: FilePayload) -> None:
        """Choose another new face for the only person."""
        with self._choosing(file):
            self.page.get_by_role("button", name=self.words.like("composer.face.change_of")).click()

    def choose_face_of(self, person: int, file: FilePayload) -> None:
        """Choose the new face of one of several people."""
        with self._choosing(file):
            self.person(person).get_by_role("button").first.click()

    def wait_until_sent(self) -> None:
        """Wait until no file is on its way any more."""
        expect(self.says("composer.sending")).to_have_count(0)

    def start(self, count: int = 1) -> None:
        """Set the tick and start the swap of that many faces, once every file has been sent."""
        self.wait_until_sent()
        self.consent.check()
        self.button("composer.start", count=count).click()

    @contextmanager
    def _choosing(self, file: FilePayload) -> Iterator[None]:
        with self.page.expect_file_chooser() as chooser:
            yield
        chooser.value.set_files(file)
