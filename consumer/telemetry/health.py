"""The consumer's health over HTTP: `/healthz`, `/readyz`, `/metrics`."""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import aiohttp
from aiohttp import web

from consumer.config.group import SettingsError

_UNAVAILABLE = 503
_OK = 200
_POLL_S = 0.05
_END_S = 1.0  # for answers under way; who does not read one must not keep the process from ending


@dataclass(frozen=True, kw_only=True)
class Health:
    """What the endpoints say; `problems` keep the consumer from being ready, `warnings` do not yet.

    `missing_files` says of each model file that is missing where it was looked for, and what was found.
    """

    status: Literal["healthy", "degraded", "unhealthy"]
    message: str
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    modules_imported: bool
    models_directory: str
    engine: Mapping[str, Any] | None
    missing_files: Mapping[str, tuple[str, ...]]
    providers: tuple[str, ...]
    jobs: Mapping[str, int]

    @property
    def ready(self) -> bool:
        """Whether jobs sent now would be done here."""
        return self.status == "healthy"


class HealthServer:
    """Serves the health of one consumer on `host`, at `port` or a free one for 0; a context manager.

    Raises SettingsError on entering when the address cannot be had; says why.
    """

    def __init__(
        self, health: Callable[[], Health], metrics: Callable[[], bytes], *, host: str, port: int
    ) -> None:
        self._health = health
        self._metrics = metrics
        self._host = host
        self._port = port
        application = web.Application()
        application.router.add_get("/healthz", self._alive)
        application.router.add_get("/readyz", self._ready)
        application.router.add_get("/metrics", self._measured)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=_END_S)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise SettingsError(_why_not_there(error, self._host, self._port)) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def _alive(self, _request: web.Request) -> web.Response:
        health = self._health()
        return _answer(health, fine=health.status != "unhealthy")

    async def _ready(self, _request: web.Request) -> web.Response:
        health = self._health()
        return _answer(health, fine=health.ready)

    async def _measured(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=self._metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )


def _why_not_there(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"SWAPDROP_HEALTH_PORT: {host}:{port} is taken, by another consumer perhaps; set another port, "
            "or 0 for any that is free."
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"SWAPDROP_HEALTH_PORT: {port} may not be used by this user; set one from 1024 on."
    return f"SWAPDROP_HEALTH_HOST: {host} is no address of this machine; set 127.0.0.1, or 0.0.0.0 for all."


def _answer(health: Health, *, fine: bool) -> web.Response:
    return web.json_response(asdict(health), status=_OK if fine else _UNAVAILABLE)


async def wait_until_ready(
    url: str, *, timeout_s: float = 30.0, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
) -> None:
    """Wait until the consumer whose health is served at `url` is ready; raises TimeoutError."""
    async with asyncio.timeout(timeout_s), aiohttp.ClientSession(trust_env=False) as session:
        while True:
            try:
                async with session.get(f"{url}/readyz") as answer:
                    if answer.status == _OK:
                        return
            except aiohttp.ClientError:
                pass  # it does not listen yet
            await sleep(_POLL_S)
