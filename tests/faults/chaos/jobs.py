"""What the chaos run drops: good, bad, cancelled and repeated jobs, each with its right ends."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from pipeline.face import Bgr
from storage import keys
from storage.lease.cas import read_record
from storage.stores.port import ObjectStore
from tests.support.engines import picture, png

_FACE = (slice(10, 34), slice(20, 44))  # where the one face of `picture()` is
_COLOURS = [(10, 200, 30), (250, 250, 0), (0, 120, 240), (90, 90, 90), (255, 0, 255), (0, 60, 0)]
_AGAIN_WITHIN_S = 10.0
_CANCEL_WITHIN_S = 2.0
_FAILS: Mapping[str, Mapping[str, object]] = {
    "no_face_in_target": {"target": "uploads/faceless.png"},
    "media_corrupt": {"target": "uploads/torn.png"},
    "input_not_found": {"target": "uploads/nowhere.png"},
    "input_forbidden": {"target": "https://127.0.0.1/target.png"},
    "invalid_manifest": {"options": {"many_facez": True}},
}


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """A job that was dropped; `ends` are the terminal states it may have, with their codes.

    `colour` is that of its source, which a result must show in its face.
    """

    job_id: str
    kind: str
    ends: frozenset[str]
    colour: tuple[int, int, int] | None = None

    def expected(self) -> Bgr | None:
        """The picture that a result of this job shows."""
        if self.colour is None:
            return None
        bgr = picture()
        bgr[_FACE] = self.colour
        return bgr


class Dropper:
    """Drops jobs at a pace, and later some of them again, or a cancel; what it does follows from `rng`."""

    def __init__(self, store: ObjectStore, rng: random.Random) -> None:
        self.dropped: dict[str, Dropped] = {}
        self.repeats = 0
        self.cancels = 0
        self._store = store
        self._rng = rng
        self._later: set[asyncio.Task[None]] = set()

    async def drop(self, count: int, *, per_s: float) -> None:
        """Drop `count` jobs; returns when every repetition and cancel has been sent, too."""
        await self._upload()
        kinds = {self._good: 72, self._folder: 10, self._bad: 7, self._broken: 2, self._cancelled: 9}
        for number in range(count):
            [kind] = self._rng.choices([*kinds], weights=[*kinds.values()])
            job = await kind(number)
            self.dropped[job.job_id] = job
            await asyncio.sleep(1 / per_s)
        while self._later:
            await asyncio.wait(self._later)

    async def _upload(self) -> None:
        files = {f"source-{number}": png(picture(colour=colour)) for number, colour in enumerate(_COLOURS)}
        files |= {"target": png(picture()), "faceless": png(picture(faces=())), "torn": png(picture())[:-30]}
        for name, body in files.items():
            await self._put(f"{keys.UPLOADS}{name}.png", body)

    async def _good(self, number: int) -> Dropped:
        job_id, colour, body = self._manifest(number)
        await self._put(keys.manifest(job_id), body)
        if self._rng.random() < 0.15:
            self._soon(lambda: self._again(job_id, body), _AGAIN_WITHIN_S)
        return Dropped(job_id=job_id, kind="good", ends=frozenset({"completed"}), colour=colour)

    async def _bad(self, number: int) -> Dropped:
        code = self._rng.choice([*_FAILS])
        job_id, _, body = self._manifest(number, **_FAILS[code])
        await self._put(keys.manifest(job_id), body)
        return Dropped(job_id=job_id, kind="bad input", ends=frozenset({f"failed {code}"}))

    async def _broken(self, number: int) -> Dropped:
        """A manifest that is no JSON; its job is named by its content."""
        name = f"broken-{number:05d}"
        etag = await self._put(keys.manifest(name), b"{" * (number + 1))
        job_id = keys.dropped_job_id(name, [etag])
        return Dropped(job_id=job_id, kind="broken manifest", ends=frozenset({"failed invalid_manifest"}))

    async def _cancelled(self, number: int) -> Dropped:
        job_id, colour, body = self._manifest(number)
        await self._put(keys.manifest(job_id), body)
        self._soon(lambda: self._cancel(job_id), _CANCEL_WITHIN_S)
        ends = frozenset({"cancelled", "completed"})
        return Dropped(job_id=job_id, kind="cancelled", ends=ends, colour=colour)

    async def _folder(self, number: int) -> Dropped:
        choice = self._rng.randrange(len(_COLOURS))
        name, source = f"folder-{number:05d}", png(picture(colour=_COLOURS[choice]))
        etags = await self._put_folder(name, source)
        job_id = keys.dropped_job_id(name, [f"{file} {etag}" for file, etag in etags.items()])
        if self._rng.random() < 0.3:
            self._soon(lambda: self._folder_again(name, source), 0)
        ends = frozenset({"completed"})
        return Dropped(job_id=job_id, kind="folder", ends=ends, colour=_COLOURS[choice])

    def _manifest(self, number: int, **changes: object) -> tuple[str, tuple[int, int, int], bytes]:
        choice, job_id = self._rng.randrange(len(_COLOURS)), f"job-{number:05d}"
        document = {
            "version": 1,
            "job_id": job_id,
            "process_type": "single-image",
            "source": f"uploads/source-{choice}.png",
            "target": "uploads/target.png",
            **changes,
        }
        return job_id, _COLOURS[choice], json.dumps(document).encode()

    async def _again(self, job_id: str, body: bytes) -> None:
        await self._put(keys.manifest(job_id), body)
        self.repeats += 1

    async def _folder_again(self, name: str, source: bytes) -> None:
        """The same files once more when the first are gone, as somebody does who missed the result."""
        while (await self._store.list(keys.inbox_folder(name))).objects:  # noqa: ASYNC110 -- a bucket has no events
            await asyncio.sleep(1)
        await self._put_folder(name, source)
        self.repeats += 1

    async def _cancel(self, job_id: str) -> None:
        stored = await read_record(self._store, job_id)
        if stored is None or not stored.status.terminal:  # as `swapdrop cancel` does
            await self._put(keys.cancel(job_id), b"")
            self.cancels += 1

    async def _put_folder(self, name: str, source: bytes) -> dict[str, str]:
        files = {"source.png": source, "target.png": png(picture())}
        return {file: await self._put(keys.inbox_folder(name) + file, body) for file, body in files.items()}

    async def _put(self, key: str, body: bytes) -> str:
        return await self._store.put(key, body, content_type="application/octet-stream")

    def _soon(self, work: Callable[[], Awaitable[None]], within_s: float) -> None:
        delay_s = self._rng.uniform(0, within_s)

        async def later() -> None:
            await asyncio.sleep(delay_s)
            await work()

        task = asyncio.create_task(later())
        self._later.add(task)
        task.add_done_callback(self._later.discard)
