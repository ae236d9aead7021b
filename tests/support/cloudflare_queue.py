"""Cloudflare's pull API for one queue, on loopback, with the shapes of the real one.

Source of the shapes: "Pull consumers" and the API reference for `messages/pull` and `messages/ack` in
Cloudflare's documentation.
"""

import base64
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN = "token-of-the-tests"  # noqa: S105 -- of a server that lives for seconds
READ_ONLY_TOKEN = "token-that-may-only-read"  # noqa: S105 -- as above
_PATH = "/client/v4/accounts/0a1b/queues/2c3d"


@dataclass
class Held:
    """A message in the queue; it may be pulled once `visible_at` has come, by the monotonic clock."""

    body: str
    content_type: str
    sent_ms: int
    attempts: int = 0
    visible_at: float = 0.0
    lease_id: str = ""


@dataclass
class FakeCloudflareQueue:
    """The queue behind the server; `failures` are answered first, in order, as (status, headers)."""

    url: str = ""
    max_retries: int = 100
    messages: dict[str, Held] = field(default_factory=dict)
    dead: list[Held] = field(default_factory=list)
    failures: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    delays_s: list[int] = field(default_factory=list)

    def send(self, body: Any, content_type: str = "json") -> None:  # noqa: ANN401 -- whatever JSON can hold
        """Put a message into the queue as a producer would."""
        raw = (
            body
            if isinstance(body, bytes)
            else (body if content_type == "text" else json.dumps(body)).encode()
        )
        shown = raw.decode() if content_type == "text" else base64.b64encode(raw).decode()
        self.messages[secrets.token_hex(16)] = Held(shown, content_type, time.time_ns() // 1_000_000)

    def pull(self, most: int, visible_after_ms: int) -> dict[str, Any]:
        """Lease up to `most` messages."""
        now, pulled = time.monotonic(), list[dict[str, Any]]()
        for number, held in list(self.messages.items()):
            if held.visible_at > now or len(pulled) == most:
                continue
            if held.attempts > self.max_retries:
                self.dead.append(self.messages.pop(number))
                continue
            held.attempts += 1
            held.visible_at = now + visible_after_ms / 1000
            held.lease_id = secrets.token_urlsafe(40)
            metadata = {"CF-Content-Type": held.content_type, "CF-sourceMessageSource": "r2"}
            shown = {"id": number, "body": held.body, "lease_id": held.lease_id, "attempts": held.attempts}
            pulled.append({**shown, "timestamp_ms": held.sent_ms, "metadata": metadata})
        return {"message_backlog_count": len(self.messages), "messages": pulled}

    def settle(self, acks: list[dict[str, Any]], retries: list[dict[str, Any]]) -> dict[str, Any]:
        """Remove messages and let others come again; only a live lease counts."""
        leased = {held.lease_id: number for number, held in self.messages.items()}
        acked = [leased[ack["lease_id"]] for ack in acks if ack["lease_id"] in leased]
        retried = [retry for retry in retries if retry["lease_id"] in leased]
        for retry in retried:
            held = self.messages[leased[retry["lease_id"]]]
            held.visible_at = time.monotonic() + retry.get("delay_seconds", 0)
            held.lease_id = ""
            self.delays_s.append(retry.get("delay_seconds", 0))
        for number in acked:
            del self.messages[number]
        return {"ackCount": len(acked), "retryCount": len(retried), "warnings": []}


@asynccontextmanager
async def cloudflare_queue() -> AsyncIterator[FakeCloudflareQueue]:
    """Run the server on a free port."""
    queue = FakeCloudflareQueue()

    async def answer(request: web.Request) -> web.Response:
        body, verb = await request.json(), request.match_info["verb"]
        queue.calls[verb] += 1
        if queue.failures:
            status, headers = queue.failures.pop(0)
            return _refused(status, 10013, "Please try again", headers)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token != TOKEN:
            return _refused(403 if token == READ_ONLY_TOKEN else 401, 10000, "Authentication error")
        if verb == "pull":
            return _fine(queue.pull(body.get("batch_size", 5), body.get("visibility_timeout_ms", 30_000)))
        return _fine(queue.settle(body.get("acks", []), body.get("retries", [])))

    async def unknown(_: web.Request) -> web.Response:
        return _refused(404, 11000, "queue not found")

    application = web.Application()
    application.router.add_post(f"{_PATH}/messages/{{verb:pull|ack}}", answer)
    application.router.add_route("*", "/{path:.*}", unknown)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        queue.url = f"http://127.0.0.1:{runner.addresses[0][1]}{_PATH}"
        yield queue
    finally:
        await runner.cleanup()


def _fine(result: dict[str, Any]) -> web.Response:
    return web.json_response({"success": True, "errors": [], "messages": [], "result": result})


def _refused(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    error = {"code": code, "message": message}
    body = {"success": False, "errors": [error], "messages": [], "result": None}
    return web.json_response(body, status=status, headers=headers)
