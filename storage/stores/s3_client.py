"""An aiobotocore S3 client that sends every request exactly once, by the rules R2 and S3 have in common."""

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from aioboto3 import Session
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from botocore.exceptions import NoRegionError

from storage.stores.parts import md5
from storage.stores.s3_errors import settings_errors
from storage.stores.s3_settings import S3Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from types_aiobotocore_s3 import S3Client


class _SingleSendSession(AIOHTTPSession):
    """aiohttp sends a PUT again by itself when the connection breaks; a conditional one would then lose
    against its own first copy, so that is switched off here and all retries stay visible.
    """  # noqa: D205 - one thought

    async def _get_session(self, proxy_url: str | None) -> Any:  # noqa: ANN401 - untyped in aiobotocore
        session = await super()._get_session(proxy_url)  # type: ignore[misc] # missing in the stubs
        session._retry_connection = False  # noqa: SLF001 - aiohttp has no public switch
        return session

    async def send(self, request: Any) -> Any:  # noqa: ANN401 - the stubs name another library's types
        # aiohttp would wait for "100 Continue" without end, and a round trip per write is a high price
        request.headers.pop("Expect", None)
        return await super().send(request)


@asynccontextmanager
async def open_client(settings: S3Settings) -> "AsyncIterator[S3Client]":
    """Make the client; the SDK's retries are off.

    Raises:
        StoreUnusable: the environment or the SDK's own files ask for something that cannot be.
    """
    async with AsyncExitStack() as stack:
        with settings_errors():
            session = Session()
            if settings.sdk_region is None and session.region_name is None:
                raise NoRegionError
            client = await stack.enter_async_context(_client(session, settings))
        client.meta.events.register("before-call.s3", stay_in_the_region)
        yield client


def _client(session: Session, settings: S3Settings) -> "AbstractAsyncContextManager[S3Client]":
    config = AioConfig(
        http_session_cls=_SingleSendSession,
        signature_version="s3v4",
        proxies=settings.sdk_proxies,
        connect_timeout=settings.connect_timeout_s,
        read_timeout=settings.read_timeout_s,
        max_pool_connections=settings.pool_size,
        retries={"total_max_attempts": 1},
        s3={"addressing_style": settings.addressing},
        # R2 refuses the trailing checksums that the SDK would send by default
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return session.client(
        "s3",
        endpoint_url=settings.endpoint_url,
        region_name=settings.sdk_region,
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key,
        config=config,
    )


def stay_in_the_region(context: Any, **_: object) -> None:  # noqa: ANN401 - botocore's event argument
    """Keep the SDK from looking for the bucket's region by itself: it sends more, and where a store answers
    every request with a redirect it never ends.
    """  # noqa: D205 - one thought
    context.get("s3_redirect", {})["redirected"] = True


def add_content_md5(request: Any, **_: object) -> None:  # noqa: ANN401 - botocore's event argument
    """Sign a bulk delete with the MD5 that the SDK no longer sends and that some stores insist on."""
    request.headers["Content-MD5"] = md5(request.body).base64
