"""Mirrors of model files on loopback, good and bad, and a small catalogue whose files they have."""

import hashlib
import io
import random
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from models.catalogue import Catalogue, ModelFile
from models.store.download import Patience
from models.store.fetch import HttpsFetcher
from models.store.licences import Licences
from models.store.model_store import ModelStore
from models.store.places import SearchPlace

SIZE = 20_000
MODEL = random.Random(1).randbytes(SIZE)
DETECTOR = random.Random(2).randbytes(3_000)
RECOGNISER = random.Random(3).randbytes(5_000)
FAST = Patience(tries=3, first_wait_s=0.0, longest_wait_s=0.0)


@dataclass(kw_only=True)
class Page:
    """What a mirror has under one path, and how it fails.

    `cuts` are lengths after which the connections break one after the other; `statuses` are answered one
    after the other before the file is; `pause_s` lies between pieces of 1 kB.
    """

    body: bytes
    statuses: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    content_type: str = "application/octet-stream"
    etag: str | None = '"v1"'
    ranges: bool = True
    announced: bool = True
    pause_s: float = 0.0


@dataclass
class Mirror:
    """A running mirror: its pages by path and the requests it got as (path, Range header)."""

    port: int
    pages: dict[str, Page]
    requests: list[tuple[str, str | None]] = field(default_factory=list)


@contextmanager
def mirror(pages: Mapping[str, Page]) -> Iterator[Mirror]:
    """Serve `pages` over HTTP on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests.append((self.path, self.headers.get("Range")))
            with suppress(ConnectionError):
                _answer(self, served.pages.get(self.path))

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - as in http.server
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served = Mirror(server.server_port, dict(pages))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(handler: BaseHTTPRequestHandler, page: Page | None) -> None:
    if page is None:
        handler.send_error(404)
        return
    if page.statuses:
        handler.send_error(page.statuses.pop(0))
        return
    start = _start(handler, page)
    if start >= len(page.body) > 0 and start:
        handler.send_error(416)
        return
    handler.send_response(206 if start else 200)
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(page.body) - 1}/{len(page.body)}")
    if page.announced:
        handler.send_header("Content-Length", str(len(page.body) - start))
    if page.etag:
        handler.send_header("ETag", page.etag)
    handler.send_header("Content-Type", page.content_type)
    handler.end_headers()
    end = start + page.cuts.pop(0) if page.cuts else len(page.body)
    for at in range(start, end, 1000):
        handler.wfile.write(page.body[at : min(end, at + 1000)])
        time.sleep(page.pause_s)
    handler.close_connection = True


def _start(handler: BaseHTTPRequestHandler, page: Page) -> int:
    asked = handler.headers.get("Range")
    if asked is None or not page.ranges or handler.headers.get("If-Range") != page.etag:
        return 0
    return int(asked.removeprefix("bytes=").removesuffix("-"))


class LoopbackFetcher(HttpsFetcher):
    """Reads `https://<name>.test/path` from the mirror of that name, without TLS."""

    schemes = ("http",)

    def __init__(self, ports: Mapping[str, int], *, read_timeout_s: float = 5.0) -> None:
        super().__init__(connect_timeout_s=5.0, read_timeout_s=read_timeout_s)
        self._ports = dict(ports)

    def addresses(self, file: ModelFile) -> Sequence[str]:
        found = []
        for address in super().addresses(file):
            host, _, path = address.removeprefix("https://").partition("/")
            name = host.removesuffix(".test")
            if name in self._ports:
                found.append(f"http://127.0.0.1:{self._ports[name]}/{path}")
        return found


class Record:
    """A progress that keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.done: list[tuple[str, int, int | None]] = []

    def note(self, name: str, sentence: str) -> None:
        self.notes.append(f"{name}: {sentence}")

    def advance(self, name: str, done: int, total: int | None) -> None:
        self.done.append((name, done, total))


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Make a zip file with these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(zipfile.ZipInfo(name), body)  # whose date is the same in every process
    return out.getvalue()


FLAT_ZIP = zipped({"det_10g.onnx": DETECTOR, "w600k_r50.onnx": RECOGNISER, "1k3d68.onnx": b"not needed"})


def version(body: bytes, *mirrors: str, sized: bool = True) -> dict[str, Any]:
    """Describe a version by the bytes it has."""
    described = {"revision": "1", "sha256": hashlib.sha256(body).hexdigest(), "mirrors": list(mirrors)}
    return described | ({"bytes": len(body)} if sized else {})


def catalogue(archive: bytes = FLAT_ZIP) -> Catalogue:
    """A catalogue of the production engine's shape, with files of a few kB at the mirrors `one` and `two`."""
    return Catalogue.parse(
        {
            "licences": {
                "free": {"title": "Free", "url": "https://free.test/"},
                "nc": {"title": "Not for sale", "url": "https://nc.test/", "non_commercial": True},
            },
            "templates": {"t": {"size": 2, "points": [[0, 0]] * 5}},
            "files": {
                "swapper.onnx": {
                    "licence": "nc",
                    "versions": [
                        version(MODEL, "https://one.test/swapper.onnx", "https://two.test/swapper.onnx")
                    ],
                },
                "unknown.onnx": {
                    "licence": "free",
                    "versions": [{"revision": "1", "mirrors": ["https://one.test/unknown.onnx"]}],
                },
                "buffalo_l.zip": {
                    "licence": "free",
                    "versions": [version(archive, "https://one.test/buffalo_l.zip")],
                },
                "det_10g.onnx": {
                    "licence": "free",
                    "archive": "buffalo_l.zip",
                    "versions": [version(DETECTOR, sized=False)],
                },
                "w600k_r50.onnx": {
                    "licence": "free",
                    "archive": "buffalo_l.zip",
                    "versions": [version(RECOGNISER, sized=False)],
                },
            },
            "engines": {
                "tiny": {
                    "kind": "swapper",
                    "files": {
                        "swapper": "swapper.onnx",
                        "detector": "det_10g.onnx",
                        "recogniser": "w600k_r50.onnx",
                    },
                    "input_size": 128,
                    "template": "t",
                    "embedding": "emap",
                }
            },
        }
    )


def store(
    root: Path,
    *folders: Path,
    known: Catalogue | None = None,
    accepted: Sequence[str] = ("nc",),
    offline: bool = False,
    patience: Patience = FAST,
) -> ModelStore:
    """A store with the folders given (`root/models` if none) and its cache in `root/cache`."""
    cache = root / "cache"
    return ModelStore(
        known or catalogue(),
        [SearchPlace(folder=folder) for folder in folders or (root / "models",)],
        cache_dir=cache,
        licences=Licences(cache / "licences.json", accepted),
        offline=offline,
        patience=patience,
    )
