"""Players of a page, played and moved as people do."""

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page, Response

_READ = """const read = video => ({
    at: video.currentTime, length: video.duration, width: video.videoWidth, height: video.videoHeight,
    ended: video.ended, trouble: video.error?.message ?? null,
});"""
# Without sound browsers let a page play by itself.
_PLAY = f"""async video => {{
    {_READ}
    video.muted = true;
    await new Promise((resolve, reject) => {{
        video.addEventListener("ended", resolve, {{once: true}});
        video.addEventListener("error", () => reject(video.error.message), {{once: true}});
        video.play().catch(reject);
    }});
    return read(video);
}}"""
_SEEK = f"""async (video, to) => {{
    {_READ}
    await new Promise((resolve, reject) => {{
        video.addEventListener("seeked", resolve, {{once: true}});
        video.addEventListener("error", () => reject(video.error.message), {{once: true}});
        video.currentTime = to;
    }});
    return read(video);
}}"""


@dataclass(frozen=True, kw_only=True)
class Playing:
    """How a player stands: `at` and `length` in seconds, its picture in pixels, what is wrong if anything."""

    at: float
    length: float
    width: int
    height: int
    ended: bool
    trouble: str | None


def play_to_the_end(video: Locator) -> Playing:
    """Play a video from where it is; raises what the player says is wrong with it."""
    return Playing(**video.evaluate(_PLAY))


def seek(video: Locator, to: float) -> Playing:
    """Move a video to a place, in seconds."""
    return Playing(**video.evaluate(_SEEK, to))


def answers_for(page: Page, path: str) -> list[Any]:
    """What the page is answered from now on when it fetches something below that path."""
    answers: list[Any] = []

    def note(answer: Response) -> None:
        if path in answer.url:
            answers.append((answer.status, answer.headers.get("content-range")))

    page.on("response", note)
    return answers
