"""Why a store cannot be reached: each cause has a sentence of its own, with the address and no secret."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from storage.errors import StorageError, StoreDenied, StoreUnavailable, StoreUnusable
from storage.stores.s3_settings import S3Settings
from storage.stores.s3_store import open_s3_store
from tests.support.http_servers import tls_server
from tests.support.ports import free_port
from tests.support.scripted_server import Reply, scripted_server

_SECRET = "hush-hush-hush"  # noqa: S105 - to look for in what comes out


async def said_of(url: str | None, **changes: Any) -> StorageError:  # noqa: ANN401 - any of the settings
    """What a listing of the bucket at `url` fails with."""
    settings = S3Settings(
        bucket="lab",
        endpoint_url=url,
        **{
            "access_key_id": "id",
            "secret_access_key": _SECRET,
            "addressing": "path",
            "retry_attempts": 1,
            "connect_timeout_s": 0.5,
            "read_timeout_s": 0.5,
            **changes,
        },
    )
    with pytest.raises(StorageError) as caught:
        async with open_s3_store(settings) as store:
            await store.list("")
    assert _SECRET not in str(caught.value)
    assert "job" not in str(caught.value)
    return caught.value


@asynccontextmanager
async def server(*, answers: bool) -> AsyncIterator[str]:
    """One that takes every connection and either ends it after a few bytes of its own or stays silent."""
    served: list[asyncio.Event] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.Event())
        ended = served[-1]
        if answers:
            await reader.read(1)
            writer.write(b"what?\r\n")
        else:
            await reader.read()
        writer.close()
        ended.set()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        for ended in served:
            await ended.wait()


async def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_kwargs: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = await said_of("https://store.invalid")
    assert isinstance(error, StoreUnavailable)
    assert "The name store.invalid is unknown (DNS)" in str(error)


async def test_a_port_where_nobody_listens() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert f"Nothing listens at {url} (connection refused)" in str(await said_of(url))


async def test_a_certificate_that_is_not_trusted() -> None:
    async with tls_server({}) as tls:
        said = str(await said_of(f"https://127.0.0.1:{tls.port}"))
    assert f"The certificate of https://127.0.0.1:{tls.port} is not trusted (" in said
    assert "AWS_CA_BUNDLE" in said


async def test_a_bundle_of_certificates_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "none.pem"))
    assert "check AWS_CA_BUNDLE" in str(await said_of("https://127.0.0.1:1"))


async def test_tls_spoken_to_a_server_without_and_the_other_way_round() -> None:
    async with server(answers=True) as address:
        said = str(await said_of(f"https://{address}"))
    assert "should its address begin with http://?" in said
    async with scripted_server() as other:  # which ends connections without a word
        said = str(await said_of(other.url))
        address = other.url.removeprefix("http://")
    assert said == (
        f"http://{address} broke the connection off without an answer; should its address begin with https://?"
    )


async def test_a_store_that_is_silent() -> None:
    async with server(answers=False) as address:
        said = str(await said_of(f"http://{address}"))
    assert said == f"http://{address} took a request and did not answer it in time."


async def test_a_dead_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:{_SECRET}@127.0.0.1:{port}")
    said = str(await said_of("https://store.invalid"))
    assert f"The proxy http://127.0.0.1:{port} made no connection to https://store.invalid" in said


async def test_the_proxy_of_the_environment_is_used_but_for_stores_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scripted_server() as proxy, scripted_server() as local:
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, proxy.url)
        proxy.script = [Reply.error(403, "AccessDenied")]
        await said_of("http://store.invalid")
        assert [request.path.partition("?")[0] for request in proxy.requests] == ["http://store.invalid/lab"]
        local.script = [Reply.error(403, "AccessDenied")]
        await said_of(local.url)
        assert len(local.requests) == len(proxy.requests) == 1
        monkeypatch.setenv("NO_PROXY", "store.invalid")
        await said_of("http://store.invalid")
        assert len(proxy.requests) == 1


@pytest.mark.parametrize(
    ("status", "code", "headers", "said"),
    [
        (301, "PermanentRedirect", {"x_amz_bucket_region": "eu-west-1"}, "set AWS_REGION=eu-west-1"),
        (400, "AuthorizationHeaderMalformed", {}, "is in another region; set AWS_REGION"),
        (403, "InvalidAccessKeyId", {}, "does not know this access key"),
        (403, "SignatureDoesNotMatch", {}, "the secret is not that of this access key"),
        (400, "ExpiredToken", {}, "session token of these credentials has expired"),
        (403, "AccessDenied", {}, "refused these credentials"),
        (403, "RequestTimeTooSkewed", {}, "clock"),
    ],
)
async def test_each_refusal_says_what_to_correct(
    status: int, code: str, headers: dict[str, str], said: str
) -> None:
    async with scripted_server() as store:
        store.script = [Reply.error(status, code, **headers)]
        error = await said_of(store.url)
    assert type(error) is StoreDenied
    assert said in str(error)


async def test_an_error_of_the_stores_own_is_told_with_its_code() -> None:
    async with scripted_server() as store:
        store.script = [Reply.error(500, "InternalError")]
        error = await said_of(store.url)
    assert str(error) == "The storage answers with an error (HTTP 500, InternalError)."
    assert isinstance(error, StoreUnavailable)
    assert "HTTP" not in error.for_sender


async def test_what_the_sdk_cannot_work_with_is_said_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    error = await said_of(None)
    assert type(error) is StoreUnusable
    assert "AWS needs a region" in str(error)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    error = await said_of("http://127.0.0.1:1")
    assert "AWS_PROFILE names the profile 'nobody'" in str(error)


async def test_the_region_of_a_profile_will_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\nregion = eu-central-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    settings = S3Settings(bucket="lab", access_key_id="id", secret_access_key=_SECRET)
    async with open_s3_store(settings) as store:
        assert "eu-central-1" in await store.link("key", expires_s=9)
